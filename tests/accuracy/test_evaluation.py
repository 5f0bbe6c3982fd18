"""The shipped model on labelled audio: not worse than it was. Runs on a finished evaluation.

`veravox evaluate MANIFEST --out DIR`, then VERAVOX_TEST_EVALUATION=DIR/metrics.json pytest.
"""

import json
import os
from pathlib import Path

import pytest

PATH = os.environ.get("VERAVOX_TEST_EVALUATION")
pytestmark = pytest.mark.skipif(not PATH, reason="needs VERAVOX_TEST_EVALUATION")


@pytest.fixture(scope="module")
def metrics() -> dict[str, float]:
    return json.loads(Path(PATH or "").read_text(encoding="utf-8"))


def test_the_equal_error_rate_has_not_risen(metrics: dict[str, float]):
    assert metrics["eer"] <= 0.15


def test_the_scores_are_still_calibrated(metrics: dict[str, float]):
    assert metrics["cllr"] <= 0.6
    assert metrics["cllr"] - metrics["min_cllr"] <= 0.15


def test_most_recordings_get_a_verdict(metrics: dict[str, float]):
    assert metrics["coverage"] >= 0.7


def test_nearly_every_recording_can_be_scored(metrics: dict[str, float]):
    assert metrics["n_bonafide"] + metrics["n_spoof"] == 460
