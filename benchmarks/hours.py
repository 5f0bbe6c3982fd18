"""`python -m benchmarks.hours N`: a recording of N hours through a server of its own."""

import sys
import tempfile
from pathlib import Path

from benchmarks import long_recording
from benchmarks.server import connect, new_key, running


def main() -> None:
    """Print what `make bench` prints for one hour."""
    hours = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        key = new_key(Path(folder))
        with running(Path(folder)) as (process, url, _), connect(url, key) as client:
            for what, measured, _ in long_recording.measure(client, process.pid, hours):
                print(f"{what}: {measured}")


main()
