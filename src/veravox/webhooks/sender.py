"""One request to a receiver."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address

import anyio
import httpcore

from veravox import __version__
from veravox.errors import InvalidRequest
from veravox.outbound import OutboundClient, Resolve, is_public, resolve
from veravox.webhooks.delivery import Attempt
from veravox.webhooks.signature import SIGNATURE_HEADER, sign

DELIVERY_HEADER = "X-Veravox-Delivery"
ANSWER_SECONDS = 20.0
LONGEST_ERROR = 200

_REDIRECTS_THAT_KEEP_THE_BODY = (307, 308)


class WebhookSender:
    """Sends signed bodies to the receivers that the operator allows."""

    def __init__(
        self,
        hosts: Iterable[str],
        networks: Iterable[IPv4Network | IPv6Network] = (),
        *,
        resolve: Resolve = resolve,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """`hosts` as for OutboundClient; addresses must be public or inside one of `networks`.

        A receiver that has not answered after `answer_seconds` has failed.
        """
        inside = tuple(networks)
        self._answer_seconds = answer_seconds
        self._hosts = tuple(hosts)
        self._client = OutboundClient(
            "webhook_url",
            self._hosts,
            resolve=resolve,
            is_allowed=lambda address: is_public(address) or _is_in(address, inside),
        )

    def check(self, url: str) -> None:
        """Raises InvalidRequest for a URL that would never be called."""
        if not self._hosts:
            raise InvalidRequest("webhook_url cannot be used: webhooks are off on this server")
        self._client.check(url)

    async def send(self, url: str, secret: str, delivery_id: str, body: bytes) -> Attempt:
        """POST `body`, signed now with `secret`."""
        started_at = datetime.now(UTC)
        started = time.monotonic()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Veravox/{__version__}",
            DELIVERY_HEADER: delivery_id,
            SIGNATURE_HEADER: sign(secret, body, int(started_at.timestamp())),
        }
        status_code, error = await self._post(url, headers, body)
        return Attempt(started_at, time.monotonic() - started, status_code, error)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _post(
        self, url: str, headers: dict[str, str], body: bytes
    ) -> tuple[int | None, str | None]:
        """The status of the answer, or what kept it from coming."""
        try:
            with anyio.fail_after(self._answer_seconds):
                async with self._client.request(
                    "POST",
                    url,
                    headers=headers,
                    content=body,
                    follow=_REDIRECTS_THAT_KEEP_THE_BODY,
                ) as response:
                    return response.status, None
        except InvalidRequest as error:
            return None, error.message[:LONGEST_ERROR]
        except (TimeoutError, httpcore.TimeoutException):
            return None, f"no answer within {self._answer_seconds:g} seconds"
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            return None, f"the connection failed: {error}"[:LONGEST_ERROR]


def _is_in(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    parsed = ip_address(address)
    return any(parsed in network for network in networks)
