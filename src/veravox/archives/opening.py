"""The archive that a path or URL names."""

from pathlib import Path
from urllib.parse import urlsplit

from veravox.archives.folder import FolderArchive
from veravox.archives.recordings import Archive
from veravox.errors import InvalidRequest


def open_archive(place: str, endpoint: str | None = None) -> Archive:
    """The archive at `place`, a folder's path or ``s3://bucket/prefix`` at `endpoint` or AWS.

    Raises InvalidRequest for another kind of URL and where the extra ``s3`` is not installed.
    """
    if "://" not in place:
        return FolderArchive(Path(place).absolute())
    parts = urlsplit(place)
    if parts.scheme != "s3" or not parts.netloc:
        raise InvalidRequest(f"{place}: give a folder or s3://bucket/prefix")
    try:
        from veravox.archives.s3 import S3Archive
    except ModuleNotFoundError as error:
        raise InvalidRequest("s3:// needs: pip install veravox[s3]") from error
    return S3Archive(parts.netloc, parts.path.strip("/"), endpoint)
