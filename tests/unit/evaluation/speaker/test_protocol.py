import csv
import json
from pathlib import Path
from typing import BinaryIO

import pytest

from veravox.errors import InvalidManifest, NoSpeech, UndecodableAudio
from veravox.evaluation.speaker import Judged, Terms, evaluate_speakers

TERMS = Terms(model_id="tones-1", model_sha256="0" * 64, threshold=1.0, false_match_rate=0.01)


class Listener:
    """Hears the number in a file; two numbers are as similar as they are near."""

    def __init__(self) -> None:
        self.heard = 0

    def hear(self, media: BinaryIO) -> float:
        self.heard += 1
        text = media.read().decode()
        if text == "broken":
            raise UndecodableAudio("cannot be decoded")
        return float(text)

    def judge(self, enrolled: float, tested: float) -> Judged:
        if tested < 0:
            raise NoSpeech("No speech detected")
        llr = 4.0 - abs(enrolled - tested)
        genuine = tested == int(tested)
        accepted = llr >= TERMS.threshold and genuine
        return Judged(llr, accepted, "accept" if accepted else "reject", None, 3.0)


def write(folder: Path, *rows: str, header: str = "enrol,test,label,condition") -> Path:
    for name, content in (
        *(("a1", "10"), ("a2", "11"), ("b1", "20"), ("b2", "22"), ("fake", "10.5")),
        *(("silent", "-1"), ("broken", "broken")),
    ):
        (folder / name).write_text(content)
    trials = folder / "trials.csv"
    trials.write_text("\n".join((header, *rows)) + "\n")
    return trials


ALL = (
    "a1,a2,target,clean",
    "b1,b2,target,noisy",
    "a1,b1,nontarget,clean",
    "b1,a2,nontarget,noisy",
    "a1,fake,spoof,clean",
    "a1,silent,target,clean",
    "a1,broken,target,clean",
    "a1,absent,nontarget,clean",
)


def test_metrics_scores_plot_and_report_are_written(tmp_path: Path) -> None:
    listener = Listener()
    metrics = evaluate_speakers(write(tmp_path, *ALL), tmp_path / "out", listener, TERMS)
    assert metrics["eer"] == 0.0
    assert metrics["fmr"] == 0.0
    assert metrics["fnmr"] == 0.0
    assert (metrics["n_target"], metrics["n_nontarget"], metrics["n_spoof"]) == (4, 3, 1)
    assert metrics["a_dcf_without_spoof_check"] > metrics["a_dcf"]
    assert sum(metrics["unusable"].values()) == 3
    assert set(metrics["breakdowns"]["condition"]) == {"clean", "noisy"}
    assert json.loads((tmp_path / "out/metrics.json").read_text()) == metrics
    scores = (tmp_path / "out/scores.csv").read_text()
    rows = list(csv.DictReader(scores.splitlines()))
    assert [row["label"] for row in rows] == [row.split(",")[2] for row in ALL]
    assert (tmp_path / "out/det.png").stat().st_size > 1_000
    assert "a-DCF" in (tmp_path / "out/report.md").read_text()


def test_every_recording_is_heard_once(tmp_path: Path) -> None:
    listener = Listener()
    evaluate_speakers(write(tmp_path, *ALL[:5]), tmp_path / "out", listener, TERMS)
    assert listener.heard == 5


def test_one_class_alone_gives_the_numbers_that_it_allows(tmp_path: Path) -> None:
    metrics = evaluate_speakers(write(tmp_path, ALL[0]), tmp_path / "out", Listener(), TERMS)
    assert metrics["fnmr"] == 0.0
    assert metrics["eer"] is None
    assert metrics["a_dcf"] is None


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ((), "enrol,test,label", "no trials"),
        (("a1,a2,target",), "enrol,test,kind", "missing columns: label"),
        (("a1,,target",), "enrol,test,label", "line 2: a path is blank"),
        (("a1,a2,same",), "enrol,test,label", "line 2: the label is none of target"),
    ],
)
def test_a_file_that_holds_no_trials_is_an_error_that_says_where(
    tmp_path: Path, rows: tuple[str, ...], header: str, message: str
) -> None:
    with pytest.raises(InvalidManifest, match=message):
        evaluate_speakers(
            write(tmp_path, *rows, header=header), tmp_path / "out", Listener(), TERMS
        )
