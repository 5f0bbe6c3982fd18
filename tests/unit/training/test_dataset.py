import csv
from pathlib import Path

import pytest

import training
from training.dataset import WITHHELD, Sources, read_clips
from training.licences import NON_COMMERCIAL, STATED_ELSEWHERE, named
from training.manifest import read_rows

COLUMNS = (
    "split", "label", "repo", "sha", "path", "system", "kind", "language", "speaker", "year",
    "family", "pair", "licence",
)  # fmt: skip
COLLECTED = Path(training.__file__).parent / "data" / "collected.csv.gz"
WITHHELD_BLOB = WITHHELD.read_text("utf-8").split()[0]


def manifest(path: Path, *rows: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow(dict.fromkeys(COLUMNS, "") | {"label": "bonafide", "repo": "a/b"} | row)
    return path


def test_clips_come_from_all_manifests_and_synthetic_sets_once_each(tmp_path: Path):
    first = manifest(tmp_path / "first.csv", {"sha": "1"}, {"sha": "2", "label": "non_speech"})
    second = manifest(tmp_path / "second.csv", {"sha": "1", "repo": "c/d"}, {"sha": "3"})
    manifest(tmp_path / "sets/synthesis+x/index.csv", {"sha": "4", "label": "spoof", "pair": "1"})

    clips = read_clips(Sources((first, second), tmp_path, tmp_path / "sets"))

    assert [(c.sha, c.repo) for c in clips] == [("1", "a/b"), ("3", "a/b"), ("4", "a/b")]


def test_copies_of_what_is_kept_for_the_final_test_are_left_out(tmp_path: Path):
    first = manifest(tmp_path / "first.csv", {"sha": WITHHELD_BLOB}, {"sha": "2"})
    manifest(tmp_path / "sets/synthesis+x/index.csv", {"sha": "3", "pair": WITHHELD_BLOB})

    clips = read_clips(Sources((first,), tmp_path, tmp_path / "sets"))

    assert [c.sha for c in clips] == ["2"]


def test_recordings_whose_licence_excludes_commercial_use_are_heard_by_the_dev_split_only(
    tmp_path: Path,
):
    restricted = {"sha": "1", "split": "train", "repo": "amu-cai/nEMO"}
    free = {"sha": "2", "split": "train"}
    dev = restricted | {"sha": "3", "split": "dev"}
    copy = {"sha": "4", "split": "train", "pair": "1"}
    first = manifest(tmp_path / "first.csv", {"sha": "1", "split": "train"}, free, restricted, dev)
    manifest(tmp_path / "sets/synthesis+x/index.csv", copy)

    clips = read_clips(Sources((first,), tmp_path, tmp_path / "sets"))

    assert [c.sha for c in clips] == ["2", "3"]


def test_every_repository_that_is_known_to_exclude_commercial_use_is_listed():
    flagged = {row["repo"] for row in read_rows(COLLECTED) if row["non_commercial"] == "True"}
    stated = {repo for repo, name in STATED_ELSEWHERE.items() if named(name).non_commercial}

    assert flagged | stated <= NON_COMMERCIAL


def test_a_reserved_repository_is_refused(tmp_path: Path):
    first = manifest(tmp_path / "first.csv", {"sha": "1", "repo": "kept/back"})
    reserved = tmp_path / "reserved.txt"
    reserved.write_text("kept/back\n")

    with pytest.raises(ValueError, match="kept/back"):
        read_clips(Sources((first,), tmp_path, tmp_path / "sets", reserved))
