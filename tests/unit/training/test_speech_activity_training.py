import csv
import gzip
import subprocess
import wave
from dataclasses import astuple, fields

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import onnxruntime
import torch

from training.manifest import Clip, read_manifest
from training.speech_activity.augment import SCENE_FRAMES, SCENE_SAMPLES, Labelled, Scenes
from training.speech_activity.corpus import Mirrors, balanced, held_out_noise
from training.speech_activity.fit import fit
from training.speech_activity.frontend import BINS, MELS, WINDOW, fourier_basis, mel_filters
from training.speech_activity.graph import build_model
from training.speech_activity.network import FrontEnd, Student

RATE = 16_000
FIELDS = tuple(field.name for field in fields(Clip))


def clip(**changes):
    values = {
        "split": "train",
        "label": "bonafide",
        "repo": "owner/name",
        "path": "a.wav",
        "sha": "0" * 40,
        "system": "",
        "kind": "",
        "language": "en",
        "speaker": "",
        "year": 2024,
    }
    return Clip(**(values | changes))


def noise(samples, seed=0):
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


def scenes(seed):
    spoken = [
        Labelled(0.1 * noise(3 * RATE, seed=index), np.ones(300, np.float32)) for index in range(3)
    ]
    return Scenes(spoken, [noise(2 * RATE)], [noise(3 * RATE, seed=5)], seed)


def write_wav(path, sample_rate, seconds):
    tone = np.sin(2 * np.pi * 440 * np.arange(int(seconds * sample_rate)) / sample_rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((tone * 16_000).astype("<i2").tobytes())


def git(folder, *arguments):
    done = subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)
    return done.stdout.decode().strip()


def test_every_mel_filter_averages_power():
    filters = mel_filters()
    assert filters.shape == (MELS, BINS)
    assert np.all(filters >= 0.0)
    assert np.allclose(filters.sum(axis=1), 1.0)


def test_mel_filters_are_ordered_by_frequency():
    centres = mel_filters() @ np.arange(BINS)
    assert np.all(np.diff(centres) > 0.0)


def test_the_power_spectrum_of_white_noise_adds_up_to_its_variance():
    frames = 0.3 * noise(2000 * WINDOW).reshape(-1, WINDOW)
    spectrum = frames @ fourier_basis().T
    power = np.square(spectrum[:, :BINS]) + np.square(spectrum[:, BINS:])
    assert power.mean(axis=0).sum() == pytest.approx(0.09, rel=0.02)


def test_a_tone_lies_in_its_own_bin():
    tone = np.sin(2 * np.pi * 1000 * np.arange(WINDOW) / RATE).astype(np.float32)
    spectrum = fourier_basis() @ tone
    power = np.square(spectrum[:BINS]) + np.square(spectrum[BINS:])
    assert np.argmax(power) == 1000 * WINDOW // RATE


@pytest.mark.parametrize("samples", [400, 559, 560, 16_000, 80_001])
def test_the_exported_graph_computes_what_the_network_computes(samples):
    torch.manual_seed(0)
    student = Student(MELS)
    features = FrontEnd()(torch.from_numpy(0.1 * noise(10 * RATE)[None]))
    student.train()(features)
    student.eval()
    waveform = 0.1 * noise(samples, seed=1)[None]
    with torch.no_grad():
        expected = torch.sigmoid(student(FrontEnd()(torch.from_numpy(waveform)))).numpy()
    session = onnxruntime.InferenceSession(build_model(student).SerializeToString())
    speech = session.run(["speech"], {"waveform": waveform})[0]
    assert speech.shape == (1, samples // 160)
    assert np.allclose(speech, expected, atol=1e-5)


def test_the_front_end_does_not_see_the_level():
    waveform = torch.from_numpy(0.1 * noise(2 * RATE)[None])
    assert torch.allclose(FrontEnd()(waveform), FrontEnd()(waveform * 0.01), atol=1e-3)


def test_scenes_have_five_seconds_and_a_target_per_frame():
    waveforms, targets = scenes(seed=1).batch(8)
    assert waveforms.shape == (8, SCENE_SAMPLES)
    assert targets.shape == (8, SCENE_FRAMES)
    assert np.all(np.isfinite(waveforms))
    assert np.abs(waveforms).max() <= 1.0


def test_scenes_hold_speech_and_its_absence():
    _, targets = scenes(seed=2).batch(64)
    assert 0.2 < targets.mean() < 0.9
    assert np.any(targets.max(axis=1) == 0.0)


def test_the_same_seed_draws_the_same_scenes():
    first, second = scenes(seed=3).batch(4), scenes(seed=3).batch(4)
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))


def test_training_twice_with_one_seed_gives_one_model():
    models = [
        build_model(fit(scenes(seed=4), 3, 2, seed=4, report=print)).SerializeToString()
        for _ in range(2)
    ]
    assert models[0] == models[1]


def test_clips_are_taken_in_turn_from_every_repository_and_system():
    crowded = [clip(repo="a/a", path=f"{index}.wav") for index in range(50)]
    chosen = balanced([*crowded, clip(repo="b/b"), clip(repo="a/a", system="vits")], 4, seed=1)
    assert {(one.repo, one.system) for one in chosen} == {("a/a", ""), ("b/b", ""), ("a/a", "vits")}
    assert len(chosen) == 4


def test_the_choice_of_clips_is_seeded():
    rows = [clip(path=f"{index}.wav") for index in range(50)]
    assert balanced(rows, 5, seed=1) == balanced(rows, 5, seed=1)
    assert balanced(rows, 5, seed=1) != balanced(rows, 5, seed=2)


def test_takes_of_one_recording_are_held_out_together():
    paths = [f"x/1-{recording}-{take}.ogg" for recording in range(40) for take in "AB"]
    sides = [held_out_noise(clip(path=path)) for path in paths]
    assert sides[::2] == sides[1::2]
    assert 0 < sum(sides) < len(sides) // 2


def test_a_manifest_names_clips_that_the_mirrors_hold(tmp_path):
    mirror = tmp_path / "owner+name" / "repo"
    mirror.mkdir(parents=True)
    git(mirror, "init", "--quiet")
    write_wav(mirror / "tone.wav", 44_100, seconds=2.0)
    (mirror / "broken.wav").write_bytes(b"not audio at all")
    shas = [git(mirror, "hash-object", "-w", name) for name in ("tone.wav", "broken.wav")]
    rows = [astuple(clip(sha=sha)) for sha in shas]
    with gzip.open(tmp_path / "manifest.csv.gz", "wt", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([FIELDS, *rows])

    clips = read_manifest(tmp_path / "manifest.csv.gz")
    mirrors = Mirrors(tmp_path)
    loaded = list(mirrors.load(clips, seconds=1.5))

    assert [one.sha for one, _ in loaded] == shas[:1]
    assert loaded[0][1].shape == (24_000,)
    assert mirrors.has(clips[0])
    assert not mirrors.has(clip(repo="owner/other"))
