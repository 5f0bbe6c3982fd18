"""A storm of kills: files are uploaded while servers and workers die at random, seeded moments.

Clients keep trying, as real ones do. At the end every accepted file has exactly one final result.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.file_client import UNFINISHED

LONGEST_SECONDS = 1_500.0
"""How long the last result may take, on a busy machine."""


@dataclass
class Weather:
    """At most `most` kills, each a call of `kill`, with random `pauses` (seconds) between."""

    kill: Callable[[], None]
    seed: int
    most: int
    pauses: tuple[float, float]
    kills: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def storm(self) -> Iterator[None]:
        """Kills while the block runs."""
        thread = threading.Thread(target=self._rage)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _rage(self) -> None:
        chance = random.Random(self.seed)
        while self.kills < self.most and not self._over.wait(chance.uniform(*self.pauses)):
            self.kill()
            self.kills += 1


@dataclass(frozen=True)
class Customer:
    """A client that does not give up."""

    url: str
    key: str

    def submit(self, prediction_id: str, content: bytes) -> None:
        """Announce and upload until the server says that the recording has come."""
        fields = {"filename": "a.wav", "prediction_id": prediction_id, "size": len(content)}
        while True:
            created = self._ask("POST", "/v1/file", json=fields)
            if created["upload"] is None:
                return
            try:
                answer = httpx.put(created["upload"]["url"], content=content, timeout=30.0)
            except httpx.TransportError:
                continue
            if answer.status_code in (200, 409):
                return

    def result(self, prediction_id: str, deadline: float) -> dict[str, Any]:
        """The final state, waited for until `deadline` (monotonic seconds)."""
        while True:
            body = self._ask("GET", f"/v1/predictions/{prediction_id}")
            if body["status"] not in UNFINISHED:
                return body
            assert time.monotonic() < deadline, body
            time.sleep(0.5)

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        while True:
            try:
                answer = httpx.request(
                    method,
                    self.url + path,
                    headers={"X-Api-Key": self.key},
                    timeout=30.0,
                    **more,
                )
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if answer.is_success:
                return answer.json()
            assert answer.status_code in (429, 503), answer.text
            time.sleep(0.5)


def survive(
    customer: Customer, weather: Weather, files: int, content: bytes, clients: int = 4
) -> list[dict[str, Any]]:
    """Submit `files` recordings under a storm; their final states, in order."""
    names = [f"storm-{number:04}" for number in range(files)]
    deadline = time.monotonic() + LONGEST_SECONDS
    with ThreadPoolExecutor(clients) as pool, weather.storm():
        list(pool.map(lambda name: customer.submit(name, content), names))
        return list(pool.map(lambda name: customer.result(name, deadline), names))
