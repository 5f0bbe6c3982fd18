"""Recordings that arrive in a folder, each once and only when it is complete."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.audio_factory import spoken_file
from tests.model_factory import write_model
from veravox.cli.watch import FolderWatch

SPOKEN = spoken_file(seconds=4.0)


def write(path: Path, content: bytes = b"sound") -> Path:
    path.write_bytes(content)
    return path


def test_a_file_is_ready_once_it_has_not_changed_for_a_while(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path, recursive=False, settled_seconds=2.0)
    path = write(tmp_path / "call.wav", b"half")

    assert watch.settled(0.0) == []
    write(path, b"half and half")
    assert watch.settled(1.9) == []
    assert watch.settled(3.0) == []
    assert watch.settled(3.9) == [path]
    assert watch.settled(99.0) == []


def test_a_file_that_grows_after_all_is_ready_again(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path, recursive=False, settled_seconds=1.0)
    path = write(tmp_path / "call.wav", b"half")
    watch.settled(0.0)
    assert watch.settled(1.0) == [path]

    write(path, b"half and half")

    assert watch.settled(2.0) == []
    assert watch.settled(3.0) == [path]


def test_what_is_hidden_empty_deeper_or_no_recording_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    for name in (".call.wav.x7f3", ".call.wav", "notes.txt", "call.wav.part"):
        write(tmp_path / name)
    write(tmp_path / "empty.wav", b"")
    deep = write(tmp_path / "deeper" / "call.wav")

    for recursive, expected in ((False, []), (True, [deep])):
        watch = FolderWatch(tmp_path, recursive=recursive, settled_seconds=1.0)
        watch.settled(0.0)
        assert watch.settled(1.0) == expected


def test_a_file_that_went_and_came_back_is_another(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path, recursive=False, settled_seconds=1.0)
    path = write(tmp_path / "call.wav")
    watch.settled(0.0)
    assert watch.settled(1.0) == [path]
    path.unlink()
    watch.settled(2.0)

    write(path)
    watch.settled(3.0)

    assert watch.settled(4.0) == [path]


def test_a_watching_process_judges_what_arrives_until_it_is_interrupted(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    write_model(tmp_path / "models")
    write(inbox / "first.wav", SPOKEN)
    process = subprocess.Popen(
        [sys.executable, "-m", "veravox", "detect", "--json", "--watch", str(inbox)],
        env=os.environ | {"VERAVOX_MODELS_DIR": str(tmp_path / "models")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    guard = threading.Timer(120.0, process.kill)
    guard.start()
    try:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        with (inbox / "second.wav").open("wb") as file:
            file.write(SPOKEN[:20_000])
            file.flush()
            file.write(SPOKEN[20_000:])
        second = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    finally:
        guard.cancel()
        process.kill()
        process.wait()

    assert [Path(item["path"]).name for item in (first, second)] == ["first.wav", "second.wav"]
    assert second["result"] == "bonafide"
    assert rest == ""
    assert process.returncode == 0
