"""Hosts of one installation that do not agree: on the network, or on the time.

Each host is a network namespace with a wire of its own to PostgreSQL and S3, which only root may
lay. Clocks are set by faketime, within the quarter of an hour that S3 allows.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.file_client import final, state
from tests.processes import held, log_of
from tests.receiver import wait_until
from tests.services.workers import (
    RESCUE_SECONDS,
    count,
    proxied,
    server_without_jobs,
    uploaded,
    wait_for,
    wait_for_an_empty_queue,
    worker,
    worker_at_work,
)
from tests.services.workers import SPOKEN as RECORDING
from veravox.settings import Settings

pytestmark = pytest.mark.timeout(1_200)

LEASE_SECONDS = 20.0
TEN_MINUTES = 600


@dataclass(frozen=True)
class Host:
    """A network namespace whose only wire ends at `address` on this side."""

    name: str
    wire: str
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """Runs a command there."""
        return "ip", "netns", "exec", self.name

    def cut(self) -> None:
        """Packets get lost from now on, without a word to either side."""
        ip("link", "set", self.wire, "down")

    def mend(self) -> None:
        ip("link", "set", self.wire, "up")


def ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), check=True, capture_output=True, timeout=30)


@contextmanager
def host(number: int) -> Iterator[Host]:
    name = f"vvx{os.getpid()}-{number}"
    wire, far_end = f"{name}a", f"{name}b"
    here = f"10.213.{number}.1"
    try:
        ip("netns", "add", name)
        ip("link", "add", wire, "type", "veth", "peer", "name", far_end, "netns", name)
        ip("address", "add", f"{here}/30", "dev", wire)
        ip("-netns", name, "address", "add", f"10.213.{number}.2/30", "dev", far_end)
        ip("-netns", name, "link", "set", "lo", "up")
        ip("-netns", name, "link", "set", far_end, "up")
        ip("link", "set", wire, "up")
        yield Host(name, wire, here)
    finally:
        subprocess.run(("ip", "netns", "delete", name), check=False, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and the command ip")
    with host(1) as one, host(2) as other:
        yield one, other


def clock_ahead(seconds: int) -> tuple[str, ...]:
    """Runs a command whose clock is wrong by so much."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("faketime is not installed")
    preloaded = (f"LD_PRELOAD={found[0]}", f"FAKETIME={seconds:+}")
    return "env", *preloaded, "FAKETIME_DONT_FAKE_MONOTONIC=1"


@contextmanager
def seen_from(there: Host, settings: Settings) -> Iterator[Settings]:
    """The settings with PostgreSQL and S3 at the other end of the host's wire."""
    with (
        proxied(settings, "database_url", there.address) as (settings, _),
        proxied(settings, "storage_endpoint", there.address) as (settings, _),
    ):
        yield settings


def test_the_job_of_a_host_that_is_cut_off_is_done_by_another(
    s3_settings: Settings, hosts: tuple[Host, Host]
) -> None:
    lost, other = hosts
    with ExitStack() as stack:
        server = stack.enter_context(server_without_jobs(s3_settings))
        client = stack.enter_context(server.client())
        there = stack.enter_context(seen_from(lost, s3_settings))
        elsewhere = stack.enter_context(seen_from(other, s3_settings))
        cut_off = stack.enter_context(worker_at_work(there, client, lost.prefix))
        lost.cut()
        with worker(elsewhere, other.prefix):
            body = final(client, cut_off.prediction_id, RESCUE_SECONDS)
        assert body["status"] == "completed"
        assert count(s3_settings, "SELECT max(attempts) FROM predictions") == 2
        lost.mend()
        cut_off.hold.release()
        after = uploaded(client, RECORDING)
        assert final(client, after, RESCUE_SECONDS)["status"] == "completed"
        assert state(client, cut_off.prediction_id) == body


def test_a_job_is_not_taken_from_a_host_whose_clock_is_wrong(s3_settings: Settings) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(server_without_jobs(s3_settings))
        client = stack.enter_context(server.client())
        slow = stack.enter_context(worker_at_work(s3_settings, client, clock_ahead(-TEN_MINUTES)))
        stack.enter_context(worker(s3_settings, clock_ahead(TEN_MINUTES)))
        others = [uploaded(client, RECORDING) for _ in range(5)]
        assert {final(client, name)["status"] for name in others} == {"completed"}
        time.sleep(1.5 * LEASE_SECONDS)
        assert count(s3_settings, "SELECT max(attempts) FROM predictions") == 1
        slow.process.kill()
        body = final(client, slow.prediction_id, RESCUE_SECONDS)
        assert body["status"] == "completed"
        assert count(s3_settings, "SELECT max(attempts) FROM predictions") == 2
        wait_for_an_empty_queue(s3_settings)


def test_what_a_host_with_a_fast_clock_gives_back_is_done_at_once(s3_settings: Settings) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(server_without_jobs(s3_settings))
        client = stack.enter_context(server.client())
        ahead = clock_ahead(TEN_MINUTES)
        with worker(s3_settings, ahead, shutdown_seconds="1", log_level="info") as fast:
            assert final(client, uploaded(client, RECORDING))["status"] == "completed"
            with held(fast):
                prediction_id = uploaded(client, RECORDING)
                wait_for(client, prediction_id, "processing")
                fast.terminate()
                wait_until(lambda: "running analyses are given back" in log_of(s3_settings))
            fast.wait(RESCUE_SECONDS)
        assert state(client, prediction_id)["status"] == "queued"
        stack.enter_context(worker(s3_settings, clock_ahead(-TEN_MINUTES)))
        assert final(client, prediction_id, RESCUE_SECONDS)["status"] == "completed"
        wait_for_an_empty_queue(s3_settings)
