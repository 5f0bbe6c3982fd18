"""Writes a model's numbers into README.md and docs/accuracy.md.

`python -m training.pages REPORT/metrics.json`, after `veravox evaluate ... --out REPORT`: the
passages between a comment such as `<!-- ACCURACY -->` and the one that ends it are made anew, the
first of them from that report, the others from the default model's card. What
`training.gates interventions`, `training.false_alarms` and `training.partial` measure is in the
card after they ran with `--card`.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training import false_alarms, partial, prompts
from training.markdown import table
from training.measure import FROZEN_ALONE, HELD_OUT_FAMILIES, HELD_OUT_SYSTEMS
from veravox.detection.card import MetricTable, ModelCard
from veravox.detection.models import ModelRegistry


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.pages", description=__doc__)
    parser.add_argument("metrics", type=Path, help="metrics.json of `veravox evaluate`")
    metrics = json.loads(parser.parse_args().metrics.read_text())
    card = ModelRegistry().resolve(None).card
    measured = accuracy(metrics)
    passages = {
        "ACCURACY": measured,
        "HELD_OUT": held_out(card),
        "GATES": interventions(card.metrics["gate: interventions"]),
        "FALSE_ALARMS": genuine_speech(card.metrics[false_alarms.TITLE]),
        "PROMPTS": telephone_prompts(card.metrics[prompts.TITLE]),
        "PARTIAL": spliced(card.metrics[f"{partial.TITLE}, dev"]),
    }
    for passage, text in passages.items():
        fill(Path("docs/accuracy.md"), passage, text)
    fill(Path("README.md"), "ACCURACY", f"{measured}\n\n{caveat(card)}")


def accuracy(metrics: Mapping[str, Any]) -> str:
    """The table of an evaluation of the clips that come for regression checks."""

    def row(name: str, key: str, form: Callable[[float], str] = _percent) -> str:
        low, high = metrics["intervals"][key]
        return f"| {name} | {form(metrics[key])} | {form(low)} - {form(high)} |"

    return "\n".join(
        (
            f"`veravox evaluate dev/manifest.csv --out report`, on {metrics['n_bonafide']} bona "
            f"fide and {metrics['n_spoof']} spoofed recordings of at most 6 s, of eight sources "
            "and thirteen older generators that were not in training:",
            "",
            "| | | 95 % interval |",
            "|---|---|---|",
            row("EER", "eer"),
            row("BPCER at the threshold", "bpcer"),
            row("APCER at the threshold", "apcer"),
            row("accuracy at the threshold", "accuracy"),
            row("Cllr (bits)", "cllr", "{:.2f}".format),
            row("recordings with a verdict", "coverage"),
            row("errors among those", "selective_error"),
        )
    )


def held_out(card: ModelCard) -> str:
    """The table of errors on generators, sources and families that a head had not seen."""
    rows = [
        _cells(title.removeprefix("held-out "), measured.rows["all"])
        for title, measured in card.metrics.items()
        if title.startswith(HELD_OUT_SYSTEMS)
    ]
    rows += [
        _cells(f"the whole {family.removeprefix('family: ')} family as well", row)
        for family, row in card.metrics[HELD_OUT_FAMILIES].rows.items()
    ]
    return "\n".join(
        [
            table(["held out", "bona fide", "spoof", "EER"], rows),
            "",
            "One window of 5 s of each recording; made by the command in the card. Whole families "
            f"were left out of {FROZEN_ALONE}, which is one of two.",
        ]
    )


def interventions(measured: MetricTable) -> str:
    """What each change of a recording does to the EER, and how much it may."""

    def cells(name: str, row: Mapping[str, float]) -> list[str]:
        moved, limit = "", ""
        if "limit" in row:
            moved = f"{100 * row['moved']:+.1f} points"
            limit = f"{100 * row['limit']:.0f}{'' if row['required'] else ', told only'}"
        return [name, _percent(row["eer"]), moved, limit]

    rows = [cells(name, row) for name, row in measured.rows.items()]
    return table(["change", "EER", "moved by", "limit"], rows)


def genuine_speech(measured: MetricTable) -> str:
    """False alarms and abstentions on each kind of genuine speech."""
    shares = {
        "no verdict": "no_verdict",
        "called synthetic": "false_alarms",
        "score above the threshold": "bpcer",
    }
    return table(
        ["genuine speech", "recordings", *shares],
        [
            [name, f"{row['n']:.0f}", *(_percent(row[key]) for key in shares.values())]
            for name, row in measured.rows.items()
        ],
    )


def telephone_prompts(measured: MetricTable) -> str:
    """Errors on the prompts of each voice, by heads that did not hear the person."""
    return table(
        ["prompts, the person held out", "score above the threshold"],
        [[name, _percent(row["bpcer"])] for name, row in measured.rows.items()],
    )


def spliced(measured: MetricTable) -> str:
    """How many inserts are found, and how often none was there."""
    row = measured.rows["rule of the card"]
    alarms = row["false_alarms_respliced"] * row["n_respliced"]
    alarms += row["false_alarms_untouched"] * row["n_untouched"]
    return (
        f"Of {row['n_spliced']:.0f} minutes of genuine speech with 5 to 15 s of synthetic speech "
        f"in them {row['recall'] * row['n_spliced']:.0f} were found; of "
        f"{row['n_respliced'] + row['n_untouched']:.0f} without, {alarms:.0f} were called partly "
        f"synthetic (`{measured.command}`)."
    )


def caveat(card: ModelCard) -> str:
    """What the first table does not say."""
    modern = card.metrics[f"{HELD_OUT_SYSTEMS}, clean"]
    return (
        "On modern generators, repositories and speakers that were held out altogether the EER is "
        f"{_percent(modern.rows['all']['eer'])}:\nsee [limits and accuracy](docs/accuracy.md). A "
        "detector is never better than the gap between what it\nlearned and what it meets."
    )


def fill(page: Path, passage: str, text: str) -> None:
    """Put `text` in the place of a passage. Raises ValueError when the page has none."""
    begin, end = f"<!-- {passage} -->\n", f"\n<!-- end {passage} -->"
    whole = page.read_text()
    first = whole.index(begin) + len(begin)
    page.write_text(whole[:first] + text + whole[whole.index(end, first) :])


def _cells(name: str, row: Mapping[str, float]) -> list[str]:
    return [name, f"{row['n_bonafide']:.0f}", f"{row['n_spoof']:.0f}", _percent(row["eer"])]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


if __name__ == "__main__":
    main()
