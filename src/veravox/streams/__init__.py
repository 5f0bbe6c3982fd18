"""Calls that are analysed while they go on."""

from veravox.streams.service import (
    Caller,
    Conclusion,
    KeptAs,
    LiveStream,
    StreamService,
    StreamTerms,
)

__all__ = ["Caller", "Conclusion", "KeptAs", "LiveStream", "StreamService", "StreamTerms"]
