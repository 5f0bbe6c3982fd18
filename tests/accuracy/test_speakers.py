"""The shipped encoder on labelled audio: not worse than it was. Runs on a finished evaluation.

`python -m benchmarks.speaker_trials MANIFEST DIR`, `veravox evaluate --task speaker DIR/trials.csv
--out OUT`, then VERAVOX_TEST_SPEAKERS=OUT/metrics.json pytest. On 47 target and 169 nontarget
trials the shipped encoder has an EER of 1.2 %, no false match and a Cllr of 0.06; the limits leave
room for one or two trials more.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

PATH = os.environ.get("VERAVOX_TEST_SPEAKERS")
pytestmark = pytest.mark.skipif(not PATH, reason="needs VERAVOX_TEST_SPEAKERS")


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    return json.loads(Path(PATH or "").read_text(encoding="utf-8"))


def test_the_equal_error_rate_has_not_risen(metrics: dict[str, Any]) -> None:
    assert metrics["eer"] <= 0.04


def test_the_threshold_keeps_its_rate_of_false_matches(metrics: dict[str, Any]) -> None:
    assert metrics["fmr"] <= 0.03


def test_the_scores_are_still_calibrated(metrics: dict[str, Any]) -> None:
    assert metrics["cllr"] <= 0.2


def test_the_spoof_check_makes_the_joint_decision_no_worse(metrics: dict[str, Any]) -> None:
    accepted = metrics["decisions"]["spoof"].get("accept", 0)
    assert accepted <= 0.1 * metrics["n_spoof"]


def test_every_recording_can_be_used(metrics: dict[str, Any]) -> None:
    assert metrics["unusable"] == {}
