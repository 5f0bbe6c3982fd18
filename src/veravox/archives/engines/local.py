"""Scoring in processes of this machine.

A process that dies takes the others of its pool with it. The recordings that were in work then are
taken one at a time, so that the one that kills its process is found and gets a row that says so.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait as wait_for_end

from veravox.archives.recordings import Recording
from veravox.archives.score import LOST, Score, Task, failed, score

IN_WORK_FOR_EACH = 3


class LocalEngine:
    """Scores in `processes` processes."""

    def __init__(self, task: Task, processes: int) -> None:
        """Processes start when `score` is called."""
        self._task = task
        self._processes = processes

    def score(self, recordings: Iterable[Recording]) -> Iterator[Score]:
        """As Engine.score."""
        source = iter(recordings)
        suspects = yield from self._together(source)
        while suspects:
            for recording in suspects:
                yield self._alone(recording)
            suspects = yield from self._together(source)

    def _together(self, source: Iterator[Recording]) -> Generator[Score, None, list[Recording]]:
        """Rows until `source` is empty or a process dies; then the recordings in work are left."""
        work: dict[Future[Score], Recording] = {}
        with _pool(self._processes) as pool:
            try:
                for recording in source:
                    work[_submit(pool, self._task, recording)] = recording
                    if len(work) >= IN_WORK_FOR_EACH * self._processes:
                        yield from _finished(work)
                while work:
                    yield from _finished(work)
            except BrokenProcessPool:
                return list(work.values())
        return []

    def _alone(self, recording: Recording) -> Score:
        with _pool(1) as pool:
            try:
                return _submit(pool, self._task, recording).result()
            except BrokenProcessPool:
                return failed(recording, LOST)


def _submit(pool: ProcessPoolExecutor, task: Task, recording: Recording) -> Future[Score]:
    """The future row; one that is broken already where the pool is."""
    try:
        return pool.submit(score, task, recording)
    except BrokenProcessPool as error:
        broken: Future[Score] = Future()
        broken.set_exception(error)
        return broken


def _finished(work: dict[Future[Score], Recording]) -> Iterator[Score]:
    """The rows that are ready, at least one, taken out of `work`. Raises BrokenProcessPool."""
    for future in wait(work, return_when=FIRST_COMPLETED).done:
        row = future.result()
        del work[future]
        yield row


@contextmanager
def _pool(processes: int) -> Generator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    """A scoring process leaves interrupts to its parent and never outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_end([parent.sentinel])
        os._exit(1)
