"""The whole protocol on WAV files, with a tiny but real detector behind it."""

import csv
import io
import json
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
import pytest

from tests.audio_factory import encode
from tests.model_factory import hiss, hum, make_card, write_model
from veravox.audio.canonical import canonicalise
from veravox.audio.recording import Quality
from veravox.audio.windows import windows
from veravox.detection.calibration import spoof_probability
from veravox.detection.detector import OnnxDetector
from veravox.detection.rules import decide
from veravox.detection.verdict import Reason, Result, Segment
from veravox.errors import AudioTooShort, InvalidManifest, UndecodableAudio
from veravox.evaluation.manifest import COLUMNS
from veravox.evaluation.protocol import ScoredFile, evaluate

TOP_LEVEL = (
    "eer",
    "auc",
    "cllr",
    "min_cllr",
    "accuracy",
    "bpcer",
    "apcer",
    "coverage",
    "n_bonafide",
    "n_spoof",
)


class Scorer:
    """Decodes, scores window by window and decides, as the product does, in one thread."""

    def __init__(self, detector: OnnxDetector) -> None:
        self._detector = detector

    def __call__(self, media: BinaryIO) -> ScoredFile:
        try:
            with av.open(media) as container:
                rate = container.streams.audio[0].rate
                frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        except av.FFmpegError as error:
            raise UndecodableAudio("The audio cannot be decoded") from error
        samples = canonicalise(np.concatenate(frames, axis=1).astype(np.float32) / 32_768, rate)
        seconds = samples.size / 16_000
        if seconds < 1.0:
            raise AudioTooShort(seconds, 1.0)
        scored = [
            Segment(w.index, w.start, w.end, 0.0, self._detector.score(w.samples))
            for w in windows([samples])
        ]
        quality = Quality(30.0, 0.0, 8_000.0, -26.0, net_speech=seconds)
        card = self._detector.card
        _, verdict = decide(scored, quality, card, card.threshold)
        assert verdict.spoof_llr is not None
        return ScoredFile(
            spoof_llr=verdict.spoof_llr,
            spoof_probability=spoof_probability(verdict.spoof_llr),
            result=verdict.result,
            reason=verdict.reason,
            seconds=seconds,
        )


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> OnnxDetector:
    return OnnxDetector(write_model(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six hums (bona fide), one of them a hiss; six hisses (spoof), one of them mostly hum."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "audio").mkdir()
    rows = [",".join(COLUMNS)]

    def add(name: str, sound: np.ndarray, *fields: str) -> None:
        wav = encode(sound[np.newaxis], 16_000, "wav-s16")
        (folder / "audio" / name).write_bytes(wav)
        rows.append(f"audio/{name},{','.join(fields)}")

    for i in range(6):
        sound = hiss(3.0, 0.05, seed=90) if i == 5 else hum(2.0 + i)
        add(f"b{i}.wav", sound, "bonafide", "", "", "studio", f"p{i}", "en", "clean")
    mostly_hum = hiss(4.0, 0.015) + hum(4.0, 0.05)
    for i in range(6):
        sound = mostly_hum if i == 0 else hiss(2.0 + 2 * i, 0.05, seed=i)
        system, family = (("A|x", "vocoder"), ("B", "codec"))[i % 2]
        add(f"s{i}.wav", sound, "spoof", system, family, "studio", f"p{i}", "en", "noisy")
    add("short.wav", hum(0.5), "bonafide", "", "", "field", "q", "de", "clean")
    (folder / "audio" / "broken.wav").write_bytes(b"RIFFxxxxWAVE nothing here")
    rows.append("audio/broken.wav,spoof,B,codec,field,q,de,clean")
    rows.append("audio/absent.wav,spoof,B,codec,field,q,de,clean")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def out(manifest: Path, detector: OnnxDetector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "new" / "folder"
    evaluate(manifest, out, Scorer(detector), detector.card, workers=4)
    return out


@pytest.fixture(scope="module")
def metrics(out: Path) -> dict[str, Any]:
    return json.loads((out / "metrics.json").read_text())


@pytest.fixture(scope="module")
def scores(out: Path) -> list[dict[str, str]]:
    with (out / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_documented_numbers_come_first_in_the_metrics(metrics: dict[str, Any]) -> None:
    assert tuple(metrics)[: len(TOP_LEVEL)] == TOP_LEVEL


def test_the_counts_are_those_of_the_manifest(metrics: dict[str, Any]) -> None:
    assert (metrics["n_bonafide"], metrics["n_spoof"]) == (7, 8)
    assert metrics["n_scored"] == 12


def test_the_numbers_are_right(metrics: dict[str, Any]) -> None:
    # The bona fide hiss and the spoof that is mostly hum are wrong, the other ten are right.
    assert metrics["bpcer"] == pytest.approx(1 / 6)
    assert metrics["apcer"] == pytest.approx(1 / 6)
    assert metrics["accuracy"] == pytest.approx(10 / 12)
    assert metrics["coverage"] == pytest.approx(metrics["n_decided"] / 15)
    assert 0.0 < metrics["eer"] < 0.2
    assert metrics["min_cllr"] <= metrics["cllr"]


def test_every_number_has_an_interval_around_it(metrics: dict[str, Any]) -> None:
    for name in (*TOP_LEVEL[:8], "min_dcf", "act_dcf", "selective_error"):
        low, high = metrics["intervals"][name]
        assert low - 1e-9 <= metrics[name] <= high + 1e-9, name


def test_the_scores_keep_the_order_and_rows_of_the_manifest(
    scores: list[dict[str, str]], manifest: Path
) -> None:
    with manifest.open(newline="") as file:
        listed = [(row["path"], row["label"]) for row in csv.DictReader(file)]
    assert [(row["path"], row["label"]) for row in scores] == listed


def test_the_score_columns_are_the_documented_ones(scores: list[dict[str, str]]) -> None:
    assert list(scores[0])[:6] == [
        "path",
        "label",
        "spoof_llr",
        "spoof_probability",
        "result",
        "reason",
    ]


def test_a_decided_file_has_a_score_and_a_result(
    scores: list[dict[str, str]], detector: OnnxDetector
) -> None:
    row = next(row for row in scores if row["path"] == "audio/s1.wav")
    expected = detector.score(canonicalise(hiss(4.0, 0.05, seed=1), 16_000))
    assert float(row["spoof_llr"]) == pytest.approx(expected, abs=0.01)
    assert float(row["spoof_probability"]) == pytest.approx(spoof_probability(expected), abs=0.01)
    assert (row["result"], row["reason"]) == ("spoofed", "")
    assert (row["system"], row["seconds"]) == ("B", "4.0")


def test_an_abstention_keeps_its_score_and_says_why(manifest: Path, tmp_path: Path) -> None:
    def undecided(media: BinaryIO) -> ScoredFile:
        return ScoredFile(0.25, 0.562, None, Reason.UNCERTAIN, float(len(media.read(1))))

    metrics = evaluate(manifest, tmp_path, undecided, make_card(), workers=1)
    with (tmp_path / "scores.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["spoof_llr"], row["result"]) == ("0.25", "")
    assert row["reason"] == "All chunks in uncertain range"
    assert metrics["coverage"] == 0.0
    assert metrics["selective_error"] is None
    assert metrics["eer"] == 0.5


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("audio/short.wav", "Audio file too short: 0.5s (minimum 1.0s required)"),
        ("audio/broken.wav", "The audio cannot be decoded"),
        ("audio/absent.wav", "Cannot be opened: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_scored_keeps_its_row_with_a_reason(
    scores: list[dict[str, str]], metrics: dict[str, Any], path: str, reason: str
) -> None:
    row = next(row for row in scores if row["path"] == path)
    assert (row["spoof_llr"], row["spoof_probability"], row["result"]) == ("", "", "")
    assert row["reason"] == reason
    assert metrics["undetermined"][reason] == 1


def test_systems_and_families_are_broken_down_against_all_bona_fide(
    metrics: dict[str, Any],
) -> None:
    systems = metrics["breakdowns"]["system"]
    assert set(systems) == {"A|x", "B"}
    assert systems["B"]["n_spoof"] == 5
    assert systems["B"]["n_scored"] == 3
    assert systems["B"]["apcer"] == 0.0
    assert systems["B"]["bpcer"] is None
    assert systems["A|x"]["apcer"] == pytest.approx(1 / 3)
    assert systems["A|x"]["eer"] is not None
    assert set(metrics["breakdowns"]["family"]) == {"vocoder", "codec"}


def test_sources_conditions_and_durations_are_broken_down_as_they_are(
    metrics: dict[str, Any],
) -> None:
    breakdowns = metrics["breakdowns"]
    assert breakdowns["source"]["studio"]["coverage"] > breakdowns["source"]["field"]["coverage"]
    assert breakdowns["source"]["field"]["eer"] is None
    assert breakdowns["condition"]["clean"]["n_spoof"] == 2
    assert breakdowns["duration"]["unspecified"]["n_scored"] == 0
    assert breakdowns["duration"]["10-30 s"]["n_spoof"] == 2


def test_cost_and_model_are_stated(metrics: dict[str, Any], detector: OnnxDetector) -> None:
    assert metrics["model"] == {
        "id": "noisiness-1",
        "sha256": detector.card.sha256,
        "calibration": "model",
    }
    assert metrics["threshold"] == 0.5
    assert metrics["real_time_factor"] > 0
    assert metrics["peak_memory_bytes"] > 10_000_000


def test_the_plots_are_pictures(out: Path) -> None:
    for name in ("det", "histogram", "reliability", "systems"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_states_the_numbers_and_shows_the_plots(
    out: Path, metrics: dict[str, Any]
) -> None:
    text = (out / "report.md").read_text()
    assert f"| EER (ROC convex hull) | {100 * metrics['eer']:.1f} % |" in text
    assert "7 bona fide and 8 spoof recordings" in text
    assert "![Detection error trade-off](det.png)" in text
    assert "| A\\|x | 0 | 3 | 3 |" in text
    assert "| The audio cannot be decoded | 1 |" in text


def test_the_scores_do_not_depend_on_the_number_of_workers(
    manifest: Path, detector: OnnxDetector, out: Path, tmp_path: Path
) -> None:
    evaluate(manifest, tmp_path, Scorer(detector), detector.card, workers=1)
    assert (tmp_path / "scores.csv").read_text() == (out / "scores.csv").read_text()


def test_a_chosen_threshold_moves_the_forced_decisions(
    manifest: Path, detector: OnnxDetector, tmp_path: Path
) -> None:
    metrics = evaluate(
        manifest, tmp_path, Scorer(detector), detector.card, threshold=0.0, workers=2
    )
    assert (metrics["bpcer"], metrics["apcer"]) == (1.0, 0.0)
    assert metrics["threshold"] == 0.0


def test_progress_is_told_for_every_recording(manifest: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def score(media: BinaryIO) -> ScoredFile:
        return ScoredFile(1.0, 0.73, Result.SPOOFED, None, 1.0)

    evaluate(
        manifest,
        tmp_path,
        score,
        make_card(),
        progress=lambda done, all_: told.append((done, all_)),
    )
    assert told == [(i, 15) for i in range(1, 16)]


def test_one_class_alone_gives_the_numbers_that_it_can(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"a")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"{','.join(COLUMNS)}\na.wav,bonafide,,,,,,\n")

    def score(media: BinaryIO) -> ScoredFile:
        return ScoredFile(-1.0, 0.27, Result.BONAFIDE, None, 4.0)

    metrics = evaluate(manifest, tmp_path / "out", score, make_card())
    assert (metrics["bpcer"], metrics["accuracy"], metrics["coverage"]) == (0.0, 1.0, 1.0)
    assert (metrics["eer"], metrics["apcer"], metrics["intervals"]["eer"]) == (None, None, None)
    assert (tmp_path / "out" / "report.md").exists()
    assert not (tmp_path / "out" / "det.png").exists()


def test_nothing_scored_is_reported_as_such(manifest: Path, tmp_path: Path) -> None:
    def refuse(media: BinaryIO) -> ScoredFile:
        raise UndecodableAudio("no")

    metrics = evaluate(manifest, tmp_path, refuse, make_card())
    assert metrics["coverage"] == 0.0
    assert metrics["accuracy"] is None
    assert metrics["real_time_factor"] is None
    assert "of which 0 were scored" in (tmp_path / "report.md").read_text()


def test_a_bad_manifest_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,label\na.wav,spoof\n")

    def score(media: io.BufferedIOBase) -> ScoredFile:
        raise AssertionError("nothing is to be scored")

    with pytest.raises(InvalidManifest):
        evaluate(manifest, tmp_path / "out", score, make_card())
    assert not (tmp_path / "out").exists()


def test_a_fault_of_the_detector_itself_is_not_hidden_in_a_row(
    manifest: Path, tmp_path: Path
) -> None:
    def broken(media: BinaryIO) -> ScoredFile:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        evaluate(manifest, tmp_path, broken, make_card())
