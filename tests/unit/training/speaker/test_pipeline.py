"""From audio to a trained, exported and calibrated encoder, on a few seconds of sound."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from tests.audio_factory import speech
from training.manifest import Clip
from training.speaker.calibrate import (
    Scored,
    cohort_rows,
    fit_calibration,
    operating_points,
)
from training.speaker.export import export, person_means
from training.speaker.fit import between, fit, targets
from training.speaker.frontend import MELS, RMS, slaney_filters
from training.speaker.material import held_out, material
from training.speaker.network import Encoder, FrontEnd
from training.speaker.prepare import FRAMES, Views
from training.speaker.trials import Excerpt, Trials
from training.store import Store
from veravox.audio.canonical import level
from veravox.audio.recording import Quality
from veravox.speaker.scoring import llr

GOOD = Quality(30.0, 0.0, 7_000.0, -26.0, 4.0)


def clip(
    number: int, speaker: str, label: str = "bonafide", split: str = "train", repo: str = "a/b"
) -> Clip:
    return Clip(split, label, repo, f"{number}", f"{number}.wav", "", "", "en", speaker, 2026)


CLIPS = [clip(0, "anna"), clip(1, "bert"), clip(2, ""), clip(3, "anna", "spoof"), clip(4, "anna")]


@pytest.fixture
def views(tmp_path: Path) -> Views:
    """Five clips as they are and through a channel, heard by one teacher."""
    generator = np.random.default_rng(1)
    stores = [Store(tmp_path / name) for name in ("clean", "channel")]
    for store in stores:
        rows = generator.random((len(CLIPS), FRAMES, MELS)).astype(np.float16)
        store.add([c.sha for c in CLIPS], rows)
    heard = generator.standard_normal((len(CLIPS), 256)).astype(np.float32)
    return Views(CLIPS, stores, {"one": heard / np.linalg.norm(heard, axis=1, keepdims=True)})


def test_genuine_clips_of_one_name_are_of_one_person_and_a_spoof_is_of_none(views: Views) -> None:
    persons = targets(views).persons
    assert persons[0] == persons[4]
    assert len(set(persons.tolist())) == 4


def test_nobody_who_is_held_out_is_trained_on_under_any_name() -> None:
    clips = [
        clip(0, "LS0121", split="dev"),
        clip(1, "MLS_121"),
        clip(2, "LS121", "spoof"),
        clip(3, "LS122"),
        clip(4, "nEMO_MK0"),
    ]
    assert [c.sha for c in material(clips, held_out(clips))] == ["3"]


def test_speech_without_a_name_is_trained_on_only_from_sources_that_recorded_it() -> None:
    clips = [clip(0, ""), clip(1, "", repo="Xeonen/TurEV-DB"), clip(2, "", "spoof")]
    assert [c.sha for c in material(clips, frozenset())] == ["1"]


def test_everybody_has_a_turn_before_anybody_has_another() -> None:
    clips = [clip(0, "anna"), clip(1, "anna"), clip(2, "bert")]
    assert [c.sha for c in material(clips, frozenset())] == ["0", "2", "1"]


def test_training_resumes_where_it_stopped(views: Views, tmp_path: Path) -> None:
    torch.manual_seed(2)
    whole = fit(views, Encoder(), 2, 4, tmp_path / "whole.pt")
    again = fit(views, Encoder(), 2, 4, tmp_path / "whole.pt")
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_is_kept_lies_half_way_between_the_weights_before_and_after_training() -> None:
    torch.manual_seed(3)
    before, after = Encoder(), Encoder()
    unchanged = [weight.clone() for weight in before.parameters()]
    averaged = between(before, after)
    weights = (encoder.parameters() for encoder in (before, after, averaged))
    for (first, last, middle), was in zip(zip(*weights, strict=True), unchanged, strict=True):
        assert torch.allclose(middle, 0.5 * (first + last))
        assert torch.equal(first, was)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_exported_file_computes_what_was_trained(tmp_path: Path) -> None:
    torch.manual_seed(1)
    path = tmp_path / "model.onnx"
    samples = speech(4.0)[0]
    assert export(Encoder(), np.zeros(256, np.float32), [samples, samples[:20_000]], path) > 0.98
    assert path.stat().st_size < 5_000_000
    (rows,) = ort.InferenceSession(path).run(None, {"waveform": samples[None, :25_600]})
    assert rows.shape == (1, 256)
    assert np.linalg.norm(rows) == pytest.approx(1.0, abs=1e-4)


def test_the_front_end_gives_mel_powers_at_the_level_of_the_first_training() -> None:
    samples = level(speech(2.0)[0])
    frame = samples[1_480:1_880] * (RMS / 0.05) * np.hanning(401)[:-1]
    expected = slaney_filters(MELS, 400) @ np.square(np.abs(np.fft.rfft(frame)))
    with torch.inference_mode():
        frames = FrontEnd()(torch.from_numpy(samples[None]))[0].numpy()
    assert frames.shape == (samples.size // 160, MELS)
    assert frames[10] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_a_cohort_holds_a_centred_direction_for_each_person(views: Views) -> None:
    means = person_means(Encoder().eval(), views)
    rows = cohort_rows(means, np.zeros(256, np.float32))
    assert rows.shape == (2, 256)
    assert np.linalg.norm(rows.astype(np.float32), axis=1) == pytest.approx(1.0, abs=1e-2)


def scored(shift: float = 0.0) -> Scored:
    """Forty speakers with two enrolments and two tests each; targets score about 4 higher."""
    generator = np.random.default_rng(2)
    silent = np.zeros(1, np.float32)
    excerpts = [Excerpt(str(n // 2), "", silent, GOOD) for n in range(80)]
    trials = Trials("made up", excerpts, excerpts)
    scores = generator.standard_normal((80, 80)) + 4.0 * trials.targets() + shift
    return Scored(trials, scores)


def test_calibrated_scores_are_likelihood_ratios() -> None:
    calibration = fit_calibration([scored()])
    assert calibration.slope == pytest.approx(4.0, rel=0.2)
    assert llr(2.0, 4.0, 30.0, calibration) == pytest.approx(0.0, abs=0.5)


def test_thresholds_have_the_rates_of_false_matches_that_they_state() -> None:
    data = scored()
    calibration = fit_calibration([data])
    llrs, targets = data.llrs(calibration), data.trials.targets()
    points = operating_points([data], calibration)
    for point in points:
        rate = (llrs[~targets] >= point.threshold).mean()
        assert rate == pytest.approx(point.false_match_rate, rel=0.2)
        assert point.reject_below <= point.threshold
