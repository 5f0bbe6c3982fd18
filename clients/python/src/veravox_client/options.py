"""What a caller can choose."""

from dataclasses import dataclass
from typing import Literal, TypedDict


class AnalysisOptions(TypedDict, total=False):
    """How a recording is analysed; everything may be left out.

    `prediction_id`: your own id, ``[A-Za-z0-9_-]{1,64}``; the same id with the same recording gives
    the stored result. `model`: a model id or alias. `threshold`: the spoof probability, 0 to 1,
    from which something counts as spoofed. `silence_threshold`: parts with more silence than this
    percentage are not scored. `channels`: ``split`` judges each channel by itself. `device`: a tag.
    """

    prediction_id: str | None
    model: str | None
    threshold: float | None
    silence_threshold: float | None
    channels: Literal["mix", "split"] | None
    device: str | None


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and when to ask again. Seconds.

    Up to `attempts` requests are made for one call. Between them passes what the server's
    Retry-After asks for, or a random share of `first_delay`, doubled each time up to
    `longest_delay`. When Retry-After asks for more than `longest_retry_after`, the error is raised
    at once.
    """

    attempts: int = 5
    first_delay: float = 0.5
    longest_delay: float = 30.0
    longest_retry_after: float = 120.0

    def __post_init__(self) -> None:
        """Raises ValueError unless there is at least one attempt."""
        if self.attempts < 1:
            raise ValueError("attempts must be at least 1")
