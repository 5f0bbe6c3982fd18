"""What a recording of `/v1/file` is, from its announcement to its deletion."""

from dataclasses import dataclass
from datetime import datetime

from veravox.predictions import Prediction, PredictionRequest
from veravox.storage import SignedRequest

ENTITY = "analysis"
MEBIBYTE = 1_048_576
SMALLEST_PART = 64 * MEBIBYTE
MOST_PARTS = 1_000


@dataclass(frozen=True, slots=True)
class FileRequest:
    """An announced recording: its `name`, and its `size` (bytes) and type where they are known."""

    prediction: PredictionRequest
    name: str
    size: int | None = None
    content_type: str | None = None
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A recording. `id` is its key in the storage, `key` the one that its owner sees.

    It may be uploaded until `expires_at`, has been since `arrived_at`, and goes at `delete_at`.
    With an `upload_id` it comes in parts of `part_size` bytes. Times are UTC.
    """

    id: str
    tenant_id: str
    prediction_id: str
    name: str
    size: int | None
    content_type: str | None
    upload_id: str | None
    part_size: int | None
    created_at: datetime
    expires_at: datetime
    arrived_at: datetime | None
    delete_at: datetime | None

    @property
    def key(self) -> str:
        """The name under which the owner knows the recording."""
        return f"{ENTITY}/{self.prediction_id}/{self.name}"

    @property
    def part_sizes(self) -> tuple[int, ...]:
        """Bytes of each part; none for an upload in one piece."""
        if self.size is None or self.part_size is None:
            return ()
        full, rest = divmod(self.size, self.part_size)
        return (self.part_size,) * full + ((rest,) if rest else ())


@dataclass(frozen=True, slots=True)
class UploadPart:
    """One request of an upload; `number` counts from 1, `size` in bytes where it is known."""

    number: int
    size: int | None
    request: SignedRequest


@dataclass(frozen=True, slots=True)
class CreatedFile:
    """A prediction and how to upload its recording, in one part or several; none once it came."""

    prediction: Prediction
    key: str
    parts: tuple[UploadPart, ...]


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A stored recording and a URL, or path on this server, to download it from."""

    key: str
    url: str


def part_size(size: int) -> int:
    """Bytes of each part of a recording of `size` bytes, so that there are not too many."""
    needed = -(-size // MOST_PARTS)
    return max(SMALLEST_PART, -(-needed // MEBIBYTE) * MEBIBYTE)
