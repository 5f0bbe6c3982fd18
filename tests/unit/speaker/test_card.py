import json
from pathlib import Path

import pytest

from tests.speaker_factory import make_card, write_encoder
from veravox.errors import InvalidModel, InvalidRequest
from veravox.speaker.card import OperatingPoint, read_card
from veravox.speaker.policy import VoicePolicy

STRICT = OperatingPoint(false_match_rate=0.001, threshold=3.0, reject_below=-1.0)
LAX = OperatingPoint(false_match_rate=0.01, threshold=1.0, reject_below=-1.0)


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_card(write_encoder(tmp_path)).points == make_card().points


@pytest.mark.parametrize(
    "changes",
    [
        {"points": (STRICT, LAX)},
        {"points": (LAX, STRICT.model_copy(update={"threshold": 0.0}))},
        {"points": ()},
        {"default_rate": 0.02},
    ],
)
def test_operating_points_out_of_order_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"points|default_rate"):
        make_card(**changes)


def test_a_broken_card_is_an_error_that_names_the_field(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path)
    content = json.loads((folder / "card.json").read_text())
    content["calibration"]["slope"] = -1.0
    (folder / "card.json").write_text(json.dumps(content))
    with pytest.raises(InvalidModel, match=r"card\.json: calibration\.slope"):
        read_card(folder)


def test_a_policy_picks_the_point_of_its_rate() -> None:
    card = make_card()
    assert VoicePolicy().point(card).false_match_rate == 0.01
    assert VoicePolicy(0.001).point(card).false_match_rate == 0.001


def test_a_rate_that_the_card_lacks_is_an_error_that_names_the_rates() -> None:
    with pytest.raises(InvalidRequest, match=r"0\.01, 0\.001"):
        VoicePolicy(0.5).point(make_card())
