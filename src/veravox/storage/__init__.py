"""Where uploaded recordings lie: in a local folder, or in S3."""

from veravox.storage.local import LocalStorage
from veravox.storage.opening import open_storage
from veravox.storage.protocol import SignedRequest, Storage, UploadTerms

__all__ = ["LocalStorage", "SignedRequest", "Storage", "UploadTerms", "open_storage"]
