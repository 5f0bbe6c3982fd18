"""Where an archive is scored: on this machine, or on a cluster."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from veravox.archives.recordings import Recording
from veravox.archives.score import Score


class Engine(Protocol):
    """Something that scores recordings."""

    def score(self, recordings: Iterable[Recording]) -> Iterator[Score]:
        """The row of each recording, in any order; few recordings are drawn ahead of the rows.

        Raises Unavailable when the archive does not answer.
        """
        ...
