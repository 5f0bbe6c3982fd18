"""The message that says: look at this prediction."""

from datetime import datetime

from veravox.jobs import Message

LANE = "analyses"


def analysis_message(
    tenant_id: str, prediction_id: str, turn: int, not_before: datetime | None = None
) -> Message:
    """The message for a queued prediction; a smaller `turn` comes first."""
    return Message(
        lane=LANE,
        key=f"{tenant_id}/{prediction_id}",
        arguments={"tenant_id": tenant_id, "prediction_id": prediction_id},
        priority=-turn,
        not_before=not_before,
    )
