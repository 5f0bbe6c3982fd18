"""The trained encoder as one ONNX file, and the cohort that scores are normalised with."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch

from training.export import OPSET, anonymise, halve
from training.manifest import Clip
from training.speaker.frontend import Floats
from training.speaker.network import Encoder, WaveformEncoder
from training.speaker.prepare import Part
from veravox.audio.canonical import SAMPLE_RATE, Samples

TOLERANCE = 2e-3
LONGEST_FRAMES = 600
SHORTEST_FRAMES = 250
CLIPS_PER_SPEAKER = 4


def speaker_means(encoder: Encoder, parts: Sequence[Part], clips: Sequence[Clip]) -> Floats:
    """The mean raw embedding of each known speaker, (speakers, 256), in order of their names.

    Of up to four clips of each as they are, of at least 2.5 s of speech.
    """
    found: dict[str, list[Floats]] = defaultdict(list)
    for part in parts:
        for row in np.flatnonzero((part.speed == 1.0) & (part.count >= SHORTEST_FRAMES)):
            clip = clips[part.clip[row]]
            known = clip.speaker and not clip.spoof
            first_view = row == 0 or part.clip[row - 1] != part.clip[row]
            if known and first_view and len(found[clip.speaker]) < CLIPS_PER_SPEAKER:
                first = int(part.first[row])
                count = min(int(part.count[row]), LONGEST_FRAMES)
                found[clip.speaker].append(_embedded(encoder, part.log_mels[first : first + count]))
    return np.stack([np.mean(found[name], axis=0) for name in sorted(found) if found[name]])


def export(encoder: Encoder, centre: Floats, speech: Sequence[Samples], path: Path) -> float:
    """Write the encoder with its front end to `path`.

    Weights are rounded to float16 first. Returns the largest difference between the embeddings of
    torch and of ONNX Runtime on `speech`; raises ValueError when it is more than 0.002.
    """
    model = WaveformEncoder(encoder, torch.from_numpy(centre)).eval()
    for parameter in model.encoder.parameters():
        parameter.data = parameter.data.half().float()
    program = torch.onnx.export(
        model,
        (torch.zeros(1, 3 * SAMPLE_RATE).normal_(),),
        dynamo=True,
        opset_version=OPSET,
        input_names=["waveform"],
        output_names=["embedding"],
        dynamic_shapes={"waveform": {1: torch.export.Dim("samples", min=8_000, max=480_000)}},
    )
    proto = program.model_proto
    halve(proto)
    anonymise(proto)
    onnx.checker.check_model(proto)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(proto, path)
    return _parity(model, speech, path)


@torch.inference_mode()
def _embedded(encoder: Encoder, log_mels: np.ndarray) -> Floats:
    batch = torch.from_numpy(log_mels.astype(np.float32).T.copy()).unsqueeze(0)
    return encoder(batch)[0].numpy()


@torch.inference_mode()
def _parity(model: WaveformEncoder, speech: Sequence[Samples], path: Path) -> float:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for samples in speech:
        expected = model(torch.from_numpy(samples)[None]).numpy()
        worst = max(
            worst, float(np.abs(session.run(None, {"waveform": samples[None]})[0] - expected).max())
        )
    if worst > TOLERANCE:
        raise ValueError(f"{path.name} differs from its torch model by {worst:.2g}")
    return worst
