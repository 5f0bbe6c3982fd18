from pathlib import Path

import pytest

from training.pages import fill, genuine_speech, interventions, spliced
from veravox.detection.card import MetricTable


def table(**rows: dict[str, float]) -> MetricTable:
    return MetricTable(command="test", rows=rows)


def test_a_passage_is_made_anew_and_nothing_around_it(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- GATES -->\nold\n<!-- end GATES -->\nafter\n")

    fill(page, "GATES", "new\nlines")
    fill(page, "GATES", "newest")

    assert page.read_text() == "before\n<!-- GATES -->\nnewest\n<!-- end GATES -->\nafter\n"


def test_a_page_without_the_passage_is_refused(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("nothing here\n")

    with pytest.raises(ValueError, match="not found"):
        fill(page, "GATES", "new")


def test_a_change_is_told_with_what_it_may_move():
    measured = table(
        unchanged={"eer": 0.05},
        louder={"eer": 0.07, "moved": 0.02, "limit": 0.03, "required": 1.0, "kept": 1.0},
        noise={"eer": 0.12, "moved": 0.07, "limit": 0.05, "required": 0.0, "kept": 0.0},
    )

    assert interventions(measured).splitlines()[2:] == [
        "| unchanged | 5.0 % |  |  |",
        "| louder | 7.0 % | +2.0 points | 3 |",
        "| noise | 12.0 % | +7.0 points | 5, told only |",
    ]


def test_abstentions_are_told_apart_from_false_alarms():
    measured = table(calm={"n": 50.0, "no_verdict": 0.2, "false_alarms": 0.02, "bpcer": 0.05})

    assert genuine_speech(measured).endswith("| calm | 50 | 20.0 % | 2.0 % | 5.0 % |")


def test_false_alarms_without_an_insert_are_counted_over_both_kinds():
    row = {
        **{"n_spliced": 18.0, "recall": 0.5, "n_respliced": 10.0, "n_untouched": 8.0},
        **{"false_alarms_respliced": 0.1, "false_alarms_untouched": 0.25},
    }

    told = spliced(table(**{"rule of the card": row}))

    assert "Of 18 minutes" in told
    assert "9 were found; of 18 without, 3 were called" in told
