"""Calls that are analysed while they go on."""

from veravox.streams.service import Conclusion, KeptAs, LiveStream, StreamService, StreamTerms

__all__ = ["Conclusion", "KeptAs", "LiveStream", "StreamService", "StreamTerms"]
