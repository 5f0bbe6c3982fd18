"""Which kind of generator made a spoof: a linear head, its confidence, and how right it is.

The head sees the same pooled features as the detector. It learns eleven families, which cannot be
told apart on systems never heard, and answers with the four kinds that they belong to. Everything
about it that the card says comes from repositories, systems and speakers that it was fitted without
(the folds of `training.crossval`), and from whole kinds left out, which must come out as unknown.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn import functional

from training.crossval import FOLDS, deal, unrelated
from training.features import Features
from training.heads import HeadOptions, used
from training.manifest import Clip
from training.systems import MODERN_FAMILIES, OLDER_FAMILIES, family
from veravox.detection.card import Attribution, MetricTable

FAMILIES = (*MODERN_FAMILIES, *OLDER_FAMILIES)
KINDS: dict[str, tuple[str, ...]] = {
    "modern text to speech": (
        "codec language model",
        "flow matching",
        "diffusion",
        "adversarial",
        "commercial",
    ),
    "older text to speech": ("acoustic model", "speech translation", "editing"),
    "voice conversion": ("voice conversion", "conversion before 2022"),
    "vocoder": ("vocoder",),
}
TITLE = "kind of generator, held-out repositories and systems"
WANTED_PRECISION = 0.8
FEWEST_NAMED = 50
NEVER = 1.0
STEPS = 400
BATCH = 512
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 0.1
DROPOUT = 0.5


class KindHead(nn.Module):
    """Pooled features (batch, layers, statistics, width) -> logits (batch, kinds)."""

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        """`mean` and `scale` of the training features, shape (layers, statistics, width)."""
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.net = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(mean.numel(), len(FAMILIES)))
        self.members = [[FAMILIES.index(name) for name in names] for names in KINDS.values()]

    def families(self, features: Tensor) -> Tensor:
        """The raw logits of the families, (batch, families)."""
        return self.net(((features - self.mean) / self.scale).flatten(1))

    def forward(self, features: Tensor) -> Tensor:
        """The raw logits of the kinds: a kind is as likely as its families together."""
        families = self.families(features)
        return torch.stack([families[:, m].logsumexp(1) for m in self.members], dim=1)


@dataclass(frozen=True, slots=True)
class Attributed:
    """The head for the exported model, how the card reads it, and what was measured."""

    head: KindHead
    constants: Attribution
    table: MetricTable


def fit_attribution(train: Features, options: HeadOptions, command: str) -> Attributed:
    """The head of all spoofs in `train`, its temperature and open-set confidence."""
    rows = [i for i, example in enumerate(train.examples) if _family(example.clip) is not None]
    features = Features([train.examples[i] for i in rows], train.values[rows])
    truth = _kinds(features)
    logits, judged = held_out_logits(features, options)
    temperature = fit_temperature(logits[judged], truth[judged])
    probabilities = _softmax(logits / temperature)
    constants = Attribution(
        families=tuple(KINDS),
        temperature=temperature,
        confidence=choose_confidence(probabilities[judged], truth[judged]),
    )
    table = measure(command, features, probabilities, judged, constants)
    left_out = _left_out_rate(features, options, constants)
    table = table.model_copy(update={"rows": table.rows | left_out})
    return Attributed(fit_kind_head(features, options), constants, table)


def fit_kind_head(features: Features, options: HeadOptions, seed: int = 0) -> KindHead:
    """Trains on spoofs of known families, drawn evenly from families and, within, from systems."""
    torch.manual_seed(seed)
    values = used(features.values, options)
    truth = torch.from_numpy(_families(features))
    scale = values.std(0).clamp(min=options.floor)
    head = KindHead(values.mean(0), scale)
    optimiser = torch.optim.AdamW(head.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, STEPS)
    weights = torch.from_numpy(_weights(features))
    for rows in torch.multinomial(weights, STEPS * BATCH, replacement=True).split(BATCH):
        optimiser.zero_grad()
        functional.cross_entropy(head.families(values[rows]), truth[rows]).backward()
        optimiser.step()
        schedule.step()
    return head.eval()


def held_out_logits(features: Features, options: HeadOptions) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, kinds) by heads fitted without the example's fold, and where there are any."""
    clips = [example.clip for example in features.examples]
    folds = deal(clips)
    fold = np.array([folds.get(clip.repo, -1) for clip in clips])
    logits = np.zeros((len(clips), len(KINDS)))
    for held_out in range(FOLDS):
        outside = fold == held_out
        if outside.any():
            inside = np.flatnonzero(unrelated(clips, outside))
            logits[outside] = _predict(_part(features, inside), features, outside, options)
    return logits, fold >= 0


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """What logits are divided by, so that the truth is most likely (Guo et al. 2017)."""

    def cost(log_temperature: float) -> float:
        chances = _softmax(logits / np.exp(log_temperature))[np.arange(truth.size), truth]
        return float(-np.log(chances + 1e-12).mean())

    return float(np.exp(minimize_scalar(cost, bounds=(-2.0, 4.0), method="bounded").x))


def choose_confidence(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The lowest confidence from which at least 80 % of the named kinds are right.

    1, so that nothing is named, where no confidence gives that for 50 examples.
    """
    order = np.argsort(-probabilities.max(axis=1))
    right = (probabilities.argmax(axis=1) == truth)[order]
    precision = np.cumsum(right) / np.arange(1, right.size + 1)
    enough = np.flatnonzero(precision >= WANTED_PRECISION)
    enough = enough[enough >= FEWEST_NAMED - 1]
    return float(probabilities.max(axis=1)[order][enough[-1]]) if enough.size else NEVER


def measure(
    command: str,
    features: Features,
    probabilities: np.ndarray,
    judged: np.ndarray,
    constants: Attribution,
) -> MetricTable:
    """Over all kinds and for each: how many are named, how many of those rightly."""
    truth = _kinds(features)
    named = probabilities.max(axis=1) >= constants.confidence
    right = probabilities.argmax(axis=1) == truth
    groups = {"all": judged} | {
        f"kind: {name}": judged & (truth == index) for index, name in enumerate(KINDS)
    }
    rows: dict[str, dict[str, float]] = {}
    for name, members in groups.items():
        if not members.any():
            continue
        row = {
            "n": float(members.sum()),
            "accuracy_if_always_named": float(right[members].mean()),
            "named": float(named[members].mean()),
        }
        if (members & named).any():
            row["right_when_named"] = float(right[members & named].mean())
        rows[name] = {key: round(value, 4) for key, value in row.items()}
    return MetricTable(command=command, rows=rows)


def _left_out_rate(
    features: Features, options: HeadOptions, constants: Attribution
) -> dict[str, dict[str, float]]:
    """How often a kind that training lacks is named as another one."""
    truth = _kinds(features)
    rows: dict[str, dict[str, float]] = {}
    for index, name in enumerate(KINDS):
        outside = truth == index
        if not outside.any():
            continue
        inside = np.flatnonzero(~outside)
        logits = _predict(_part(features, inside), features, outside, options)
        probabilities = _softmax(logits / constants.temperature)
        named = probabilities.max(axis=1) >= constants.confidence
        rows[f"unknown kind: {name}"] = {
            "n": float(outside.sum()),
            "wrongly_named": round(float(named.mean()), 4),
        }
    return rows


def _predict(
    inside: Features, features: Features, outside: np.ndarray, options: HeadOptions
) -> np.ndarray:
    head = fit_kind_head(inside, options)
    with torch.inference_mode():
        return head(used(features.values[outside], options)).numpy()


def _part(features: Features, rows: np.ndarray) -> Features:
    return Features([features.examples[i] for i in rows], features.values[rows])


def _family(clip: Clip) -> str | None:
    name = family(clip.system) if clip.spoof else None
    return name or (clip.family if clip.spoof and clip.family in FAMILIES else None)


def _families(features: Features) -> np.ndarray:
    return np.array([FAMILIES.index(_family(e.clip) or "") for e in features.examples])


def _kinds(features: Features) -> np.ndarray:
    kind = {family: index for index, names in enumerate(KINDS.values()) for family in names}
    return np.array([kind[FAMILIES[family]] for family in _families(features)])


def _weights(features: Features) -> np.ndarray:
    """Even over families, and between clips and systems within one."""
    clips = [example.clip for example in features.examples]
    truth = _families(features)
    systems = np.array([clip.system for clip in clips])
    weights = np.ones(len(clips))
    for system in np.unique(systems):
        members = systems == system
        weights[members] = members.sum() ** -0.5
    for index in np.unique(truth):
        weights[truth == index] /= weights[truth == index].sum()
    return weights


def _softmax(logits: np.ndarray) -> np.ndarray:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
