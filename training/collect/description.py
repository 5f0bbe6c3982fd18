"""What a repository's audio is: one rule per kind of path, read from TOML."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.systems import family

LABELS = {
    "bonafide": "bonafide",
    "codec": "codec_resynthesis",
    "edit": "spoof",
    "tts": "spoof",
    "vc": "spoof",
    "vocoder": "spoof",
}
"""The label that a rule's kind implies, as the shipped manifest has it."""

_KEYS = {"repo", "year", "language", "licence", "non_commercial", "provenance", "names", "clips"}
_RULE_KEYS = {"path", "kind", "system", "language", "speaker"}


@dataclass(frozen=True, slots=True)
class Rule:
    """Paths that begin with a match of `path` are of this kind, made by this system.

    `language` and `speaker` are those of all its clips, where one is given. Groups named `system`,
    `language` and `speaker` in the pattern stand for the clip's own.
    """

    path: re.Pattern[str]
    kind: str
    system: str
    language: str
    speaker: str


@dataclass(frozen=True, slots=True)
class Source:
    """A repository, its rules in order of precedence, and what is said of all its clips.

    `names` gives the system for what a rule's group `system` captured, in lower case.
    """

    repo: str
    year: int
    language: str
    licence: str
    non_commercial: bool
    provenance: str
    names: Mapping[str, str]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Described:
    """What a rule says of one path."""

    label: str
    kind: str
    system: str
    family: str
    language: str
    speaker: str


def read_sources(path: Path) -> list[Source]:
    """The repositories of a description, in its order.

    Raises ValueError for one that occurs twice, a kind or a key that is not known, a pattern that
    is not a regular expression, and a spoof rule without a system.
    """
    sources = [_source(entry) for entry in tomllib.loads(path.read_text("utf-8"))["repository"]]
    repos = [source.repo for source in sources]
    twice = sorted({repo for repo in repos if repos.count(repo) > 1})
    if twice:
        raise ValueError(f"described twice: {', '.join(twice)}")
    return sources


def describe(source: Source, path: str) -> Described | None:
    """What the first rule that matches says of `path`, None where none does.

    Raises ValueError for a system whose family `training.systems` does not know.
    """
    for rule in source.rules:
        match = rule.path.match(path)
        if match is None:
            continue
        found = {name: text for name, text in match.groupdict().items() if text}
        label = LABELS[rule.kind]
        system = rule.system or _system(source, found)
        return Described(
            label=label,
            kind="" if rule.kind == "bonafide" else rule.kind,
            system=system,
            family=_family(source, system) if label == "spoof" else "",
            language=found.get("language", rule.language or source.language),
            speaker=found.get("speaker", rule.speaker),
        )
    return None


def _source(entry: dict[str, Any]) -> Source:
    _refuse_unknown(entry, _KEYS)
    repo = entry["repo"]
    return Source(
        repo=repo,
        year=entry["year"],
        language=entry["language"],
        licence=entry.get("licence", "unstated"),
        non_commercial=entry.get("non_commercial", False),
        provenance=entry.get("provenance", f"https://github.com/{repo}"),
        names=entry.get("names", {}),
        rules=tuple(_rules(repo, entry["clips"])),
    )


def _rules(repo: str, entries: list[dict[str, str]]) -> Iterator[Rule]:
    for entry in entries:
        _refuse_unknown(entry, _RULE_KEYS)
        kind = entry["kind"]
        if kind not in LABELS:
            raise ValueError(f"{repo}: {kind} is not a kind")
        try:
            pattern = re.compile(entry["path"])
        except re.error as error:
            raise ValueError(f"{repo}: {entry['path']}: {error}") from error
        if LABELS[kind] == "spoof" and not ("system" in entry or "system" in pattern.groupindex):
            raise ValueError(f"{repo}: {entry['path']} names no system")
        yield Rule(
            pattern,
            kind,
            entry.get("system", ""),
            entry.get("language", ""),
            entry.get("speaker", ""),
        )


def _refuse_unknown(entry: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(entry) - known)
    if unknown:
        raise ValueError(f"not keys of a description: {', '.join(unknown)}")


def _system(source: Source, found: Mapping[str, str]) -> str:
    captured = found.get("system", "").casefold()
    return source.names.get(captured, captured)


def _family(source: Source, system: str) -> str:
    known = family(system)
    if known is None:
        raise ValueError(f"{source.repo}: the family of {system!r} is not in training.systems")
    return known
