"""POST /detect/audio."""

import httpx
import pytest

from tests.audio_factory import SPOKEN_RATE, encode, noise, silence, speech, spoken_file, tone
from tests.http_factory import Server, serving, settings_for, upload
from veravox.accounts import Plan

REAL = "Real Audio"
FAKE = "Suspected AI-Generated (or Suspected AI-Manipulated)"


def buzzing_voice() -> bytes:
    """What the tests' model calls a spoof, though it is clear enough to be judged."""
    return encode(speech(6.0) + tone(6.0, 6_000.0, peak=0.05), SPOKEN_RATE)


def detect(client: httpx.Client, content: bytes, name: str = "recording.wav") -> httpx.Response:
    return client.post("/detect/audio", files=upload(content, name))


def test_a_real_voice_is_real_audio(client: httpx.Client) -> None:
    analysis = detect(client, spoken_file()).json()["audio_analysis"]
    assert analysis["message"] == "Analysis completed successfully"
    assert analysis["prediction"] == REAL
    assert analysis["confidence"] == analysis["authenticity_score"] > 0.5
    assert analysis["ai_probability"] == pytest.approx(1.0 - analysis["authenticity_score"])


def test_what_the_model_calls_a_spoof_is_suspected(client: httpx.Client) -> None:
    sound = buzzing_voice()
    analysis = detect(client, sound).json()["audio_analysis"]
    assert analysis["prediction"] == FAKE
    assert analysis["confidence"] == analysis["ai_probability"] > 0.5


def test_poor_quality_lowers_the_confidence(client: httpx.Client) -> None:
    muffled = encode(speech(6.0, 8_000), 8_000, "amr-nb")
    noisy = encode(speech(6.0) + noise(6.0, rms=0.05), SPOKEN_RATE)
    messages = [detect(client, sound).json()["audio_analysis"] for sound in (muffled, noisy)]
    poor = [analysis for analysis in messages if "reduced confidence" in analysis["message"]]
    assert poor
    for analysis in poor:
        assert analysis["message"] == (
            "Analysis completed with reduced confidence due to audio quality"
        )
        assert analysis["prediction"] in (REAL, FAKE)
        stated = analysis[
            "ai_probability" if analysis["prediction"] == FAKE else "authenticity_score"
        ]
        assert analysis["confidence"] < stated


def test_no_speech_has_no_prediction(client: httpx.Client) -> None:
    answer = detect(client, encode(silence(6.0), SPOKEN_RATE))
    analysis = answer.json()["audio_analysis"]
    assert answer.status_code == 200
    assert analysis["message"] == "No speech content detected for analysis"
    assert analysis["prediction"] is None
    assert analysis["confidence"] is None


def test_too_short_is_insufficient_data(client: httpx.Client) -> None:
    answer = detect(client, spoken_file(seconds=1.5))
    analysis = answer.json()["audio_analysis"]
    assert answer.status_code == 200
    assert analysis["message"] == "Audio duration too short for reliable analysis"
    assert analysis["prediction"] == "Insufficient Data"
    assert analysis["confidence"] is None


def test_the_request_id_is_in_the_body(client: httpx.Client) -> None:
    answer = client.post(
        "/detect/audio", files=upload(spoken_file()), headers={"X-Request-Id": "mine-1"}
    )
    assert answer.json()["audio_analysis"]["request_id"] == "mine-1"


def test_the_operator_chooses_what_confidence_means(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("authenticity")
    settings = settings_for(folder, confidence_semantics="authenticity", no_speech_status=422)
    sound = buzzing_voice()
    with serving(settings) as server, server.client() as client:
        analysis = detect(client, sound).json()["audio_analysis"]
        silent = detect(client, encode(silence(6.0), SPOKEN_RATE))
    assert analysis["prediction"] == FAKE
    assert analysis["confidence"] == analysis["authenticity_score"] < 0.5
    assert silent.status_code == 422
    assert silent.json()["audio_analysis"]["prediction"] is None


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"%PDF-1.7\n" + b"x" * 100, 415, "UNSUPPORTED_FORMAT"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), 415, "UNSUPPORTED_FORMAT"),
        (b"MThd" + bytes(100), 415, "UNSUPPORTED_FORMAT"),
        (spoken_file()[:40], 400, "INVALID_AUDIO_FORMAT"),
        (bytes(range(256)) * 4, 400, "INVALID_AUDIO_FORMAT"),
        (b"", 400, "MISSING_FILE"),
    ],
)
def test_a_file_that_cannot_be_analysed_is_named(
    client: httpx.Client, content: bytes, status: int, code: str
) -> None:
    answer = detect(client, content, "letter.wav")
    error = answer.json()["error"]
    assert answer.status_code == error["status_code"] == status
    assert error["error_code"] == code
    assert error["status"] == "failed"
    assert error["filename"] == "letter.wav"
    assert answer.json()["detail"] == error["message"]


def test_an_unsupported_format_comes_with_the_supported_ones(client: httpx.Client) -> None:
    error = detect(client, b"%PDF-1.7\n" + b"x" * 100).json()["error"]
    assert error["supported_formats"] == ["MP3", "WAV", "FLAC", "AAC", "OGG"]


def test_a_rate_below_8_khz_is_an_invalid_format(client: httpx.Client) -> None:
    slow = bytearray(encode(speech(4.0), SPOKEN_RATE))
    slow[24:28] = (6_000).to_bytes(4, "little")
    answer = detect(client, bytes(slow))
    assert answer.status_code == 400
    assert answer.json()["error"]["error_code"] == "INVALID_AUDIO_FORMAT"


def test_no_file_is_a_missing_file(client: httpx.Client) -> None:
    answer = client.post("/detect/audio", files={"audio": ("a.wav", spoken_file())})
    assert answer.status_code == 400
    assert answer.json()["error"]["error_code"] == "MISSING_FILE"


def test_a_wrong_key_is_denied(server: Server) -> None:
    with server.client("wrong") as client:
        answer = detect(client, spoken_file())
    assert answer.status_code == 403
    error = answer.json()["error"]
    assert error["status"] == "unauthorized"
    assert error["error_code"] == "UNAUTHORIZED_ACCESS"
    assert error["message"] == "Invalid API key or access denied."


def test_a_reached_limit_states_the_usage(server: Server) -> None:
    with server.client(server.key(Plan.FREE)) as client:
        answers = [client.post("/detect/audio") for _ in range(11)]
    error = answers[-1].json()["error"]
    assert answers[-1].status_code == 429
    assert error["status"] == "rate_limited"
    assert error["error_code"] == "RATE_LIMIT_EXCEEDED"
    assert error["current_usage"] == "10/10 per minute"
    assert error["retry_after"] == int(answers[-1].headers["Retry-After"])


def test_a_file_above_the_configured_limit_states_both_sizes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = settings_for(tmp_path_factory.mktemp("small"), max_upload_neural_defend_mb=1)
    with serving(settings) as server, server.client() as client:
        answer = detect(client, bytes(2 * 1_048_576), "long.wav")
    error = answer.json()["error"]
    assert answer.status_code == 413
    assert error["error_code"] == "FILE_SIZE_EXCEEDED"
    assert error["filename"] == "long.wav"
    assert error["file_size_mb"] == pytest.approx(2.0, abs=0.01)
    assert error["max_allowed_mb"] == 1


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "audio", 405), ("POST", "x", 404)])
def test_errors_of_the_path_speak_the_same_dialect(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, f"/detect/{path}")
    assert answer.status_code == answer.json()["error"]["status_code"] == status
    assert answer.json()["detail"]
