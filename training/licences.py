"""The licence of a repository: as a manifest has it, or as the repository's mirror states it.

Recordings of repositories that exclude commercial use train nothing that ships.
"""

import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.corpora import blobs, git_directory
from training.manifest import read_rows

UNSTATED = "unstated"
UNRECOGNISED = "own terms"
STATED_ELSEWHERE: dict[str, str] = {
    "Face-StyleSpeech/Face-StyleSpeech.github.io": "CC-BY-SA-4.0",
    "Jakobovski/free-spoken-digit-dataset": "CC-BY-SA-4.0",
    "MycroftAI/Precise-Community-Data": "public domain",
    "hayeong0/Diff-HierVC": "CC-BY-NC-SA-4.0",
    "szanislaw/audio-deepfake-fishspeech": "CC-BY-NC-SA-4.0",
    "voxserv/audio_quality_testing_samples": "Creative Commons, not said which",
    "zai-org/GLM-TTS": "CC-BY-NC-4.0",
}
"""What a README file, or a licence file beside the audio, says of the audio where the root has no
licence file or one for the code alone."""

NON_COMMERCIAL = frozenset(
    (Path(__file__).parent / "data" / "non_commercial.txt").read_text("utf-8").split()
)
"""The repositories whose licence excludes commercial use."""

_FILE = re.compile(r"(licen[cs]e|copying)(\.\w+)?", re.IGNORECASE)
_PHRASES = tuple(
    (re.compile(phrase), name)
    for phrase, name in (
        (r"cc0 1\.0 universal", "CC0-1.0"),
        (r"\battribution(?P<terms>(?:-\w+)*) (?P<version>\d\.\d)", "CC-BY{terms}-{version}"),
        (r"\bcc[ -]by(?P<terms>(?:-\w\w)*)[ -](?P<version>\d\.\d)", "CC-BY{terms}-{version}"),
        (r"gnu affero general public license version (?P<version>\d)", "AGPL-{version}.0"),
        (r"gnu lesser general public license version 2\.1", "LGPL-2.1"),
        (r"gnu lesser general public license version (?P<version>\d)", "LGPL-{version}.0"),
        (r"gnu general public license version (?P<version>\d)", "GPL-{version}.0"),
        (r"business source license 1\.1", "BUSL-1.1"),
        (r"apache license,? version 2\.0", "Apache-2.0"),
        (r"mozilla public license,? version 2\.0", "MPL-2.0"),
        (r"free and unencumbered software released into the public domain", "Unlicense"),
        (r"mit no attribution", "MIT-0"),
        (r"permission is hereby granted, free of charge", "MIT"),
        (r"redistribution and use in source and binary forms.*neither the name", "BSD-3-Clause"),
        (r"redistribution and use in source and binary forms", "BSD-2-Clause"),
        (r"fish audio research license", "Fish Audio Research License"),
        (r"neutts open license v1\.0", "NeuTTS Open License 1.0"),
    )
)
_SHORT = {"noncommercial": "NC", "noderivatives": "ND", "noderivs": "ND", "sharealike": "SA"}
_RESEARCH_ONLY = {"Fish Audio Research License"}


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence by name, and whether it excludes commercial use."""

    name: str
    non_commercial: bool


def read_licences(
    repos: Iterable[str], manifests: Iterable[Path], mirrors: Path
) -> dict[str, Licence]:
    """The licence of each repository: what a manifest says of it, else what its mirror states.

    What the mirror states goes first where it excludes commercial use.
    """
    listed = {repo: licence for path in manifests for repo, licence in _listed(path)}
    found: dict[str, Licence] = {}
    for repo in repos:
        own = named(stated(repo, mirrors))
        found[repo] = own if own.non_commercial else listed.get(repo, own)
    return found


def named(name: str) -> Licence:
    """The licence of that name."""
    return Licence(name, "NC" in name.split("-") or name in _RESEARCH_ONLY)


def stated(repo: str, mirrors: Path) -> str:
    """What a repository states: elsewhere, where that is known, else in a file at its root."""
    if repo in STATED_ELSEWHERE:
        return STATED_ELSEWHERE[repo]
    git = git_directory(mirrors, repo)
    texts = [content for _, content in blobs(git, _files(git))] if git else []
    names = [recognised(text.decode("utf-8", "replace")) for text in texts]
    return next((name for name in names if name != UNRECOGNISED), (*names, UNSTATED)[0])


def recognised(text: str) -> str:
    """The name of the licence whose characteristic phrase comes first in a text."""
    plain = " ".join(text.casefold().split())
    found = [(match, name) for phrase, name in _PHRASES if (match := phrase.search(plain))]
    if not found:
        return UNRECOGNISED
    match, name = min(found, key=lambda pair: pair[0].start())
    parts = match.groupdict()
    terms = [_SHORT.get(term, term.upper()) for term in parts.get("terms", "").split("-")]
    return name.format(**{**parts, "terms": "-".join(terms)})


def _listed(manifest: Path) -> Iterator[tuple[str, Licence]]:
    for row in read_rows(manifest):
        if name := row.get("licence"):
            flagged = row.get("non_commercial") == "True"
            yield row["repo"], Licence(name, flagged or named(name).non_commercial)


def _files(git: Path) -> list[str]:
    command = ["git", "--git-dir", str(git), "ls-tree", "-z", "HEAD"]
    listing = subprocess.run(command, check=False, stdout=subprocess.PIPE).stdout
    entries = [entry.split("\t", 1) for entry in listing.decode("utf-8", "replace").split("\0")]
    return [
        entry[0].split()[2]
        for entry in entries
        if entry[0].startswith("100") and _FILE.fullmatch(entry[1])
    ]
