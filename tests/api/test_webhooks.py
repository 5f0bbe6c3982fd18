"""Webhooks of a real server to a real https receiver."""

import json
from collections.abc import Iterator

import httpx
import pytest
from typer.testing import CliRunner

from tests.audio_factory import spoken_file
from tests.file_client import announce, final, put
from tests.http_factory import Server, serving, settings_for
from tests.receiver import HOST, NETWORKS, Authority, Receiver, receiving, wait_until
from veravox.accounts import Scope
from veravox.cli import app
from veravox.webhooks import delivery
from veravox.webhooks.signature import SIGNATURE_HEADER, verify

SPOKEN = spoken_file(seconds=6.0)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Server]:
    """A server that may call this machine, and does not wait long before it tries again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority.file))
        patch.setattr(delivery, "FIRST_WAIT_SECONDS", 0.5)
        folder = tmp_path_factory.mktemp("server")
        settings = settings_for(folder, webhook_hosts=HOST, webhook_networks=NETWORKS)
        with serving(settings) as server:
            yield server


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Receiver]:
    with receiving(authority) as receiver:
        yield receiver


def deliveries(client: httpx.Client, **query: str | int) -> list[dict]:
    answer = client.get("/v1/webhooks/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["deliveries"]


def wait_for_status(client: httpx.Client, status: str) -> dict:
    """The client's one delivery, once it has this status."""
    wait_until(lambda: [item["status"] for item in deliveries(client)] == [status])
    return deliveries(client)[0]


def analysed(client: httpx.Client, url: str, content: bytes = SPOKEN) -> str:
    """The id of a finished prediction whose end is told to `url`."""
    created = announce(client, webhook_url=url)
    put(created, content)
    final(client, created["prediction_id"])
    return created["prediction_id"]


def test_the_end_of_a_prediction_is_told_with_the_body_that_its_lookup_gives(
    server: Server, client: httpx.Client, receiver: Receiver
) -> None:
    prediction_id = analysed(client, receiver.url())

    (request,) = receiver.wait_for(1)
    looked_up = client.get(f"/v1/predictions/{prediction_id}")
    assert json.loads(request.body) == looked_up.json()
    assert looked_up.json()["status"] == "completed"
    told = wait_for_status(client, "delivered")
    assert told["prediction_id"] == prediction_id
    assert told["url"] == receiver.url()
    assert told["next_attempt_at"] is None
    assert [attempt["status_code"] for attempt in told["attempts"]] == [200]
    assert request.headers["X-Veravox-Delivery"] == told["id"]


def test_the_signature_is_made_with_the_tenants_own_secret(
    server: Server, receiver: Receiver
) -> None:
    with server.client(server.key(tenant_id="tenant-of-its-own")) as client:
        analysed(client, receiver.url())
        (request,) = receiver.wait_for(1)

    arguments = ["webhooks", "secret", "tenant-of-its-own"]
    folder = ["--data-dir", str(server.settings.data_dir)]
    shown = CliRunner().invoke(app, [*arguments, *folder]).stdout.strip()
    verify(shown, request.body, request.headers[SIGNATURE_HEADER])
    other = CliRunner().invoke(app, ["webhooks", "secret", "other", *folder]).stdout.strip()
    renewed = CliRunner().invoke(app, [*arguments, "--new", *folder]).stdout.strip()
    assert len({shown, other, renewed}) == 3
    assert CliRunner().invoke(app, [*arguments, *folder]).stdout.strip() == renewed


def test_a_failure_is_told_as_well(client: httpx.Client, receiver: Receiver) -> None:
    analysed(client, receiver.url(), b"%PDF-1.7" + bytes(99))

    (request,) = receiver.wait_for(1)
    body = json.loads(request.body)
    assert body["status"] == "failed"
    assert body["error"]["error"] == "unsupported_format"


def test_a_canceled_prediction_is_told_as_well(client: httpx.Client, receiver: Receiver) -> None:
    created = announce(client, webhook_url=receiver.url())
    client.post(f"/v1/predictions/{created['prediction_id']}/cancel")

    (request,) = receiver.wait_for(1)
    assert json.loads(request.body)["status"] == "canceled"


def test_a_receiver_that_was_down_for_a_while_is_told_once_it_is_back(
    client: httpx.Client, receiver: Receiver
) -> None:
    receiver.status = 503
    analysed(client, receiver.url())
    receiver.wait_for(2)
    assert deliveries(client)[0]["status"] == "pending"
    assert deliveries(client)[0]["next_attempt_at"] is not None
    receiver.status = 200

    told = wait_for_status(client, "delivered")

    statuses = [attempt["status_code"] for attempt in told["attempts"]]
    assert statuses[-1] == 200
    assert set(statuses[:-1]) == {503}
    assert {request.headers["X-Veravox-Delivery"] for request in receiver.requests} == {told["id"]}


def test_a_delivery_can_be_replayed(client: httpx.Client, receiver: Receiver) -> None:
    analysed(client, receiver.url())
    told = wait_for_status(client, "delivered")

    answer = client.post(f"/v1/webhooks/deliveries/{told['id']}/replay")

    assert answer.status_code == 200
    assert answer.json()["id"] == told["id"]
    first, second = receiver.wait_for(2)
    assert first.body == second.body
    assert len(wait_for_status(client, "delivered")["attempts"]) == 2


def test_the_operator_can_replay_what_is_still_waiting(
    server: Server, client: httpx.Client, receiver: Receiver
) -> None:
    receiver.status = 500
    analysed(client, receiver.url())
    receiver.wait_for(1)
    folder = ["--data-dir", str(server.settings.data_dir)]
    listed = CliRunner().invoke(app, ["webhooks", "list", "--status", "pending", "--json", *folder])
    (waiting,) = [d for d in json.loads(listed.stdout) if d["url"] == receiver.url()]
    receiver.status = 200

    replayed = CliRunner().invoke(app, ["webhooks", "replay", waiting["id"], *folder])

    assert replayed.exit_code == 0, replayed.output
    wait_for_status(client, "delivered")


def test_a_slow_receiver_does_not_keep_another_tenants_from_being_told(
    server: Server, client: httpx.Client, receiver: Receiver, authority: Authority
) -> None:
    receiver.seconds = 15.0
    for _ in range(6):
        created = announce(client, webhook_url=receiver.url())
        client.post(f"/v1/predictions/{created['prediction_id']}/cancel")
    receiver.wait_for(1)
    with receiving(authority) as quick, server.client() as other:
        created = announce(other, webhook_url=quick.url())
        other.post(f"/v1/predictions/{created['prediction_id']}/cancel")
        quick.wait_for(1, seconds=10.0)
    assert len(receiver.requests) <= 4


def test_a_deleted_prediction_is_not_told_any_more(
    client: httpx.Client, receiver: Receiver
) -> None:
    receiver.status = 500
    prediction_id = analysed(client, receiver.url())
    receiver.wait_for(1)
    client.delete(f"/v1/predictions/{prediction_id}")
    receiver.status = 200

    wait_for_status(client, "canceled")


def test_deliveries_are_their_owners_only(
    server: Server, client: httpx.Client, receiver: Receiver
) -> None:
    analysed(client, receiver.url())
    told = wait_for_status(client, "delivered")

    with server.client() as stranger:
        assert deliveries(stranger) == []
        assert stranger.post(f"/v1/webhooks/deliveries/{told['id']}/replay").status_code == 404
    with server.client(server.key(scopes=[Scope.PREDICT])) as blind:
        assert blind.get("/v1/webhooks/deliveries").status_code == 403


def test_deliveries_are_listed_newest_first_in_pages(
    client: httpx.Client, receiver: Receiver
) -> None:
    ids: list[str] = []
    for _ in range(3):
        created = announce(client, webhook_url=receiver.url())
        client.post(f"/v1/predictions/{created['prediction_id']}/cancel")
        ids.insert(0, created["prediction_id"])
    receiver.wait_for(3)

    first = client.get("/v1/webhooks/deliveries", params={"limit": 2}).json()
    cursor = first["next_cursor"]
    rest = client.get("/v1/webhooks/deliveries", params={"limit": 2, "cursor": cursor}).json()

    found = first["deliveries"] + rest["deliveries"]
    assert [item["prediction_id"] for item in found] == ids
    assert rest["next_cursor"] is None
    assert [d["prediction_id"] for d in deliveries(client, prediction_id=ids[1])] == [ids[1]]
    assert client.get("/v1/webhooks/deliveries", params={"cursor": "x"}).status_code == 400


@pytest.mark.parametrize(
    "url",
    ["http://localhost/hook", "https://other.example/hook", "https://a:b@localhost/", "hook"],
)
def test_a_receiver_that_is_not_allowed_is_refused_at_once(client: httpx.Client, url: str) -> None:
    answer = client.post("/v1/file", json={"filename": "call.wav", "webhook_url": url})

    assert answer.status_code == 400
    assert "webhook_url" in answer.json()["message"]
