from collections.abc import Sequence
from pathlib import Path

import pytest

from veravox.archives.journal import Journal, Tally
from veravox.archives.recordings import Recording
from veravox.archives.score import failed
from veravox.errors import Conflict, InvalidRequest

PARAMETERS = {"archive": "/recordings", "threshold": None}
FILES = tuple(Recording(f"{number:04}.wav", number, "1") for number in range(2_500))


def pending(path: Path) -> Sequence[Recording]:
    with Journal.open(path, PARAMETERS) as journal:
        return list(journal.pending())


def test_what_is_scored_is_not_pending_any_more(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal.open(path, PARAMETERS) as journal:
        journal.listed(FILES)
        for recording in FILES[::2]:
            journal.scored(failed(recording, "reason"))
        assert journal.tally() == Tally(known=2_500, scored=1_250)

    assert pending(path) == list(FILES[1::2])
    with Journal.open(path, PARAMETERS) as journal:
        assert [score.path for score in journal.scores()] == [item.path for item in FILES[::2]]


def test_scores_may_be_kept_while_pending_recordings_are_drawn(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal", PARAMETERS) as journal:
        journal.listed(FILES)
        drawn: list[str] = []
        for recording in journal.pending():
            journal.scored(failed(recording, "reason"))
            drawn.append(recording.path)

    assert drawn == [item.path for item in FILES]
    assert pending(tmp_path / "journal") == []


@pytest.mark.parametrize("changed", [Recording("0001.wav", 99, "1"), Recording("0001.wav", 1, "2")])
def test_a_recording_that_changed_is_scored_again(tmp_path: Path, changed: Recording) -> None:
    path = tmp_path / "journal"
    with Journal.open(path, PARAMETERS) as journal:
        journal.listed(FILES[:3])
        for recording in FILES[:3]:
            journal.scored(failed(recording, "reason"))
        journal.listed([FILES[0], changed, FILES[2]])

    assert pending(path) == [changed]


def test_two_scans_cannot_share_a_journal(tmp_path: Path) -> None:
    with (
        Journal.open(tmp_path / "journal", PARAMETERS),
        pytest.raises(Conflict, match="in use"),
        Journal.open(tmp_path / "journal", PARAMETERS),
    ):
        pass


def test_a_scan_with_other_parameters_does_not_go_on(tmp_path: Path) -> None:
    pending(tmp_path / "journal")

    with (
        pytest.raises(Conflict, match="other parameters"),
        Journal.open(tmp_path / "journal", PARAMETERS | {"threshold": 0.5}),
    ):
        pass


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"PAR1" * 500])
def test_a_file_of_another_kind_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal").write_bytes(content)

    with pytest.raises(InvalidRequest, match="not the journal"):
        pending(tmp_path / "journal")

    assert (tmp_path / "journal").read_bytes() == content
