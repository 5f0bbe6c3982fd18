"""POST /v1/predict and what is kept of it."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from tests.audio_factory import SPOKEN_RATE, encode, noise, silence, speech, spoken_file
from tests.http_factory import Server, upload
from veravox.accounts import Plan, Scope


def test_a_recording_is_answered_with_one_segment_every_five_seconds(client: httpx.Client) -> None:
    body = client.post("/v1/predict", files=upload(spoken_file(seconds=8.5))).json()
    assert [(s["start"], s["end"]) for s in body["segments"]] == [(0.0, 5.0), (5.0, 8.5)]
    assert body["audio_duration"] == 8.5


def test_a_short_remainder_makes_the_last_segment_slide_back(client: httpx.Client) -> None:
    body = client.post("/v1/predict", files=upload(spoken_file(seconds=10.4))).json()
    assert [(s["start"], s["end"]) for s in body["segments"]] == [(0.0, 5.0), (5.4, 10.4)]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("webm-opus", "recording.wav"), ("mp3", "voice.txt"), ("m4a", "x"), ("mkv-flac", "a.pdf")],
)
def test_the_content_counts_and_not_the_name(
    client: httpx.Client, encoding: str, name: str
) -> None:
    answer = client.post("/v1/predict", files=upload(spoken_file(encoding), name))
    assert answer.status_code == 200


def test_global_confidence_is_the_mean_over_scored_segments(client: httpx.Client) -> None:
    sound = encode(speech(15.0), SPOKEN_RATE)
    body = client.post("/v1/predict", files=upload(sound)).json()
    confidences = [segment["confidence"] for segment in body["segments"]]
    assert body["global"]["confidence"] == pytest.approx(sum(confidences) / 3, abs=1e-5)


@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.5, 0.9, 1.0])
def test_confidence_is_the_distance_from_the_threshold(
    client: httpx.Client, threshold: float
) -> None:
    body = client.post(
        "/v1/predict", files=upload(spoken_file()), data={"threshold": str(threshold)}
    ).json()
    segment = body["segments"][0]
    p, t = segment["scores"][0], threshold
    expected = (p - t) / (1.0 - t) if p >= t else (t - p) / t
    assert segment["confidence"] == pytest.approx(expected, abs=1e-5)
    assert segment["result"] == ("spoofed" if p >= t else "bonafide")


def test_silent_segments_are_skipped_and_counted_in_a_warning(client: httpx.Client) -> None:
    sound = encode_with_pause()
    body = client.post("/v1/predict", files=upload(sound)).json()
    skipped = body["segments"][1]
    assert skipped["result"] is None
    assert skipped["reason"] == "Silence"
    assert skipped["scores"] == []
    assert body["warnings"] == ["1 of 3 segments skipped due to silence"]


def encode_with_pause() -> bytes:
    return encode(np.hstack((speech(5.0), silence(5.0), speech(5.0))), SPOKEN_RATE)


def test_a_recording_without_speech_has_no_verdict_but_a_reason(client: httpx.Client) -> None:
    body = client.post("/v1/predict", files=upload(encode(silence(6.0), SPOKEN_RATE))).json()
    assert body["global"]["result"] is None
    assert body["global"]["reason"] == "No speech detected"


@pytest.mark.parametrize(
    ("asked", "echoed"),
    [
        (None, "stable-latest"),
        ("", "stable-latest"),
        ("stable", "stable-latest"),
        ("stable-latest", "stable-latest"),
        ("noisiness-1", "noisiness-1"),
    ],
)
def test_the_model_is_echoed_by_its_resolved_alias(
    client: httpx.Client, asked: str | None, echoed: str
) -> None:
    data = {} if asked is None else {"model": asked}
    body = client.post("/v1/predict", files=upload(spoken_file()), data=data).json()
    assert body["model"] == echoed
    assert body["model_version"] == "noisiness-1"


def test_an_unknown_model_is_refused_with_the_choices(client: httpx.Client) -> None:
    answer = client.post("/v1/predict", files=upload(spoken_file()), data={"model": "gpt"})
    assert answer.status_code == 400
    assert "noisiness-1" in answer.json()["message"]


def test_an_unknown_device_is_a_warning(client: httpx.Client) -> None:
    answer = client.post("/v1/predict", files=upload(spoken_file()), data={"device": "toaster"})
    assert answer.status_code == 200
    assert "toaster" in answer.json()["warnings"][0]


@pytest.mark.parametrize(
    "data",
    [
        {"threshold": "nan"},
        {"threshold": "inf"},
        {"threshold": "-0.1"},
        {"threshold": "1.01"},
        {"threshold": "half"},
        {"silence_threshold": "nan"},
        {"silence_threshold": "101"},
        {"silence_threshold": "-1"},
        {"prediction_id": "with space"},
        {"prediction_id": "x" * 65},
        {"prediction_id": "../../etc"},
    ],
)
def test_a_value_outside_its_range_is_refused(client: httpx.Client, data: dict[str, str]) -> None:
    answer = client.post("/v1/predict", files=upload(spoken_file()), data=data)
    assert answer.status_code == 400
    assert answer.json()["error"] == "validation_error"
    assert next(iter(data)) in answer.json()["message"]


def test_unknown_fields_are_ignored(client: httpx.Client) -> None:
    data = {"webhook": "x", "entity": "analysis"}
    assert client.post("/v1/predict", files=upload(spoken_file()), data=data).status_code == 200


def test_two_and_a_tenth_seconds_are_too_short(client: httpx.Client) -> None:
    answer = client.post("/v1/predict", files=upload(spoken_file(seconds=2.1)))
    assert answer.status_code == 400
    assert answer.json()["message"] == "Audio file too short: 2.1s (minimum 3.0s required)"


@pytest.mark.parametrize("files", [upload(b""), {"other": ("a.wav", b"x")}])
def test_a_missing_or_empty_file_is_a_validation_error(
    client: httpx.Client, files: dict[str, tuple[str, bytes]]
) -> None:
    answer = client.post("/v1/predict", files=files)
    assert answer.status_code == 400
    assert answer.json()["error"] == "validation_error"


@pytest.mark.parametrize("content", [b"%PDF-1.7\n" + b"x" * 100, b"hello" * 100, b"RIFF\0\0"])
def test_content_that_is_no_recording_is_an_unsupported_format(
    client: httpx.Client, content: bytes
) -> None:
    answer = client.post("/v1/predict", files=upload(content))
    assert answer.status_code == 422
    assert answer.json()["error"] == "unsupported_format"


def test_a_url_is_refused_while_ingestion_is_off(client: httpx.Client) -> None:
    answer = client.post("/v1/predict", json={"presigned_url": "https://example.com/a.wav"})
    assert answer.status_code == 400
    assert "turned off" in answer.json()["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/v1/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"", b"--b\r\nnonsense", b"no boundary at all"])
def test_a_malformed_form_is_refused(client: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.post("/v1/predict", content=body, headers=headers)
    assert answer.status_code == 400


def test_a_file_above_the_limit_is_refused_in_words(client: httpx.Client) -> None:
    answer = client.post("/v1/predict", files=upload(bytes(5 * 1_048_576 + 1)))
    assert answer.status_code == 413
    assert answer.json()["error"] == "payload_too_large"
    assert answer.json()["message"] == "Request body exceeds maximum allowed size of 5MB"


def test_a_large_file_may_come_after_the_other_fields(client: httpx.Client) -> None:
    long = encode(speech(200.0), SPOKEN_RATE)
    assert len(long) > 5 * 1_048_576
    form = (
        b'--b\r\nContent-Disposition: form-data; name="prediction_id"\r\n\r\nlast\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + long
        + b"\r\n--b--\r\n"
    )
    answer = client.post(
        "/v1/predict/large-file",
        content=form,
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 200
    assert answer.json()["prediction_id"] == "last"


def test_a_new_prediction_gets_an_id_of_its_own(client: httpx.Client) -> None:
    first, second = (
        client.post("/v1/predict", files=upload(spoken_file())).json()["prediction_id"]
        for _ in range(2)
    )
    assert re.fullmatch(r"pred_[0-9a-f]{12}", first)
    assert first != second


def test_the_same_id_and_body_give_the_stored_result(client: httpx.Client) -> None:
    first, second = (
        client.post(
            "/v1/predict", files=upload(spoken_file()), data={"prediction_id": "call-17"}
        ).json()
        for _ in range(2)
    )
    assert first["processing_time"] == second["processing_time"]
    assert first == second


@pytest.mark.parametrize("change", ["file", "threshold", "model"])
def test_the_same_id_with_another_request_is_a_conflict(client: httpx.Client, change: str) -> None:
    data = {"prediction_id": "call-17"}
    client.post("/v1/predict", files=upload(spoken_file()), data=data)
    other = spoken_file(seconds=5.0) if change == "file" else spoken_file()
    data |= {"threshold": {"threshold": "0.4"}, "model": {"model": "noisiness-1"}}.get(change, {})
    answer = client.post("/v1/predict", files=upload(other), data=data)
    assert answer.status_code == 409
    assert answer.json()["error"] == "conflict"


def test_an_id_is_free_again_after_a_failed_analysis(client: httpx.Client) -> None:
    data = {"prediction_id": "retry"}
    assert client.post("/v1/predict", files=upload(b"junk"), data=data).status_code == 422
    assert client.get("/v1/predictions/retry").status_code == 404
    assert client.post("/v1/predict", files=upload(spoken_file()), data=data).status_code == 200


def test_of_concurrent_duplicates_one_is_analysed(client: httpx.Client) -> None:
    long = spoken_file(seconds=100.0)

    def send(_: int) -> httpx.Response:
        return client.post("/v1/predict", files=upload(long), data={"prediction_id": "twice"})

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert set(statuses) <= {200, 409}
    refused = [answer.json()["message"] for answer in answers if answer.status_code == 409]
    assert all("still being processed" in message for message in refused)
    assert len({answer.text for answer in answers if answer.status_code == 200}) == 1


def test_tenants_may_use_the_same_id(server: Server) -> None:
    data = {"prediction_id": "mine"}
    with server.client() as one, server.client() as other:
        assert one.post("/v1/predict", files=upload(spoken_file()), data=data).is_success
        sound = upload(spoken_file(seconds=6.0))
        assert other.post("/v1/predict", files=sound, data=data).is_success


def test_a_prediction_is_looked_up_by_its_id(client: httpx.Client) -> None:
    made = client.post("/v1/predict", files=upload(spoken_file()), data={"device": "macos"}).json()
    kept = client.get(f"/v1/predictions/{made['prediction_id']}").json()
    assert kept.items() >= made.items()
    assert kept["status"] == "completed"
    assert kept["progress"] == 1.0
    assert kept["device"] == "macos"


def test_another_tenants_prediction_is_not_found(server: Server, client: httpx.Client) -> None:
    made = client.post("/v1/predict", files=upload(spoken_file())).json()
    with server.client() as other:
        path = f"/v1/predictions/{made['prediction_id']}"
        assert other.get(path).status_code == 404
        assert other.delete(path).status_code == 404
    assert client.get(path).status_code == 200


def test_a_deleted_prediction_is_gone(client: httpx.Client) -> None:
    made = client.post("/v1/predict", files=upload(spoken_file())).json()
    path = f"/v1/predictions/{made['prediction_id']}"
    gone = client.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404


def test_predictions_are_listed_newest_first_page_by_page(client: httpx.Client) -> None:
    made = [
        client.post(
            "/v1/predict", files=upload(spoken_file()), data={"prediction_id": f"p{n}"}
        ).json()["prediction_id"]
        for n in range(5)
    ]
    listed: list[str] = []
    page = client.get("/v1/predictions", params={"limit": 2}).json()
    while True:
        assert len(page["predictions"]) <= 2
        listed += [prediction["prediction_id"] for prediction in page["predictions"]]
        if page["next_cursor"] is None:
            break
        page = client.get(
            "/v1/predictions", params={"limit": 2, "cursor": page["next_cursor"]}
        ).json()
    assert listed == made[::-1]


def test_predictions_are_listed_by_result_and_status(client: httpx.Client) -> None:
    client.post("/v1/predict", files=upload(spoken_file()), data={"prediction_id": "speech"})
    mixture = encode(speech(6.0) + noise(6.0, rms=0.004), SPOKEN_RATE)
    client.post(
        "/v1/predict", files=upload(mixture), data={"prediction_id": "low", "threshold": "0"}
    )

    def listed(**wanted: str) -> list[str]:
        page = client.get("/v1/predictions", params=wanted).json()
        return [prediction["prediction_id"] for prediction in page["predictions"]]

    assert listed(result="bonafide") == ["speech"]
    assert listed(result="spoofed") == ["low"]
    assert listed(status="completed") == ["low", "speech"]
    assert listed(status="failed") == []


@pytest.mark.parametrize(
    "wanted",
    [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": "x"}, {"status": "lost"}],
)
def test_a_list_with_wrong_parameters_is_refused(
    client: httpx.Client, wanted: dict[str, str]
) -> None:
    answer = client.get("/v1/predictions", params=wanted)
    assert answer.status_code == 400
    assert answer.json()["error"] == "validation_error"


@pytest.mark.parametrize("key", ["", "vvx_unknown", "vvx_aaaaaaaa_" + "x" * 43])
def test_a_key_that_is_not_active_is_unauthorized(server: Server, key: str) -> None:
    with server.client(key) as client:
        answer = client.post("/v1/predict", files=upload(spoken_file()))
    assert answer.status_code == 401
    assert answer.json()["error"] == "unauthorized"
    assert answer.json()["message"] == "Invalid or inactive API key"


def test_the_key_may_come_as_a_bearer_token(server: Server) -> None:
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"bearer {server.key()}"}
    ) as client:
        assert client.get("/v1/predictions").status_code == 200


def test_a_key_without_the_scope_is_forbidden(server: Server) -> None:
    with server.client(server.key(scopes=[Scope.READ])) as client:
        answer = client.post("/v1/predict", files=upload(spoken_file()))
        assert answer.status_code == 403
        assert answer.json()["error"] == "forbidden"
        assert client.get("/v1/predictions").status_code == 200
        assert client.delete("/v1/predictions/x").status_code == 403


def test_the_eleventh_request_in_a_minute_is_too_many_on_free(server: Server) -> None:
    with server.client(server.key(Plan.FREE)) as client:
        answers = [client.get("/v1/predictions") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert [a.headers["X-RateLimit-Remaining"] for a in answers] == [
        *(str(left) for left in range(9, -1, -1)),
        "0",
    ]
    refused = answers[-1]
    assert refused.headers["X-RateLimit-Limit"] == "10"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert int(refused.headers["X-RateLimit-Reset"]) > 0
    assert refused.json()["error"] == "rate_limit_exceeded"
