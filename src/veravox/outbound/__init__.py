"""Requests to URLs that a caller names."""

from veravox.outbound.addresses import is_public
from veravox.outbound.client import OutboundClient, Resolve, header, resolve

__all__ = ["OutboundClient", "Resolve", "header", "is_public", "resolve"]
