"""Tables of the pages that training writes."""

from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, without a line break at its end."""
    lines = (f"| {' | '.join(cells)} |" for cells in (headings, *rows))
    return "\n".join((next(lines), f"|{'---|' * len(headings)}", *lines))
