from pathlib import Path

import numpy as np
import pytest

from tests.model_factory import make_card
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Result
from veravox.errors import NotSeparable
from veravox.evaluation.calibrate import calibrate
from veravox.evaluation.manifest import Recording
from veravox.evaluation.trials import ScoredFile, Trial


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.csv"
    path.write_text("path,label\n")
    return path


def trial(number: int, spoof: bool, llr: float | None) -> Trial:
    recording = Recording(
        path=f"{number}.wav",
        label="spoof" if spoof else "bonafide",
        system=f"system {number % 7}" if spoof else "",
        family="",
        source="here",
        speaker=f"speaker {number % 9}",
        language="en",
        condition="clean",
    )
    probability = None if llr is None else spoof_probability(llr)
    result = None if llr is None else Result.SPOOFED if llr >= 0.0 else Result.BONAFIDE
    return Trial(recording, ScoredFile(llr, probability, result, None, 5.0))


def trials(n_bonafide: int, n_spoof: int, distance: float, shift: float = 0.0) -> list[Trial]:
    """Scores that are LLRs of unit normals `distance` apart, moved by `shift`."""
    generator = np.random.default_rng(5)
    return [
        trial(number, spoof, float(distance * (draw + (distance if spoof else -distance) / 2)))
        for spoof, count in ((False, n_bonafide), (True, n_spoof))
        for number, draw in enumerate(generator.standard_normal(count) + shift)
    ]


def test_a_shift_of_the_site_is_undone(manifest: Path) -> None:
    site = calibrate(trials(400, 400, 3.0, shift=1.0), make_card(), manifest)

    assert site.adjustment.slope == pytest.approx(1.0, abs=0.2)
    assert site.adjustment.intercept == pytest.approx(-3.0, abs=0.6)
    assert site.threshold == pytest.approx(0.5, abs=0.3)
    assert site.measured["after"]["cllr"] < site.measured["before"]["cllr"]
    assert site.measured["after"]["bpcer"] < site.measured["before"]["bpcer"]


def test_the_calibration_names_what_it_was_fitted_on(manifest: Path) -> None:
    scored = [*trials(60, 50, 3.0), trial(999, True, None)]
    site = calibrate(scored, make_card(sha256="7" * 64), manifest)

    assert site.model_sha256 == "7" * 64
    assert (site.data.n_bonafide, site.data.n_spoof, site.data.n_unscored) == (60, 50, 1)


@pytest.mark.parametrize(
    ("n_bonafide", "n_spoof", "lacking"), [(29, 80, "bona fide"), (80, 29, "spoof")]
)
def test_too_little_of_a_class_is_refused(
    manifest: Path, n_bonafide: int, n_spoof: int, lacking: str
) -> None:
    with pytest.raises(NotSeparable, match=f"at least 30 {lacking} recordings.*there are 29"):
        calibrate(trials(n_bonafide, n_spoof, 3.0), make_card(), manifest)


def test_recordings_without_a_score_do_not_count(manifest: Path) -> None:
    scored = [*trials(80, 20, 3.0), *(trial(500 + i, True, None) for i in range(20))]
    with pytest.raises(NotSeparable, match="20 recordings have no score"):
        calibrate(scored, make_card(), manifest)


@pytest.mark.parametrize("distance", [0.1, 0.4])
def test_classes_that_do_not_separate_are_refused(manifest: Path, distance: float) -> None:
    with pytest.raises(NotSeparable, match="do not separate"):
        calibrate(trials(200, 200, distance), make_card(), manifest)


def test_exchanged_labels_are_refused(manifest: Path) -> None:
    swapped = [
        trial(i, not t.recording.spoof, t.scored.spoof_llr)
        for i, t in enumerate(trials(60, 60, 3.0))
    ]
    with pytest.raises(NotSeparable, match="check the labels"):
        calibrate(swapped, make_card(), manifest)
