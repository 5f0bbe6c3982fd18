"""Enrolling, verifying and identifying voices."""

import json
from collections.abc import Sequence

from veravox_client._answers import parsed
from veravox_client._flow import Flow, exchange
from veravox_client._media import Media, OnUpload, open_media
from veravox_client._server import Server, segment
from veravox_client.voices import (
    Enrolment,
    Erasure,
    Identification,
    Verification,
    Voiceprint,
    VoiceprintList,
)

FILE_FIELD = "audio_file"
VOICEPRINTS = "/v1/voiceid/voiceprints"


def enroll(
    server: Server,
    media: Media,
    user_id: str | None,
    store: bool,
    replace: bool,
    consent: str | None,
    allow_spoofed: bool,
    on_upload: OnUpload | None,
) -> Flow[Enrolment]:
    """A new voice; one that is to be stored is not sent twice."""
    fields = {
        "user_id": user_id,
        "store": store,
        "replace": replace,
        "consent": consent,
        "allow_spoofed": allow_spoofed,
    }
    with open_media(media) as source:
        request = server.form("/v1/voiceid/enroll", fields, FILE_FIELD, source, on_upload)
        answer = yield from exchange(request, server.retries, idempotent=not store)
        return parsed(Enrolment, answer)


def verify(
    server: Server,
    media: Media,
    voice: Enrolment | Sequence[float] | None,
    user_id: str | None,
    on_upload: OnUpload | None,
) -> Flow[Verification]:
    """A comparison with one voice. Raises ValueError unless exactly one is given."""
    if (voice is None) == (user_id is None):
        raise ValueError("either voice or user_id is needed")
    vector = voice.embedding if isinstance(voice, Enrolment) else voice
    fields = {
        "voice_vector": None if vector is None else json.dumps(list(vector)),
        "user_id": user_id,
    }
    with open_media(media) as source:
        request = server.form("/v1/voiceid/verify", fields, FILE_FIELD, source, on_upload)
        answer = yield from exchange(request, server.retries, idempotent=True)
        return parsed(Verification, answer)


def identify(
    server: Server,
    media: Media,
    user_ids: Sequence[str] | None,
    limit: int | None,
    on_upload: OnUpload | None,
) -> Flow[Identification]:
    """A comparison with many voices."""
    fields = {"user_ids": None if user_ids is None else json.dumps(list(user_ids)), "limit": limit}
    with open_media(media) as source:
        request = server.form("/v1/voiceid/identify", fields, FILE_FIELD, source, on_upload)
        answer = yield from exchange(request, server.retries, idempotent=True)
        return parsed(Identification, answer)


def listed(server: Server) -> Flow[tuple[Voiceprint, ...]]:
    """Everybody who is stored."""
    answer = yield from exchange(server.plain("GET", VOICEPRINTS), server.retries, idempotent=True)
    return parsed(VoiceprintList, answer).voiceprints


def look(server: Server, user_id: str) -> Flow[Voiceprint]:
    """One who is stored."""
    request = server.plain("GET", f"{VOICEPRINTS}/{segment(user_id)}")
    answer = yield from exchange(request, server.retries, idempotent=True)
    return parsed(Voiceprint, answer)


def erase(server: Server, user_id: str) -> Flow[Erasure]:
    """One is forgotten; the receipt is given once, so the request is not repeated."""
    request = server.plain("DELETE", f"{VOICEPRINTS}/{segment(user_id)}")
    answer = yield from exchange(request, server.retries, idempotent=False)
    return parsed(Erasure, answer)


def erase_all(server: Server) -> Flow[Erasure]:
    """Everybody is forgotten."""
    answer = yield from exchange(
        server.plain("DELETE", VOICEPRINTS), server.retries, idempotent=False
    )
    return parsed(Erasure, answer)
