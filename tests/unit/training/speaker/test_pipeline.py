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
from training.speaker.export import export, speaker_means
from training.speaker.fit import collect, fit
from training.speaker.frontend import MELS, log_mels, mel_powers
from training.speaker.network import Encoder, WaveformEncoder
from training.speaker.prepare import Part
from training.speaker.trials import Excerpt, Trials
from veravox.audio.recording import Quality
from veravox.speaker.scoring import llr

GOOD = Quality(30.0, 0.0, 7_000.0, -26.0, 4.0)


def clip(number: int, speaker: str, label: str = "bonafide") -> Clip:
    return Clip("train", label, "a/b", f"{number}", f"{number}.wav", "", "", "en", speaker, 2026)


CLIPS = [clip(0, "anna"), clip(1, "bert"), clip(2, ""), clip(3, "anna", "spoof")]


@pytest.fixture(scope="module")
def part() -> Part:
    """Six views: two of speakers as they are and faster, one of nobody and one of a spoof."""
    generator = np.random.default_rng(1)
    counts = np.full(6, 300)
    heard = generator.standard_normal((6, 256)).astype(np.float32)
    return Part(
        log_mels=generator.standard_normal((1_800, MELS)).astype(np.float16),
        first=np.arange(6) * 300,
        count=counts,
        clip=np.array([0, 0, 1, 1, 2, 3]),
        speed=np.array([1.0, 1.1, 1.0, 1.1, 1.0, 1.0]),
        teachers={"one": heard / np.linalg.norm(heard, axis=1, keepdims=True)},
    )


def test_every_speaker_is_a_class_at_every_speed_and_a_spoof_is_none(part: Part) -> None:
    views = collect([part], CLIPS)
    assert views.speakers == 4
    assert views.speaker.tolist() == [0, 1, 2, 3, -1, -1]


def test_training_resumes_where_it_stopped(part: Part, tmp_path: Path) -> None:
    views = collect([part], CLIPS)
    whole = fit(views, 3, 4, tmp_path / "whole.pt")
    again = fit(views, 3, 4, tmp_path / "whole.pt")
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_exported_file_computes_what_was_trained(tmp_path: Path) -> None:
    torch.manual_seed(1)
    encoder = Encoder().eval()
    centre = np.zeros(256, np.float32)
    path = tmp_path / "model.onnx"
    samples = speech(4.0)[0]
    assert export(encoder, centre, [samples, samples[:20_000]], path) < 2e-3
    assert path.stat().st_size < 15_000_000
    (embedding,) = ort.InferenceSession(path).run(None, {"waveform": samples[None]})
    assert embedding.shape == (1, 256)
    assert np.linalg.norm(embedding) == pytest.approx(1.0, abs=1e-4)


def test_the_graph_sees_the_features_that_training_saw() -> None:
    torch.manual_seed(1)
    encoder = Encoder().eval()
    samples = speech(2.0)[0]
    features = torch.from_numpy(log_mels(mel_powers(samples)).T.copy())[None]
    with torch.inference_mode():
        whole = WaveformEncoder(encoder, torch.zeros(256)).eval()
        embedding = whole(torch.from_numpy(samples)[None])
        expected = torch.nn.functional.normalize(encoder(features))
    assert torch.allclose(embedding, expected, atol=1e-4)


def test_a_cohort_holds_a_centred_direction_for_each_speaker(part: Part) -> None:
    means = speaker_means(Encoder().eval(), [part], CLIPS)
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
