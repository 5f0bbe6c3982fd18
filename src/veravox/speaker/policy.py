"""What an operator may choose about comparing voices."""

from dataclasses import dataclass

from veravox.errors import InvalidRequest
from veravox.speaker.card import OperatingPoint, SpeakerCard


@dataclass(frozen=True, slots=True)
class VoicePolicy:
    """`false_match_rate`: one of the encoder's rates, None for its default.

    `spoof_verdict_needed`: whether a recording on which the detector has no verdict is never
    accepted.
    """

    false_match_rate: float | None = None
    spoof_verdict_needed: bool = True

    def point(self, card: SpeakerCard) -> OperatingPoint:
        """The operating point of `card`. Raises InvalidRequest, naming the rates there are."""
        wanted = self.false_match_rate or card.default_rate
        for point in card.points:
            if point.false_match_rate == wanted:
                return point
        rates = ", ".join(f"{point.false_match_rate:g}" for point in card.points)
        raise InvalidRequest(f"false_match_rate must be one of {rates}")
