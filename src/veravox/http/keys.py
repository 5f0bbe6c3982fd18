"""Where the API key stands in a request."""

from veravox.accounts.keys import presented_key

__all__ = ["presented_key"]
