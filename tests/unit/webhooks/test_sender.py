"""Requests to a real https receiver on this machine."""

from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.receiver import HOST, NETWORKS, Authority, Receiver, receiving
from veravox.errors import InvalidRequest
from veravox.webhooks.sender import WebhookSender
from veravox.webhooks.signature import SIGNATURE_HEADER, verify

SECRET = "whsec_test"
BODY = b'{"status": "completed"}'
THIS_MACHINE = [ip_network(network) for network in NETWORKS.split(",")]

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Receiver]:
    with receiving(authority) as receiver:
        yield receiver


@pytest.fixture
async def sender(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WebhookSender]:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    sender = WebhookSender([HOST, "*.example"], THIS_MACHINE, answer_seconds=1.0)
    yield sender
    await sender.close()


async def test_a_receiver_gets_the_body_with_a_signature(
    sender: WebhookSender, receiver: Receiver
) -> None:
    attempt = await sender.send(receiver.url(), SECRET, "whd_1", BODY)

    assert attempt.succeeded
    assert attempt.status_code == 200
    (request,) = receiver.requests
    assert request.body == BODY
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Veravox-Delivery"] == "whd_1"
    verify(SECRET, request.body, request.headers[SIGNATURE_HEADER])


@pytest.mark.parametrize("status", [201, 204, 299])
async def test_any_status_of_success_is_success(
    sender: WebhookSender, receiver: Receiver, status: int
) -> None:
    receiver.status = status

    assert (await sender.send(receiver.url(), SECRET, "whd_1", BODY)).succeeded


@pytest.mark.parametrize("status", [301, 302, 303, 400, 404, 410, 500, 503])
async def test_any_other_status_is_a_failure(
    sender: WebhookSender, receiver: Receiver, status: int
) -> None:
    receiver.status = status

    attempt = await sender.send(receiver.url(), SECRET, "whd_1", BODY)

    assert (attempt.succeeded, attempt.status_code, attempt.error) == (False, status, None)


async def test_a_slow_receiver_is_given_up(sender: WebhookSender, receiver: Receiver) -> None:
    receiver.seconds = 3.0

    attempt = await sender.send(receiver.url(), SECRET, "whd_1", BODY)

    assert attempt.error == "no answer within 1 seconds"
    assert attempt.seconds < 2.5


async def test_a_receiver_that_is_down_is_a_failure(
    sender: WebhookSender, authority: Authority
) -> None:
    with receiving(authority) as receiver:
        url = receiver.url()

    attempt = await sender.send(url, SECRET, "whd_1", BODY)

    assert "connection failed" in str(attempt.error)


async def test_a_receiver_that_nobody_vouches_for_is_not_told(
    sender: WebhookSender, tmp_path: Path
) -> None:
    with receiving(Authority(tmp_path)) as stranger:
        attempt = await sender.send(stranger.url(), SECRET, "whd_1", BODY)

    assert "certificate" in str(attempt.error)
    assert stranger.requests == []


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_that_keeps_the_body_is_followed(
    sender: WebhookSender, receiver: Receiver, status: int
) -> None:
    receiver.moved["/hook"] = (status, "/new")

    attempt = await sender.send(receiver.url(), SECRET, "whd_1", BODY)

    assert attempt.succeeded
    assert [(item.path, item.body) for item in receiver.requests] == [
        ("/hook", BODY),
        ("/new", BODY),
    ]


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("https://10.0.0.1/hook", "host that is not allowed"),
        ("https://other.test/hook", "host that is not allowed"),
        ("http://localhost/hook", "must be an https URL"),
        ("/hook", "redirects too often"),
    ],
)
async def test_a_redirect_passes_the_same_checks(
    sender: WebhookSender, receiver: Receiver, location: str, error: str
) -> None:
    receiver.moved["/hook"] = (307, location)

    attempt = await sender.send(receiver.url(), SECRET, "whd_1", BODY)

    assert error in str(attempt.error)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.1.1", "::1", "fd00::1"]
)
@pytest.mark.parametrize("host", ["receiver.example", "ADDRESS"])
async def test_a_host_that_leads_inside_is_never_called(address: str, host: str) -> None:
    async def inside(_host: str, _port: int) -> list[str]:
        return [address]

    literal = f"[{address}]" if ":" in address else address
    sender = WebhookSender(["*"], resolve=inside)
    attempt = await sender.send(
        f"https://{host.replace('ADDRESS', literal)}/hook", SECRET, "whd_1", BODY
    )
    await sender.close()

    assert attempt.error == "webhook_url points at an address that is not allowed"


async def test_only_the_operators_own_networks_are_reached() -> None:
    async def inside(_host: str, _port: int) -> list[str]:
        return ["10.20.0.1"]

    sender = WebhookSender(["*"], [ip_network("10.21.0.0/16")], resolve=inside)
    attempt = await sender.send("https://receiver.example/", SECRET, "whd_1", BODY)
    await sender.close()

    assert attempt.error == "webhook_url points at an address that is not allowed"


async def test_without_hosts_webhooks_are_off() -> None:
    sender = WebhookSender([])
    with pytest.raises(InvalidRequest, match="webhooks are off"):
        sender.check("https://receiver.example/hook")
    await sender.close()
