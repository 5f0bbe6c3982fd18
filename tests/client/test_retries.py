"""What the client does when the server is away, busy, or hangs up in the middle."""

import time
from email.utils import formatdate

import httpx
import pytest

from tests.audio_factory import spoken_file
from tests.client.conftest import QUICK
from tests.client.scripted import HANGS_UP, Reply, Scripted
from tests.http_factory import Server
from tests.processes import free_port
from tests.proxy import Proxy
from veravox_client import (
    ApiError,
    AsyncClient,
    Client,
    ConnectionFailed,
    RateLimited,
    ServerError,
    Unavailable,
    UnexpectedAnswer,
)

SPOKEN = spoken_file(seconds=4.0)
KEY = "vvx_secret_0123456789"
GOOD = Reply(
    200,
    {
        "prediction_id": "pred_1",
        "global": {"score": 0.1, "confidence": 0.8, "result": "bonafide"},
        "segments": [],
        "model": "stable-latest",
        "processing_time": 0.1,
    },
)
ENROLLED = Reply(200, {"embedding": [1.0], "processing_time": 0.1, "model_version": "m"})
BUSY = Reply(
    503,
    {"error": "service_unavailable", "message": "All busy", "status": 503},
    {"Retry-After": "0"},
)
WORKING = Reply(409, {"error": "conflict", "message": "is still being processed"})


@pytest.fixture
def client(script: Scripted):
    with Client(script.url, KEY, retries=QUICK) as client:
        yield client


def test_a_saturated_server_is_asked_again_with_the_whole_recording(
    script: Scripted, client: Client
) -> None:
    script.replies = [BUSY, BUSY, GOOD]

    assert client.predict(SPOKEN).verdict.result == "bonafide"
    assert all(SPOKEN in request.body for request in script.requests)


def test_a_repeated_request_has_the_same_id_so_that_nothing_is_done_twice(
    script: Scripted, client: Client
) -> None:
    script.replies = [HANGS_UP, Reply(502, b"<html>"), GOOD]

    client.predict(SPOKEN)

    assert len({request.body for request in script.requests}) == 1
    assert b'name="prediction_id"' in script.requests[0].body


def test_an_analysis_that_still_runs_for_the_first_request_is_waited_for(
    script: Scripted, client: Client
) -> None:
    script.replies = [HANGS_UP, *[WORKING] * 10, GOOD]

    assert client.predict(SPOKEN).verdict.result == "bonafide"


def test_a_voice_is_not_stored_twice(script: Scripted, client: Client) -> None:
    script.replies = [HANGS_UP]

    with pytest.raises(ConnectionFailed):
        client.enroll(SPOKEN, user_id="anna", store=True)
    assert len(script.requests) == 1

    script.replies = [BUSY, ENROLLED]
    client.enroll(SPOKEN, user_id="anna", store=True)


def test_retry_after_is_honoured_in_seconds(script: Scripted, client: Client) -> None:
    script.replies = [Reply(429, {}, {"Retry-After": "1"}), GOOD]
    started = time.monotonic()

    client.predict(SPOKEN)

    assert time.monotonic() - started >= 1.0


def test_retry_after_is_honoured_as_a_date(script: Scripted, client: Client) -> None:
    at = formatdate(time.time() + 2.0, usegmt=True)
    script.replies = [Reply(429, {}, {"Retry-After": at}), GOOD]
    started = time.monotonic()

    client.predict(SPOKEN)

    assert time.monotonic() - started >= 0.9


def test_a_wait_that_is_too_long_is_left_to_the_caller(script: Scripted, client: Client) -> None:
    script.replies = [Reply(429, {"message": "Later"}, {"Retry-After": "3600"})]

    with pytest.raises(RateLimited) as limited:
        client.predict(SPOKEN)
    assert limited.value.retry_after == 3600.0


def test_patience_ends(script: Scripted, client: Client) -> None:
    script.replies = [BUSY] * QUICK.attempts

    with pytest.raises(Unavailable, match="All busy"):
        client.predict(SPOKEN)
    assert script.replies == []


def test_a_bug_of_the_server_is_not_repeated(script: Scripted, client: Client) -> None:
    script.replies = [Reply(500, {"error": "internal_error", "message": "Internal server error"})]

    with pytest.raises(ServerError):
        client.predict(SPOKEN)


def test_a_deletion_whose_answer_was_lost_is_done(script: Scripted, client: Client) -> None:
    script.replies = [HANGS_UP, Reply(404, {"error": "not_found", "message": "No prediction"})]

    client.delete_prediction("pred_1")


def test_a_limit_while_waiting_is_waited_out(script: Scripted, client: Client) -> None:
    limited = Reply(429, {"message": "Limit"}, {"Retry-After": "0"})
    body = {"status": "completed", "progress": 1.0, "created_at": "2026-11-21T09:30:00Z"}
    script.replies = [limited] * (QUICK.attempts + 1) + [Reply(200, {**GOOD.body, **body})]

    assert client.wait("pred_1").verdict.result == "bonafide"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>Welcome to the hotel</html>"),
        Reply(200, {"prediction_id": 1}),
        Reply(200, []),
        Reply(302, b"", {"Location": "https://elsewhere.example/"}),
    ],
    ids=["a page", "another shape", "a list", "a redirection"],
)
def test_an_answer_that_is_not_understood_is_said_to_be_so(
    script: Scripted, client: Client, reply: Reply
) -> None:
    script.replies = [reply]

    with pytest.raises(UnexpectedAnswer):
        client.predict(SPOKEN)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"", [], {"error": {"message": 7}}, {"detail": []}])
def test_an_error_in_any_shape_is_an_error(script: Scripted, client: Client, body: object) -> None:
    script.replies = [Reply(418, body)]

    with pytest.raises(ApiError) as raised:
        client.predict(SPOKEN)
    assert raised.value.status == 418


def test_a_server_that_comes_back_is_found_again(server: Server) -> None:
    with Proxy(server.port).running() as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        with Client(url, server.key(), retries=QUICK) as client:
            client.predict(SPOKEN)
            proxy.cut()
            with pytest.raises(ConnectionFailed):
                client.predict(SPOKEN)
            proxy.mend()
            client.predict(SPOKEN)


@pytest.mark.anyio
async def test_the_asynchronous_client_asks_again_as_well(script: Scripted) -> None:
    script.replies = [HANGS_UP, BUSY, GOOD]

    async with AsyncClient(script.url, KEY, retries=QUICK) as client:
        assert (await client.predict(SPOKEN)).verdict.result == "bonafide"
    assert all(SPOKEN in request.body for request in script.requests)


def test_no_error_holds_the_key(script: Scripted, client: Client) -> None:
    nowhere = Client(f"http://127.0.0.1:{free_port()}", KEY, retries=QUICK)
    script.replies = [HANGS_UP] * QUICK.attempts
    for asked in (client, nowhere):
        with pytest.raises(ConnectionFailed) as raised:
            asked.predict(SPOKEN)
        assert KEY not in f"{raised.value!r} {raised.value}"
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None
        assert KEY not in repr(asked)
    nowhere.close()


@pytest.mark.parametrize("key", ["", "two words", "vvx_new\nline", "vvx_\u00e4"])
def test_what_can_be_no_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="API key") as raised:
        Client("http://127.0.0.1:8000", key)
    assert not key or key not in str(raised.value)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://"])
def test_what_can_be_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Client(url, KEY)


def test_the_key_does_not_go_to_the_storage(script: Scripted, client: Client) -> None:
    url = f"{script.url}/storage/upl_1?signature=x"
    upload = {
        "method": "PUT",
        "url": url,
        "headers": {"Content-Type": "audio/wav"},
        "expires_at": "2099-11-21T09:30:00Z",
    }
    announced = {"prediction_id": "pred_1", "status": "awaiting_upload", "upload": upload}
    started = {
        "prediction_id": "pred_1",
        "status": "queued",
        "progress": 0.0,
        "created_at": "2026-11-21T09:30:00Z",
    }
    script.replies = [Reply(201, announced), HANGS_UP, Reply(409, b""), Reply(200, started)]

    assert client.submit(SPOKEN).status == "queued"

    put = script.requests[2]
    headers = httpx.Headers(put.headers)
    assert (put.method, put.body, headers["content-type"]) == ("PUT", SPOKEN, "audio/wav")
    assert "x-api-key" not in headers
