"""Scoring on a Ray cluster: one task for each recording, on any node with a free core.

A task whose node or process dies is run again elsewhere; a recording whose task dies again and
again gets a row that says so. The nodes need Veravox, the models and a way to the archive.
"""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager

import ray
from ray.exceptions import RayError, RayTaskError

from veravox.archives.recordings import Recording
from veravox.archives.score import LOST, Score, Task, failed, score
from veravox.errors import Unavailable

IN_WORK_FOR_EACH_CORE = 4
MOST_RETRIES = 5


class RayEngine:
    """Scores on the cluster at `address`; None for ``RAY_ADDRESS``, else this machine."""

    def __init__(self, task: Task, address: str | None) -> None:
        """The cluster is joined when `score` is called."""
        self._task = task
        self._address = address

    def score(self, recordings: Iterable[Recording]) -> Iterator[Score]:
        """As Engine.score. Raises Unavailable when there is no cluster at the address."""
        with _cluster(self._address):
            remote = ray.remote(num_cpus=1, max_retries=MOST_RETRIES)(score)
            work: dict[ray.ObjectRef[Score], Recording] = {}
            for recording in recordings:
                work[remote.remote(self._task, recording)] = recording
                while len(work) >= _most_in_work():
                    yield _next(work)
            while work:
                yield _next(work)


def _next(work: dict[ray.ObjectRef[Score], Recording]) -> Score:
    """The row that is ready first, taken out of `work`."""
    (ready,), _ = ray.wait(list(work), num_returns=1)
    recording = work.pop(ready)
    try:
        return ray.get(ready)
    except RayTaskError:
        raise
    except RayError:
        return failed(recording, LOST)


def _most_in_work() -> int:
    """Nodes come and go."""
    return IN_WORK_FOR_EACH_CORE * max(1, int(ray.cluster_resources().get("CPU", 1)))


@contextmanager
def _cluster(address: str | None) -> Generator[None]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False)
    except ConnectionError as error:
        raise Unavailable(f"No Ray cluster answers at {address}") from error
    try:
        yield
    finally:
        ray.shutdown()
