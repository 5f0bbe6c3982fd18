import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.audio_factory import encode, speech, spoken_file
from tests.hostile import silent_flac
from veravox.audio.canonical import SAMPLE_RATE, Samples
from veravox.audio.decode import DecodeLimits, DecoderPool
from veravox.errors import MediaTooLarge, Unavailable, UndecodableAudio

pytestmark = pytest.mark.timeout(120)


def _children() -> set[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text(encoding="ascii").split()}


def _new_child(before: set[int]) -> int:
    (child,) = _children() - before
    return child


def _status(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def _decode(pool: DecoderPool, content: bytes) -> Samples:
    with pool.open(io.BytesIO(content)) as media:
        return np.concatenate(list(media))


def test_a_process_that_is_killed_over_a_file_costs_that_file_only() -> None:
    before = _children()
    with DecoderPool(1) as pool:
        pool.warm()
        child = _new_child(before)
        with pool.open(io.BytesIO(silent_flac(1.0))) as media:
            blocks = iter(media)
            next(blocks)
            os.kill(child, signal.SIGKILL)
            with pytest.raises(UndecodableAudio, match="could not be decoded"):
                list(blocks)
        assert _decode(pool, spoken_file()).size == 4 * SAMPLE_RATE
        assert child not in _children()


def test_a_process_that_dies_while_idle_is_not_noticed() -> None:
    before = _children()
    with DecoderPool(1) as pool:
        pool.warm()
        os.kill(_new_child(before), signal.SIGKILL)
        time.sleep(0.1)
        assert _decode(pool, spoken_file()).size == 4 * SAMPLE_RATE


def test_a_file_that_is_given_up_half_way_leaves_a_healthy_pool() -> None:
    with DecoderPool(1) as pool:
        for _ in range(2):
            with pool.open(io.BytesIO(silent_flac(1.0))) as media:
                next(iter(media))
            assert _decode(pool, spoken_file()).size == 4 * SAMPLE_RATE


def test_an_error_of_the_reader_leaves_a_healthy_pool() -> None:
    with DecoderPool(1) as pool:
        with (
            pytest.raises(ZeroDivisionError),
            pool.open(io.BytesIO(spoken_file())) as media,
        ):
            _ = next(iter(media)).size / 0
        assert _decode(pool, spoken_file()).size == 4 * SAMPLE_RATE


def test_a_refused_file_does_not_cost_the_process() -> None:
    before = _children()
    with DecoderPool(1) as pool:
        pool.warm()
        child = _new_child(before)
        with pytest.raises(UndecodableAudio):
            _decode(pool, spoken_file()[:44])
        assert _decode(pool, spoken_file()).size == 4 * SAMPLE_RATE
        assert _new_child(before) == child


def test_processor_time_is_limited_for_each_file() -> None:
    with DecoderPool(1, DecodeLimits(cpu_seconds=1)) as pool:
        with pytest.raises(MediaTooLarge, match="processor time"):
            _decode(pool, silent_flac(12.0, 48_000))
        for _ in range(3):
            assert _decode(pool, spoken_file()).size == 4 * SAMPLE_RATE


def test_waiting_is_limited_for_each_file() -> None:
    with DecoderPool(1, DecodeLimits(wall_seconds=0.5)) as pool:
        pool.warm()
        with pytest.raises(MediaTooLarge, match=r"longer than 0\.5 seconds"):
            _decode(pool, silent_flac(12.0, 48_000))
        pool.warm()
        assert _decode(pool, spoken_file()).size == 4 * SAMPLE_RATE


def test_time_that_the_reader_takes_does_not_count() -> None:
    with DecoderPool(1, DecodeLimits(wall_seconds=2.0)) as pool:
        pool.warm()
        seconds = 0.0
        with pool.open(io.BytesIO(spoken_file(seconds=60.0))) as media:
            for index, block in enumerate(media):
                seconds += block.size / SAMPLE_RATE
                if index < 3:
                    time.sleep(1.0)
        assert seconds == pytest.approx(60.0)


def test_memory_is_limited_for_each_file() -> None:
    with DecoderPool(1, DecodeLimits(memory_bytes=4 * 1024 * 1024)) as pool:
        with pytest.raises(MediaTooLarge, match="memory"):
            _decode(pool, encode(speech(4.0, 192_000, 8), 192_000))
        assert _decode(pool, spoken_file()).size == 4 * SAMPLE_RATE


def test_memory_does_not_grow_with_duration() -> None:
    before = _children()
    with DecoderPool(1) as pool:
        _decode(pool, spoken_file())
        child = _new_child(before)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        ours, theirs = _status(os.getpid(), "VmRSS"), _status(child, "VmHWM")
        with pool.open(io.BytesIO(silent_flac(3.0, 16_000))) as media:
            assert sum(block.size for block in media) > 2.9 * 3600 * SAMPLE_RATE
        assert _status(os.getpid(), "VmHWM") - ours < 20_000
        assert _status(child, "VmHWM") - theirs < 20_000


def test_files_are_decoded_side_by_side_and_alike() -> None:
    content = spoken_file("mp3", 20.0)
    with DecoderPool(2) as pool:
        expected = _decode(pool, content)
        with ThreadPoolExecutor(6) as executor:
            for decoded in executor.map(lambda _: _decode(pool, content), range(12)):
                np.testing.assert_array_equal(decoded, expected)


def test_no_more_files_are_decoded_at_once_than_there_are_processes() -> None:
    started = threading.Event()
    with DecoderPool(1) as pool, ThreadPoolExecutor(1) as executor:
        with pool.open(io.BytesIO(spoken_file())) as media:
            waiting = executor.submit(
                lambda: (started.set(), _decode(pool, spoken_file("flac")).size)[1]
            )
            started.wait()
            time.sleep(0.2)
            assert not waiting.done()
            list(media)
        assert waiting.result() == 4 * SAMPLE_RATE


def test_a_process_knows_nothing_of_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERAVOX_SECRET", "not for decoders")
    before = _children()
    with DecoderPool(1) as pool:
        pool.warm()
        child = Path("/proc") / str(_new_child(before))
        assert b"VERAVOX" not in (child / "environ").read_bytes()
        targets = [link.readlink().name.split(":")[0] for link in (child / "fd").iterdir()]
        assert sorted(targets) == ["null", "null", "pipe", "socket"]


def test_a_process_dies_with_its_server_even_while_decoding() -> None:
    program = """
        import io, os, signal, sys
        from pathlib import Path
        from tests.hostile import silent_flac
        from veravox.audio.decode import DecoderPool

        pool = DecoderPool(2)
        pool.warm()
        with pool.open(io.BytesIO(silent_flac(12.0, 48_000))) as media:
            next(iter(media))
            tasks = Path("/proc/self/task").glob("*/children")
            print(*[pid for task in tasks for pid in task.read_text().split()], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    root = Path(__file__).parents[3]
    server = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    children = [Path("/proc") / pid for pid in server.stdout.split()]
    assert len(children) == 2, server.stderr
    deadline = time.monotonic() + 5.0
    while any(_runs(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(process: Path) -> bool:
    try:
        return (process / "stat").read_text(encoding="ascii").rsplit(")")[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_closed_pool_leaves_no_process_and_takes_no_file() -> None:
    before = _children()
    pool = DecoderPool(2)
    pool.warm()
    assert len(_children() - before) == 2
    pool.close()
    assert _children() == before
    with pytest.raises(Unavailable), pool.open(io.BytesIO(spoken_file())):
        pass


def test_closing_lets_a_file_in_progress_finish() -> None:
    before = _children()
    pool = DecoderPool(1)
    with pool.open(io.BytesIO(spoken_file())) as media:
        pool.close()
        assert sum(block.size for block in media) == 4 * SAMPLE_RATE
    assert _children() == before


def test_a_pool_has_at_least_one_process() -> None:
    with pytest.raises(ValueError, match="at least one"):
        DecoderPool(0)
