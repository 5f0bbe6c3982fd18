"""Calls that are analysed while they go on."""

from veravox.streams.service import Conclusion, LiveStream, StreamService, StreamTerms

__all__ = ["Conclusion", "LiveStream", "StreamService", "StreamTerms"]
