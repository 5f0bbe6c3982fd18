"""A storm of kills: files are uploaded while servers and workers die at random, seeded moments.

Clients keep trying, as real ones do. At the end every accepted file has exactly one final result.
"""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.file_client import UNFINISHED

SEED = 20261121
CLIENTS = 4
LONGEST_WAIT_SECONDS = 0.5
LONGEST_SECONDS = 1_500.0
"""How long the last result may take, on a busy machine."""


class Weather:
    """Calls `kill` `kills` times, at random moments between the first of `events` and the last.

    A moment is a number of events that have happened, so that a fast machine meets as many kills
    as a slow one, and a wait of up to `longest_wait` seconds after it.
    """

    def __init__(
        self, kill: Callable[[], None], seed: int, kills: int, events: int, longest_wait: float
    ) -> None:
        chance = random.Random(seed)
        self._kill = kill
        self._waits = {
            moment: chance.uniform(0.0, longest_wait)
            for moment in chance.sample(range(1, events), kills)
        }
        self._happened = 0
        self._counting = threading.Lock()
        self._killing = threading.Lock()

    def event(self) -> None:
        """One more event has happened; returns after the kill that it brings, if any."""
        with self._counting:
            self._happened += 1
            wait = self._waits.get(self._happened)
        if wait is not None:
            time.sleep(wait)
            with self._killing:
                self._kill()


@dataclass(frozen=True)
class Customer:
    """A client that does not give up, unless the storm does."""

    url: str
    key: str
    _over: threading.Event = field(default_factory=threading.Event)

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

    def give_up(self) -> None:
        """Let all calls end with an error."""
        self._over.set()

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        while True:
            assert not self._over.is_set(), "the storm ended early"
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
    customer: Customer, kill: Callable[[], None], files: int, kills: int, content: bytes
) -> list[dict[str, Any]]:
    """Submit `files` recordings under a storm of `kills`; their final states, in order."""
    names = [f"storm-{number:04}" for number in range(files)]
    deadline = time.monotonic() + LONGEST_SECONDS
    weather = Weather(kill, SEED, kills, events=2 * files, longest_wait=LONGEST_WAIT_SECONDS)

    def submit(name: str) -> None:
        customer.submit(name, content)
        weather.event()

    def result(name: str) -> dict[str, Any]:
        body = customer.result(name, deadline)
        weather.event()
        return body

    with ThreadPoolExecutor(CLIENTS) as pool:
        try:
            list(pool.map(submit, names))
            return list(pool.map(result, names))
        except BaseException:
            customer.give_up()
            raise
