"""Calls in the shapes of Aurigin v0 and of Neural Defend; they have no ids to repeat them by."""

from veravox_client._answers import ensure_good, parsed
from veravox_client._flow import Flow, exchange
from veravox_client._media import Media, OnUpload, open_media
from veravox_client._server import Server
from veravox_client.vendors import AudioAnalysis, ChunkPredictions, DetectionAnswer

NO_SPEECH_STATUS = 422
"""What some servers answer with where there is no speech; the body is that of a good answer."""


def predict_v0(
    server: Server,
    media: Media,
    user_id: str | None,
    on_upload: OnUpload | None,
) -> Flow[ChunkPredictions]:
    """Aurigin v0."""
    with open_media(media) as source:
        request = server.form("/v0/predict", {"user_id": user_id}, "file", source, on_upload)
        answer = yield from exchange(request, server.retries, idempotent=False)
        return parsed(ChunkPredictions, answer)


def detect_audio(server: Server, media: Media, on_upload: OnUpload | None) -> Flow[AudioAnalysis]:
    """Neural Defend."""
    with open_media(media) as source:
        request = server.form("/detect/audio", {}, "file", source, on_upload)
        answer = yield from exchange(
            request, server.retries, idempotent=False, good=NO_SPEECH_STATUS
        )
        if answer.status_code == NO_SPEECH_STATUS and b"audio_analysis" not in answer.content:
            ensure_good(answer)
        return parsed(DetectionAnswer, answer).audio_analysis
