"""Makes a manifest from a description of repositories: `python -m training.collect --help`."""

import argparse
import logging
from pathlib import Path

from training.collect.description import read_sources
from training.collect.rows import collect, write_rows
from training.manifest import read_rows

HERE = Path(__file__).parent


def main() -> None:
    """The command line."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    reserved = set(arguments.reserved.read_text("utf-8").split())
    known = _hashes(arguments.known) | set(arguments.excluded.read_text("utf-8").split())
    sources = read_sources(arguments.description)
    write_rows(collect(sources, arguments.mirrors, reserved, known), arguments.out)


def _hashes(manifest: Path) -> set[str]:
    return {row["sha"] for row in read_rows(manifest)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.collect", description=__doc__)
    parser.add_argument("--mirrors", type=Path, required=True, help="<owner>+<name>/repo of each")
    parser.add_argument("--known", type=Path, required=True, help="manifest whose blobs are had")
    parser.add_argument("--reserved", type=Path, required=True, help="repositories never used")
    parser.add_argument(
        "--excluded",
        type=Path,
        default=HERE / "excluded.txt",
        help="git blob hashes never used: copies of audio of the reserved repositories",
    )
    parser.add_argument("--description", type=Path, default=HERE / "sources.toml")
    parser.add_argument("--out", type=Path, default=HERE.parent / "data" / "collected.csv.gz")
    return parser.parse_args()


if __name__ == "__main__":
    main()
