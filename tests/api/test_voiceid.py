"""Enrolling, verifying and identifying voices, and what is kept of them."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soxr

from tests.audio_factory import SPOKEN_RATE, encode, noise, silence, speech, spoken_file, tone
from tests.http_factory import Server, serving, settings_for
from veravox.accounts import Scope
from veravox.speaker.embedding import published, unit

SPOKEN = spoken_file(seconds=12.0)


def deeper(seconds: float) -> bytes:
    """Somebody with a deeper voice."""
    return encode(soxr.resample(speech(seconds).T, 1.0, 1.8).T, SPOKEN_RATE)


DEEPER = deeper(12.0)
SPOOFED = encode(speech(12.0) + tone(12.0, 6_000.0, peak=0.05), SPOKEN_RATE)


def recording(content: bytes) -> dict[str, tuple[str, bytes]]:
    return {"audio_file": ("recording.wav", content)}


def enrol(client: httpx.Client, content: bytes = SPOKEN, **fields: Any) -> httpx.Response:
    return client.post("/v1/voiceid/enroll", files=recording(content), data=fields)


def verify(client: httpx.Client, content: bytes = SPOKEN, **fields: Any) -> httpx.Response:
    return client.post("/v1/voiceid/verify", files=recording(content), data=fields)


@pytest.fixture(scope="module")
def vector(server: Server) -> str:
    with server.client() as client:
        return json.dumps(enrol(client).json()["embedding"])


def test_an_enrolment_gives_a_vector_of_unit_length_and_keeps_nothing(
    client: httpx.Client,
) -> None:
    body = enrol(client, user_id="user-17").json()
    assert np.linalg.norm(body["embedding"]) == pytest.approx(1.0, abs=1e-5)
    assert len(body["embedding"]) == 256
    assert (body["stored"], body["user_id"]) == (False, "user-17")
    assert body["deepfake_checked"] is True
    assert body["quality"]["accepted"] is True
    assert client.get("/v1/voiceid/voiceprints").json() == {"voiceprints": []}


def test_the_same_voice_matches(client: httpx.Client, vector: str) -> None:
    body = verify(client, spoken_file(seconds=8.0), voice_vector=vector).json()
    assert (body["is_match"], body["decision"], body["reason"]) == (True, "accept", None)
    assert body["llr"] >= body["threshold"]
    assert body["confidence_score"] > 0.5
    assert 0.5 < body["similarity_score"] <= 1.0
    assert body["deepfake_score"] is None
    assert body["deepfake"]["result"] == "bonafide"


def test_another_voice_does_not_match(client: httpx.Client, vector: str) -> None:
    body = verify(client, DEEPER, voice_vector=vector).json()
    assert (body["is_match"], body["decision"]) == (False, "reject")
    assert body["confidence_score"] < 0.5


def test_a_spoof_of_the_voice_never_matches(client: httpx.Client, vector: str) -> None:
    body = verify(client, SPOOFED, voice_vector=vector).json()
    assert (body["is_match"], body["decision"]) == (False, "reject")
    assert body["deepfake_score"] > 0.5
    assert body["deepfake"]["result"] == "spoofed"


def test_a_spoof_cannot_be_enrolled(client: httpx.Client) -> None:
    answer = enrol(client, SPOOFED)
    assert answer.status_code == 400
    assert "looks synthetic" in answer.json()["message"]


def test_a_spoof_is_enrolled_where_the_caller_insists(client: httpx.Client) -> None:
    body = enrol(client, SPOOFED, allow_spoofed="true").json()
    assert body["deepfake"]["result"] == "spoofed"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (spoken_file(seconds=9.0), "Audio file too short: 9.0s (minimum 10.0s required)"),
        (encode(silence(12.0), SPOKEN_RATE), "No speech detected"),
    ],
)
def test_a_recording_that_holds_no_ten_seconds_of_voice_is_refused(
    client: httpx.Client, content: bytes, message: str
) -> None:
    answer = enrol(client, content)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (json.dumps([0.1] * 192), "192 numbers; the model tones-1 gives 256"),
        (json.dumps([0.0] * 256), "no direction"),
        (json.dumps(published(unit(np.ones(256)), "other-1")), "another model than tones-1"),
        ("[1, 2", "not valid JSON"),
        ('{"embedding": []}', "must be a JSON array"),
        (json.dumps(["a"] * 256), "numbers only"),
        ("[NaN]" + " " * 10, "1 numbers"),
    ],
)
def test_a_vector_that_cannot_be_ours_is_an_error_that_says_why(
    client: httpx.Client, vector: str, message: str
) -> None:
    answer = verify(client, voice_vector=vector)
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
    assert message in answer.json()["message"]


def test_a_verification_needs_something_to_compare_with(client: httpx.Client) -> None:
    assert "voice_vector or user_id" in verify(client).json()["message"]


def test_a_missing_recording_is_named_by_its_field(client: httpx.Client) -> None:
    answer = client.post("/v1/voiceid/enroll", files={"file": ("a.wav", SPOKEN)})
    assert answer.status_code == 400
    assert "audio_file" in answer.json()["message"]


def test_a_stored_voice_is_verified_by_its_user_id(client: httpx.Client) -> None:
    assert enrol(client, user_id="user-17", store="true", consent="form 12").json()["stored"]
    assert verify(client, user_id="user-17").json()["is_match"] is True
    assert verify(client, DEEPER, user_id="user-17").json()["is_match"] is False
    kept = client.get("/v1/voiceid/voiceprints/user-17").json()
    assert (kept["consent"], kept["usable"], len(kept["references"])) == ("form 12", True, 1)


def test_a_second_recording_adds_a_reference_and_replace_starts_anew(client: httpx.Client) -> None:
    for expected, fields in ((1, {}), (2, {}), (1, {"replace": "true"})):
        enrol(client, user_id="user-17", store="true", **fields)
        kept = client.get("/v1/voiceid/voiceprints/user-17").json()
        assert len(kept["references"]) == expected


def test_storing_needs_a_user_id(client: httpx.Client) -> None:
    assert enrol(client, store="true").json()["message"] == "store needs a user_id"


def test_a_poor_recording_gives_a_vector_but_is_not_stored(client: httpx.Client) -> None:
    mostly_silent = encode(np.concatenate([speech(3.0), silence(9.0)], axis=1), SPOKEN_RATE)
    assert enrol(client, mostly_silent).json()["quality"]["reasons"] == ["Too little speech"]
    answer = enrol(client, mostly_silent, user_id="user-17", store="true")
    assert answer.status_code == 400
    assert "Too little speech" in answer.json()["message"]


def test_the_right_one_of_several_voices_is_identified(client: httpx.Client) -> None:
    enrol(client, SPOKEN, user_id="anna", store="true")
    enrol(client, DEEPER, user_id="bert", store="true")
    answer = client.post("/v1/voiceid/identify", files=recording(deeper(8.0)))
    body = answer.json()
    assert (body["user_id"], body["decision"], body["compared"]) == ("bert", "accept", 2)
    assert [c["user_id"] for c in body["candidates"]] == ["bert", "anna"]


def test_voices_that_are_equally_similar_are_not_told_apart(client: httpx.Client) -> None:
    for user in ("anna", "anna again"):
        enrol(client, SPOKEN, user_id=user, store="true")
    body = client.post("/v1/voiceid/identify", files=recording(SPOKEN)).json()
    assert (body["user_id"], body["decision"]) == (None, "inconclusive")


def test_a_spoof_is_not_identified(client: httpx.Client) -> None:
    enrol(client, SPOKEN, user_id="anna", store="true")
    body = client.post("/v1/voiceid/identify", files=recording(SPOOFED)).json()
    assert (body["user_id"], body["decision"]) == (None, "reject")


def test_identifying_among_chosen_users_only(client: httpx.Client) -> None:
    enrol(client, SPOKEN, user_id="anna", store="true")
    enrol(client, DEEPER, user_id="bert", store="true")
    answer = client.post(
        "/v1/voiceid/identify", files=recording(SPOKEN), data={"user_ids": '["bert", "nobody"]'}
    )
    assert (answer.json()["compared"], answer.json()["user_id"]) == (1, None)


def test_without_a_voiceprint_nobody_can_be_identified(client: httpx.Client) -> None:
    answer = client.post("/v1/voiceid/identify", files=recording(SPOKEN))
    assert answer.status_code == 404


def test_erasure_gives_a_receipt_and_leaves_nothing(client: httpx.Client) -> None:
    enrol(client, user_id="user-17", store="true")
    receipt = client.delete("/v1/voiceid/voiceprints/user-17").json()
    assert receipt["subjects"] == 1
    assert receipt["receipt_id"].startswith("erasure_")
    assert client.get("/v1/voiceid/voiceprints/user-17").status_code == 404
    assert verify(client, user_id="user-17").status_code == 404
    assert client.delete("/v1/voiceid/voiceprints/user-17").status_code == 404


def test_all_voices_of_a_tenant_can_be_erased_at_once(client: httpx.Client) -> None:
    for user in ("anna", "bert"):
        enrol(client, user_id=user, store="true")
    assert client.delete("/v1/voiceid/voiceprints").json()["subjects"] == 2
    assert client.get("/v1/voiceid/voiceprints").json() == {"voiceprints": []}


def test_another_tenant_sees_nothing(server: Server, client: httpx.Client) -> None:
    enrol(client, user_id="user-17", store="true")
    with server.client() as other:
        assert verify(other, user_id="user-17").status_code == 404
        assert other.delete("/v1/voiceid/voiceprints/user-17").status_code == 404


def test_erasing_needs_a_scope_of_its_own(server: Server) -> None:
    with server.client(server.key(scopes=[Scope.VOICE])) as client:
        enrol(client, user_id="user-17", store="true")
        assert client.delete("/v1/voiceid/voiceprints/user-17").status_code == 403
    with server.client(server.key(scopes=[Scope.PREDICT])) as client:
        assert enrol(client).status_code == 403


def test_nothing_biometric_is_logged_or_kept_open(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(tmp_path)
    with serving(settings) as server, server.client() as client:
        numbers = enrol(client, user_id="jane", store="true").json()["embedding"]
        verify(client, voice_vector=json.dumps(numbers))
        verify(client, user_id="jane")
    printed = "".join(capfd.readouterr())
    assert not [number for number in numbers[:20] if str(number) in printed]
    connection = sqlite3.connect(tmp_path / "veravox.db")
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert "jane" not in dump
    assert not [number for number in numbers[:20] if str(number) in dump]


def test_noise_is_no_voice(client: httpx.Client) -> None:
    answer = enrol(client, encode(noise(12.0), SPOKEN_RATE), allow_spoofed="true")
    assert answer.status_code == 400
