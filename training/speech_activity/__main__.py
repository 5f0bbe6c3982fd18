"""`python -m training.speech_activity`: train, measure and write the speech-activity model."""

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from training.manifest import read_manifest
from training.speech_activity.augment import Scenes
from training.speech_activity.corpus import Mirrors
from training.speech_activity.dataset import Dataset, gather, of_kind
from training.speech_activity.evaluate import Graph, HeldOut, measure
from training.speech_activity.fit import fit
from training.speech_activity.frontend import HOP
from training.speech_activity.graph import build_model
from training.speech_activity.teacher import Teacher
from veravox.audio.canonical import SAMPLE_RATE

NAME = "speech_activity"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _scenes(data: Dataset, seed: int) -> Scenes:
    return Scenes(
        [labelled for _, labelled in data.train_speech],
        of_kind(data.train_non_speech, "noise"),
        of_kind(data.train_non_speech, "music"),
        seed,
    )


def _metrics(model: bytes, data: Dataset, seed: int) -> dict[str, dict[str, float]]:
    held_out = HeldOut(
        speech=[labelled for _, labelled in data.held_out_speech],
        noise=of_kind(data.held_out_non_speech, "noise"),
        music=of_kind(data.held_out_non_speech, "music"),
    )
    return {
        condition: {name: round(value, 4) for name, value in values.items()}
        for condition, values in measure(Graph(model), held_out, seed).items()
    }


def main(
    manifest: Annotated[Path, typer.Option(help="Manifest of clips, gzip-compressed CSV.")],
    mirrors: Annotated[Path, typer.Option(help="Folder of git mirrors named owner+name.")],
    teacher: Annotated[Path, typer.Option(help="silero_vad_16k_sequence.onnx.")],
    out: Annotated[Path, typer.Option(help="Folder for the model and its card.")],
    clips: Annotated[int, typer.Option(help="Training clips per label.")] = 900,
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 2400,
    batch_size: Annotated[int, typer.Option(help="Scenes of 5 s per step.")] = 32,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 1,
    created: Annotated[datetime | None, typer.Option(help="Date on the card.")] = None,
) -> None:
    """Train on the train split, measure on the dev split and on held-out noise and music."""
    data = gather(read_manifest(manifest), Mirrors(mirrors), Teacher(teacher), clips, seed)
    _say(f"{len(data.train_speech)} clips of speech, {len(data.train_non_speech)} of other sound")
    model = build_model(fit(_scenes(data, seed), steps, batch_size, seed, _say)).SerializeToString()
    card = {
        "sha256": _sha256(model),
        "frame_seconds": HOP / SAMPLE_RATE,
        "created": (created or datetime.now(UTC)).date().isoformat(),
        "data": {"manifest_sha256": _sha256(manifest.read_bytes()), **data.summary()},
        "teacher": {
            "name": "Silero VAD",
            "licence": "MIT",
            "file": teacher.name,
            "sha256": _sha256(teacher.read_bytes()),
        },
        "metrics": _metrics(model, data, seed),
        "command": (
            "python -m training.speech_activity --manifest manifest.csv.gz --mirrors mirrors"
            f" --teacher {teacher.name} --out src/veravox/audio/models --clips {clips}"
            f" --steps {steps} --batch-size {batch_size} --seed {seed}"
        ),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{NAME}.onnx").write_bytes(model)
    (out / f"{NAME}.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    _say(json.dumps(card["metrics"], indent=2))


if __name__ == "__main__":
    typer.run(main)
