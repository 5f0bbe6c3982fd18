"""Where a recording came from, and what was received: the beginning of its chain of custody."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

BLOCK_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent a recording and how.

    `call` such as ``"POST /v1/predict"``; `key_id` is the id of the API key, never the key, and
    None where none is needed.
    """

    call: str
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The bytes that were received: how many, and their digests in hexadecimal."""

    size: int
    sha256: str
    sha512: str


@dataclass(frozen=True, slots=True)
class Custody:
    """What is known of a recording's way; None where it was not written down. Times are UTC.

    `received_at` is when its last byte was here, `audio_kept_until` when it was to be deleted.
    """

    origin: Origin | None = None
    received_at: datetime | None = None
    file: FileFacts | None = None
    audio_kept_until: datetime | None = None


def file_facts(media: BinaryIO, on_block: Callable[[], None] | None = None) -> FileFacts:
    """The facts of the whole of `media`, a seekable file at its start, where it is left again.

    `on_block` is called after each mebibyte and may raise to end this.
    """
    size = 0
    digests = hashlib.sha256(), hashlib.sha512()
    while block := media.read(BLOCK_BYTES):
        size += len(block)
        for digest in digests:
            digest.update(block)
        if on_block is not None:
            on_block()
    media.seek(0)
    return FileFacts(size, *(digest.hexdigest() for digest in digests))
