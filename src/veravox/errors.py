"""Everything that can go wrong in a way that a caller should hear about.

Each error is raised once, where it is known, and translated once, by the dialect that answers.
Messages are safe to show: they hold no path, no secret and no part of the audio.
"""

from dataclasses import dataclass


class VeravoxError(Exception):
    """Base of all errors whose message may be shown to a caller."""

    @property
    def message(self) -> str:
        """The sentence for the caller."""
        return str(self)


class InvalidRequest(VeravoxError):
    """A parameter is missing or has a value outside its documented range."""


class UnknownModel(InvalidRequest):
    """The requested model is not installed; the message names the choices."""


class InvalidManifest(InvalidRequest):
    """An evaluation manifest lacks a column or has a row that cannot be used."""


class InvalidModel(VeravoxError):
    """An installed model's files are missing, malformed or altered; the message names the file."""


class MissingFile(InvalidRequest):
    """No file was sent, or it has no bytes."""


class NoSpeech(InvalidRequest):
    """The recording holds no speech, so there is no voice to compare."""


class RefusedVoice(InvalidRequest):
    """The recording must not or cannot enrol a voice; the message says why."""


class MediaError(VeravoxError):
    """The bytes were received but cannot be analysed."""


class UnsupportedFormat(MediaError):
    """The content is of no supported kind: unrecognised, or recognised as something else."""

    def __init__(self, message: str, recognised: str | None = None) -> None:
        """`recognised` names the format that was sniffed (e.g. ``"PDF"``), if any."""
        super().__init__(message)
        self.recognised = recognised


class UndecodableAudio(MediaError):
    """The container claims a supported format but its audio cannot be decoded."""


class NoAudioStream(MediaError):
    """A readable container that holds no audio stream."""


class MediaTooLarge(MediaError):
    """Decoding would exceed the limits on samples, channels, rate, memory or time."""


@dataclass(eq=False)
class AudioTooShort(MediaError):
    """Less audio than an analysis needs. Seconds."""

    duration: float
    minimum: float

    def __str__(self) -> str:
        """The sentence that both vendors' customers know."""
        return f"Audio file too short: {self.duration:.1f}s (minimum {self.minimum:.1f}s required)"


class Unauthorized(VeravoxError):
    """The API key is missing, unknown, revoked or expired."""


class Forbidden(VeravoxError):
    """A valid API key without the scope that the call needs."""


class NotFound(VeravoxError):
    """No such object for this tenant."""


class Conflict(VeravoxError):
    """The request contradicts an earlier one with the same identifier."""


@dataclass(eq=False)
class PayloadTooLarge(VeravoxError):
    """The request body passed its limit while it was being received. Bytes."""

    limit: int

    def __str__(self) -> str:
        """The vendor's sentence, in whole megabytes."""
        return f"Request body exceeds maximum allowed size of {self.limit // 1_048_576}MB"


@dataclass(frozen=True, slots=True)
class RateUsage:
    """Where a key stands in its requests of the last 60 seconds.

    `limit` requests are allowed, `remaining` of them are left, and at `reset_at`, in Unix seconds,
    the oldest counted request leaves the window and one more becomes possible.
    """

    limit: int
    remaining: int
    reset_at: int


@dataclass(eq=False)
class RateLimited(VeravoxError):
    """A plan's limit is reached: `used` of `limit` in `window`.

    `window` is ``"per minute"`` or ``"concurrent"``, `retry_after` the seconds until a retry helps,
    and `usage` the key's requests of the last minute, whichever limit was reached.
    """

    limit: int
    used: int
    retry_after: int
    window: str
    usage: RateUsage

    def __str__(self) -> str:
        """The limit in words."""
        return f"Rate limit exceeded: {self.used}/{self.limit} {self.window}"


class Unavailable(VeravoxError):
    """Saturated or shutting down; retrying later helps."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        """`retry_after` is in seconds."""
        super().__init__(message)
        self.retry_after = retry_after


class StreamIdle(VeravoxError):
    """A stream on which nothing came, or whose answers were not read, for too long."""


class StreamTooLong(VeravoxError):
    """A stream lasts longer than streams may."""


class StorageUnavailable(Unavailable):
    """The storage of recordings does not answer or has no room."""

    def __init__(self, message: str) -> None:
        """A retry is worthwhile after a few seconds."""
        super().__init__(message, retry_after=5)
