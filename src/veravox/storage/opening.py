"""The storage that the settings name."""

from urllib.parse import urlsplit

from veravox.security import server_secret
from veravox.settings import InvalidSettings, Settings
from veravox.storage.local import LocalStorage
from veravox.storage.protocol import Storage
from veravox.storage.signing import UrlSigner

FOLDER = "objects"


def open_storage(settings: Settings) -> Storage:
    """The configured storage, else a folder in the data folder.

    Raises InvalidSettings for a URL of another kind, without the extra ``s3``, or without
    credentials.
    """
    url = settings.storage_url
    if url is None:
        return LocalStorage(settings.data_dir / FOLDER, UrlSigner(server_secret(settings)))
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise InvalidSettings("storage_url: write s3://bucket or s3://bucket/prefix")
    try:
        from veravox.storage.s3 import S3Place, S3Storage
    except ModuleNotFoundError as error:
        raise InvalidSettings("storage_url needs: pip install veravox[s3]") from error
    place = S3Place(
        bucket=parts.netloc,
        prefix=parts.path.strip("/"),
        endpoint=settings.storage_endpoint,
        public_endpoint=settings.storage_public_endpoint,
    )
    try:
        return S3Storage(place)
    except ValueError as error:
        raise InvalidSettings(f"storage_url: {error}") from None
