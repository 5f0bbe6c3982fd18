"""Writes a model's numbers into README.md and docs/accuracy.md.

`python -m training.pages REPORT/metrics.json`, after `veravox evaluate ... --out REPORT`: the
passages between `<!-- ACCURACY -->` or `<!-- HELD_OUT -->` and the comment that ends each are
made anew from that report and from the default model's card.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training.measure import FROZEN_ALONE, HELD_OUT_FAMILIES, HELD_OUT_SYSTEMS
from veravox.detection.card import ModelCard
from veravox.detection.models import ModelRegistry


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.pages", description=__doc__)
    parser.add_argument("metrics", type=Path, help="metrics.json of `veravox evaluate`")
    metrics = json.loads(parser.parse_args().metrics.read_text())
    card = ModelRegistry().resolve(None).card
    measured = accuracy(metrics)
    fill(Path("docs/accuracy.md"), "ACCURACY", measured)
    fill(Path("docs/accuracy.md"), "HELD_OUT", held_out(card))
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
    lines = ["| held out | bona fide | spoof | EER |", "|---|---|---|---|"]
    for title, table in card.metrics.items():
        if title.startswith(HELD_OUT_SYSTEMS):
            lines.append(_row(title.removeprefix("held-out "), table.rows["all"]))
    for family, row in card.metrics[HELD_OUT_FAMILIES].rows.items():
        lines.append(_row(f"the whole {family.removeprefix('family: ')} family as well", row))
    return "\n".join(
        [
            *lines,
            "",
            "One window of 5 s of each recording; made by the command in the card. Whole families "
            f"were left out of {FROZEN_ALONE}, which is one of two.",
        ]
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


def _row(name: str, row: Mapping[str, float]) -> str:
    counts = f"{row['n_bonafide']:.0f} | {row['n_spoof']:.0f}"
    return f"| {name} | {counts} | {_percent(row['eer'])} |"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


if __name__ == "__main__":
    main()
