"""Reports on made-up analyses, by a model with real-looking results on its card."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.analysis_factory import make_analysis
from tests.model_factory import make_card
from veravox.analysis import Analysis, Method
from veravox.audio.recording import ContainerFacts
from veravox.detection.card import MetricTable, ModelCard
from veravox.predictions import Custody, FileFacts, Origin, Prediction, Status
from veravox.reports.compose import compose
from veravox.reports.content import Report
from veravox.security import SigningKey

KEY = SigningKey(b"a secret of the tests, 32 characters and more")
MOMENT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
FACTS = ContainerFacts(
    format="WAV / WAVE (Waveform Audio)",
    seconds=10.0,
    bit_rate=256_000,
    sample_format="s16",
    layout="mono",
    streams=("audio: pcm_s16le",),
    tags=(("encoder", "Lavf62"),),
)
ORIGIN = Origin("POST /v1/predict", "key_1")
FILE = FileFacts(320_044, "a" * 64, "b" * 128)
EASY = {"n_bonafide": 500.0, "n_spoof": 400.0, "eer": 0.05, "bpcer": 0.04, "apcer": 0.06}
HARD = {"n_bonafide": 50.0, "n_spoof": 40.0, "eer": 0.2, "bpcer": 0.18, "apcer": 0.22}


def rated_card(**changes: Any) -> ModelCard:
    """A card with an easy and a hard test."""
    rows = {"easy": EASY, "hard": HARD}
    tables = {name: MetricTable(command="none", rows={"all": row}) for name, row in rows.items()}
    return make_card(**({"metrics": tables} | changes))


def make_prediction(analysis: Analysis | None = None, card: ModelCard | None = None) -> Prediction:
    """A completed prediction of which everything is known."""
    made = make_analysis() if analysis is None else analysis
    method = Method(
        started_at=MOMENT,
        card_sha256=(card or rated_card()).digest(),
        speech_activity_sha256="c" * 64,
        silence_threshold=80.0,
        software=(("veravox", "0.1.0"),),
    )
    return Prediction(
        id="pred_1",
        status=Status.COMPLETED,
        created_at=MOMENT,
        model="stable-latest",
        device=None,
        warnings=("hm",),
        analysis=replace(made, method=method, media=replace(made.media, facts=FACTS)),
        name="call.wav",
        custody=Custody(ORIGIN, MOMENT, FILE, MOMENT),
    )


def make_report(analysis: Analysis | None = None, card: ModelCard | None = None) -> Report:
    """The report on such a prediction."""
    chosen = rated_card() if card is None else card
    return compose(make_prediction(analysis, chosen), "tenant-1", chosen)
