"""The training loop: one pass of a one-cycle schedule over freshly drawn scenes."""

from collections.abc import Callable

import torch
from torch.nn import functional

from training.speech_activity.augment import Scenes
from training.speech_activity.frontend import MELS
from training.speech_activity.network import FrontEnd, Student

PEAK_LEARNING_RATE = 5e-3
WEIGHT_DECAY = 1e-3
REPORT_EVERY = 50


def fit(
    scenes: Scenes, steps: int, batch_size: int, seed: int, report: Callable[[str], None]
) -> Student:
    """A student trained on `steps` batches with the teacher's probabilities as soft targets."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    front_end, student = FrontEnd(), Student(MELS)
    optimiser = torch.optim.AdamW(student.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_LEARNING_RATE, steps)
    running = 0.0
    for step in range(1, steps + 1):
        waveforms, targets = (torch.from_numpy(array) for array in scenes.batch(batch_size))
        loss = functional.binary_cross_entropy_with_logits(student(front_end(waveforms)), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        running += loss.item() / REPORT_EVERY
        if step % REPORT_EVERY == 0:
            report(f"step {step}/{steps} loss {running:.4f}")
            running = 0.0
    return student.eval()
