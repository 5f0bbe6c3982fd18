"""How well the classes are told apart by what has nothing to do with synthesis.

Boosted trees on statistics of length, silence, level, spectrum and noise, judged on sources that
they have not seen. What they find, a detector could have found instead of speech.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.stats import kurtosis, skew

from training.gates.material import Labelled, labels
from veravox.audio.canonical import SAMPLE_RATE, Samples, level
from veravox.evaluation.metrics import auc

FRAME = 400
HOP = 160
FFT = 512
BANDS_HZ = (30, 80, 160, 320, 640, 1_250, 2_500, 3_500, 5_000, 6_500, 7_500, 8_000)
SILENCE_DB = 40.0
FOLDS = 5
TARGET_AUC = 0.60
SEED = 3


def statistics(samples: Samples) -> dict[str, float]:
    """26 statistics of a recording of a second or more, in the canonical view at its RMS level."""
    x = level(samples).astype(np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(x, FRAME)[::HOP]
    power = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-12)
    loudest = np.percentile(power, 95)
    silent = power < loudest - SILENCE_DB
    sounding = np.flatnonzero(~silent)
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(FRAME), FFT)) ** 2
    mean = spectrum.mean(axis=0) + 1e-15
    frequency = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)
    edges = np.searchsorted(frequency, BANDS_HZ)
    bands = [10 * np.log10(mean[a:b].sum() / mean.sum()) for a, b in pairwise(edges)]
    share = np.cumsum(mean) / mean.sum()
    found = {
        "seconds": x.size / SAMPLE_RATE,
        "silence": float(silent.mean()),
        "silence before": sounding[0] * HOP / SAMPLE_RATE,
        "silence after": (power.size - 1 - sounding[-1]) * HOP / SAMPLE_RATE,
        "pauses a second": np.count_nonzero(np.diff(silent.astype(int)) == 1) * 100 / power.size,
        "peak": float(np.abs(x).max()),
        "skewness": float(skew(x)),
        "kurtosis": float(kurtosis(x)),
        "crossings": float(np.mean(x[1:] * x[:-1] < 0)),
        "level, 5th percentile": float(np.percentile(power, 5) - loudest),
        "level, 50th percentile": float(np.percentile(power, 50) - loudest),
        "centroid": float((frequency * mean).sum() / mean.sum()),
        "roll-off 85 %": float(frequency[np.searchsorted(share, 0.85)]),
        "roll-off 99 %": float(frequency[np.searchsorted(share, 0.99)]),
        "flatness": float(np.log(mean).mean() - np.log(mean.mean())),
    }
    return found | {f"band from {BANDS_HZ[i]} Hz": float(v) for i, v in enumerate(bands)}


def probe(recordings: Sequence[Labelled]) -> dict[str, float]:
    """AUC of the trees on held-out sources, over a whole class and averaged over folds.

    Needs scikit-learn.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    described = [statistics(recording.load()) for recording in recordings]
    values = np.array([list(row.values()) for row in described])
    spoof = labels(recordings)
    sources = [recording.source for recording in recordings]
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    predicted = np.zeros(len(spoof))
    areas: list[float] = []
    for inside, outside in folds.split(values, spoof, sources):
        trees = HistGradientBoostingClassifier(random_state=SEED).fit(values[inside], spoof[inside])
        predicted[outside] = trees.predict_proba(values[outside])[:, 1]
        if 0 < spoof[outside].sum() < outside.size:
            areas.append(auc(predicted[outside], spoof[outside]))
    return {
        "statistics": float(values.shape[1]),
        "n_bonafide": float((~spoof).sum()),
        "n_spoof": float(spoof.sum()),
        "auc": round(auc(predicted, spoof), 4),
        "auc_mean_of_folds": round(float(np.mean(areas)), 4),
        "target": TARGET_AUC,
    }
