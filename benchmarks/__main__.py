"""Runs all measurements and prints one Markdown table."""

import platform
from collections.abc import Iterator

from benchmarks import domain, server, streams


def main() -> None:
    """Print the machine and the table; takes about three minutes."""
    print(f"{platform.machine()}, {platform.system()} {platform.release()}, CPUs: {server.CPUS}\n")
    print("| what | measured | budget |\n|---|---|---|")
    for what, measured, budget in _rows():
        print(f"| {what} | {measured} | {budget} |", flush=True)


def _rows() -> Iterator[tuple[str, str, str]]:
    yield from domain.measure()
    yield from server.measure()
    yield from streams.measure()


main()
