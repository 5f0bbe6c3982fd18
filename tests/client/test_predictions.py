"""Recordings through the client, against a real server."""

import io
import threading
from pathlib import Path

import httpx
import pytest

from tests.audio_factory import SPOKEN_RATE, encode, silence, speech, spoken_file, tone
from tests.client.conftest import QUICK
from tests.file_client import announce
from tests.http_factory import Server
from veravox.accounts import Plan
from veravox_client import (
    AsyncClient,
    Client,
    Conflict,
    InvalidRequest,
    NotFound,
    PredictionFailed,
    StoredPrediction,
    Unauthorized,
    UnsupportedMedia,
    WaitTimedOut,
)
from veravox_client._calls import predictions as calls

SPOKEN = spoken_file(seconds=6.0)
SPOOFED = encode(speech(6.0) + tone(6.0, 6_000.0, peak=0.05), SPOKEN_RATE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    path.write_bytes(SPOKEN)
    return path


def test_a_recording_is_judged_whole_and_in_parts(client: Client) -> None:
    prediction = client.predict(SPOKEN)

    assert prediction.verdict.result == "bonafide"
    assert [(part.start, part.end) for part in prediction.segments] == [(0.0, 5.0), (5.0, 6.0)]
    assert prediction.segments[0].score == prediction.segments[0].scores[0]
    assert prediction.audio_duration == pytest.approx(6.0, abs=0.01)


def test_a_path_bytes_and_an_open_file_are_the_same(client: Client, path: Path) -> None:
    with path.open("rb") as file:
        file.seek(100)
        scores = {client.predict(media).verdict.score for media in (path, str(path), SPOKEN, file)}
    assert len(scores) == 1


def test_options_reach_the_server(client: Client) -> None:
    prediction = client.predict(
        SPOKEN, prediction_id="call-17", threshold=0.0, channels="split", device="toaster"
    )

    assert prediction.prediction_id == "call-17"
    assert prediction.verdict.result == "spoofed"
    assert [part.channel for part in prediction.channels] == [0]
    assert "toaster" in prediction.warnings[0]


def test_where_nothing_can_be_said_there_is_a_reason(client: Client) -> None:
    prediction = client.predict(encode(silence(4.0, SPOKEN_RATE), SPOKEN_RATE))

    assert (prediction.verdict.result, prediction.verdict.reason) == (None, "No speech detected")
    assert prediction.segments[0].score is None


def test_the_same_id_gives_the_stored_result_and_another_recording_a_conflict(
    client: Client,
) -> None:
    first = client.predict(SPOKEN, prediction_id="call-18")

    assert client.predict(SPOKEN, prediction_id="call-18") == first
    with pytest.raises(Conflict):
        client.predict(SPOOFED, prediction_id="call-18")


def test_more_than_five_megabytes_take_the_way_for_large_files(client: Client) -> None:
    large = spoken_file("wav-f64", seconds=8.0, sample_rate=96_000)
    assert len(large) > 5 * 1_048_576
    told: list[tuple[int, int]] = []

    client.predict(large, on_upload=lambda sent, total: told.append((sent, total)))

    assert [sent for sent, _ in told] == sorted(sent for sent, _ in told)
    assert told[-1][0] == told[-1][1] > len(large)


def test_a_submitted_recording_is_waited_for(client: Client, path: Path) -> None:
    told: list[tuple[int, int]] = []
    states: list[StoredPrediction] = []

    submitted = client.submit(path, on_upload=lambda sent, total: told.append((sent, total)))
    prediction = client.wait(submitted.prediction_id, on_progress=states.append)

    assert told[-1] == (len(SPOKEN), len(SPOKEN))
    assert prediction == states[-1].result
    assert states[-1].finished
    assert client.prediction(submitted.prediction_id).result == prediction


def test_a_recording_too_large_for_one_request_is_uploaded_and_waited_for(
    client: Client, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = client.predict(path).verdict
    monkeypatch.setattr(calls, "LARGE_BYTES", 1000)

    assert client.predict(path).verdict == expected


def test_a_huge_recording_is_uploaded_in_parts(
    server: Server, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.services.storage, "_largest", 1_048_576)
    size = 64 * 1_048_576 + 5
    path = tmp_path / "huge.bin"
    with path.open("wb") as file:
        file.truncate(size)
    told: list[int] = []

    submitted = client.submit(path, on_upload=lambda sent, _: told.append(sent))

    assert told == sorted(told)
    assert told[-1] == size
    with pytest.raises(PredictionFailed) as failed:
        client.wait(submitted.prediction_id)
    assert failed.value.prediction.error is not None
    assert failed.value.prediction.error.error == "unsupported_format"


def test_submitting_again_under_the_same_id_changes_nothing(client: Client, path: Path) -> None:
    first = client.submit(path, prediction_id="call-19")
    again = client.submit(path, prediction_id="call-19")

    assert again.prediction_id == first.prediction_id == "call-19"
    assert again.status != "awaiting_upload"


def test_waiting_ends_when_the_time_is_over(server: Server) -> None:
    key = server.key()
    with server.client(key) as http:
        announced = announce(http, prediction_id="call-20")
    with Client(server.url, key) as client, pytest.raises(WaitTimedOut) as over:
        client.wait(announced["prediction_id"], give_up_after=0.0)
    assert over.value.prediction.status == "awaiting_upload"


def test_what_was_canceled_has_no_result(server: Server) -> None:
    key = server.key()
    with server.client(key) as http:
        announce(http, prediction_id="call-21")
    with Client(server.url, key) as client:
        assert client.cancel_prediction("call-21").status == "canceled"
        with pytest.raises(PredictionFailed, match="canceled"):
            client.wait("call-21")


def test_predictions_are_listed_page_after_page(server: Server) -> None:
    key = server.key()
    with server.client(key) as http:
        ids = [announce(http)["prediction_id"] for _ in range(101)]
    with Client(server.url, key) as client:
        listed = [stored.prediction_id for stored in client.predictions(status="awaiting_upload")]
        assert listed == ids[::-1]
        assert list(client.predictions(result="spoofed")) == []


def test_a_deleted_prediction_is_gone(client: Client) -> None:
    made = client.predict(SPOKEN)
    client.delete_prediction(made.prediction_id)

    with pytest.raises(NotFound):
        client.prediction(made.prediction_id)


def test_a_kept_recording_is_listed_and_deleted(server: Server, client: Client, path: Path) -> None:
    submitted = client.submit(path)
    client.wait(submitted.prediction_id)
    for file in client.files():
        client.delete_file(file.key)
    assert list(client.files()) == []


@pytest.mark.parametrize(
    ("media", "error", "code"),
    [
        (b"%PDF-1.7 and nothing else", UnsupportedMedia, "unsupported_format"),
        (b"", InvalidRequest, "validation_error"),
        (spoken_file(seconds=1.0), InvalidRequest, "validation_error"),
    ],
    ids=["a PDF", "nothing", "too short"],
)
def test_what_cannot_be_analysed_is_an_error_of_its_kind(
    client: Client, media: bytes, error: type[InvalidRequest], code: str
) -> None:
    with pytest.raises(error) as raised:
        client.predict(media)
    assert raised.value.code == code
    assert raised.value.request_id


def test_a_wrong_key_is_told_by_every_dialect(server: Server) -> None:
    with Client(server.url, "vvx_wrong") as client:
        with pytest.raises(Unauthorized):
            client.predict(SPOKEN)
        with pytest.raises(Unauthorized):
            client.detect_audio(SPOKEN)


def test_a_pipe_is_refused_because_it_cannot_be_sent_again(client: Client) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(ValueError, match="seekable"):
        client.predict(Pipe(SPOKEN))


def test_the_limit_of_a_plan_is_waited_out(server: Server) -> None:
    """The Free plan has 2 concurrent requests; with 3 at once one is refused and comes again."""
    results: list[str | None] = []
    with Client(server.url, server.key(Plan.FREE), retries=QUICK) as client:

        def predict() -> None:
            results.append(client.predict(SPOKEN).verdict.result)

        threads = [threading.Thread(target=predict) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert results == ["bonafide"] * 3


@pytest.mark.anyio
async def test_the_asynchronous_client_does_the_same(server: Server, key: str, path: Path) -> None:
    with Client(server.url, key) as client:
        expected = client.predict(path)
    async with AsyncClient(server.url, key, retries=QUICK) as client:
        assert (await client.predict(path)).verdict == expected.verdict
        submitted = await client.submit(SPOKEN, filename="call.wav")
        assert (await client.wait(submitted.prediction_id)).verdict == expected.verdict
        listed = [stored.prediction_id async for stored in client.predictions()]
        assert listed[0] == submitted.prediction_id
        with pytest.raises(NotFound):
            await client.prediction("nonesuch")


def test_vendors_shapes_are_understood(client: Client) -> None:
    chunks = client.predict_v0(SPOOFED)
    analysis = client.detect_audio(SPOOFED)

    assert set(chunks.predictions) == {"fake"}
    assert chunks.error == (None, None)
    assert analysis.prediction is not None
    assert analysis.prediction.startswith("Suspected")
    assert analysis.confidence == pytest.approx(analysis.ai_probability)


def test_a_client_of_your_own_is_used_and_stays_open(server: Server) -> None:
    with httpx.Client(headers={"X-Other": "1"}, timeout=60.0) as http:
        with Client(server.url, server.key(), http=http) as client:
            client.predict(SPOKEN)
        assert not http.is_closed
