"""Writes the data card: what the detector was trained on, by licence, family, year and source.

`python -m training.data_card --manifest M --mirrors MIRRORS --synthesis SETS --out PAGE`, after
`python -m training.build`, whose decoded clips it counts; it decodes nothing itself.
"""

import argparse
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.corpora import LONGEST_SECONDS, Corpus, open_corpus
from training.dataset import Sources, read_clips
from training.licences import UNSTATED, Licence, named, read_licences
from training.manifest import Clip
from training.markdown import table
from training.prepare import (
    PER_PAGE,
    PER_SOURCE,
    PER_SYSTEM,
    VARIANTS,
    VOICES,
    add_sources,
    capped,
    sources_of,
)
from training.systems import base_name, family
from veravox.audio.canonical import SAMPLE_RATE
from veravox.audio.windows import WINDOW_SAMPLES

LARGEST = 10
SEVERAL = "several, or not said"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip that is used; `restricted`: it, or what it is a copy of, excludes commercial use."""

    clip: Clip
    hours: float
    licence: Licence
    restricted: bool

    @property
    def system(self) -> str:
        """What made a spoof; variants of a system are one, sets of copies are apart."""
        return self.clip.system if self.clip.pair else base_name(self.clip.system)


Groups = dict[str, list[Entry]]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.data_card", description=__doc__)
    add_sources(parser)
    parser.add_argument("--out", type=Path, default=Path("docs/data-card.md"), help="the page")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments.out.write_text(data_card(sources_of(arguments), arguments.cache), encoding="utf-8")


def data_card(sources: Sources, cache: Path) -> str:
    """The page about the clips that training uses of `sources`, as far as `cache` has them."""
    clips = read_clips(sources)
    corpus = open_corpus(clips, cache / "corpus")
    decoded = [clip for clip in clips if clip in corpus]
    for repo in sorted({c.repo for c in clips} - {c.repo for c in decoded}):
        log.warning("%s: no decoded clip", repo)
    train = capped([clip for clip in decoded if clip.split == "train"])
    dev = [clip for clip in decoded if clip.split == "dev"]
    repos = {clip.repo for clip in clips if not clip.synthetic}
    licences = read_licences(repos, sources.manifests, sources.mirrors)
    origins = {clip.sha: clip.repo for clip in clips}
    return page(
        [_entry(clip, corpus, licences, origins) for clip in train],
        [_entry(clip, corpus, licences, origins) for clip in dev],
    )


def page(train: Sequence[Entry], dev: Sequence[Entry]) -> str:
    """The page about clips of training and of the dev split."""
    public = [entry for entry in train if not entry.clip.synthetic]
    made = [entry for entry in train if entry.clip.synthetic]
    sections = (
        _PREFACE,
        _totals({"training": train, "public": public, "made here": made, "dev split": dev}),
        _by_licence(train),
        _by_family([entry for entry in train if entry.clip.spoof]),
        _by("Years", "year", sorted(_grouped(train, _year).items())),
        _by("Languages", "language", _largest(_grouped(train, _language))),
        _sets(made),
        _repositories(public),
    )
    return "\n\n".join(sections) + "\n"


_PREFACE = f"""# Data card

What the shipped detector was trained on. `python -m training.data_card` writes this page;
[Retraining](retraining.md) tells how the model is made and how recordings are added. No recording
is in the repository or in a release. What Whisper's encoder and the model from which fine-tuning
goes on heard before is not part of this.

* Counted are the clips that training uses: those that decode, at most {PER_SYSTEM} of each system,
  {PER_PAGE} of them from one repository, and {PER_SOURCE} of each source of bona fide speech, each
  recording once. Up to {VOICES} recordings of the training split are heard as babble besides.
* Hours are the clips' lengths, cut at {LONGEST_SECONDS} s. Training hears one window of
  {WINDOW_SAMPLES // SAMPLE_RATE} s of each clip, as it is and through {VARIANTS - 1} channels.
* **A repository's licence covers what it covers, which is not always the audio**: often it is only
  the code or the page's template, and demonstration pages play recordings of corpora that have
  terms of their own. `{UNSTATED}`: the repository states no licence, which does not mean that there
  are no terms. *Non-commercial* are licences that exclude commercial use; others may limit it.
* Years and languages are what the manifests say of a clip, mostly those of its page or engine.
* Variants of a system are one system; each set of copies made here is one."""


def _entry(
    clip: Clip, corpus: Corpus, licences: Mapping[str, Licence], origins: Mapping[str, str]
) -> Entry:
    licence = named(clip.licence) if clip.synthetic else licences[clip.repo]
    original = licences.get(origins.get(clip.pair, ""))
    restricted = licence.non_commercial or (original is not None and original.non_commercial)
    return Entry(clip, corpus.seconds(clip) / 3600, licence, restricted)


def _totals(columns: Mapping[str, Sequence[Entry]]) -> str:
    rows: dict[str, Callable[[Sequence[Entry]], str]] = {
        "clips": _clips,
        "hours": _hours,
        "bona fide clips": lambda entries: _clips(_genuine(entries)),
        "bona fide hours": lambda entries: _hours(_genuine(entries)),
        "spoof clips": lambda entries: _clips(_spoofed(entries)),
        "spoof hours": lambda entries: _hours(_spoofed(entries)),
        "systems": _systems,
        "repositories": lambda entries: _sources(e for e in entries if not e.clip.synthetic),
        "sets made here": lambda entries: _sources(e for e in entries if e.clip.synthetic),
    }
    return _section(
        "Totals",
        table(
            ["", *columns],
            [[name, *map(count, columns.values())] for name, count in rows.items()],
        ),
        "*Public* and *made here* are the parts of *training*; a system of both counts once. The\n"
        "dev split is apart, for calibration: training has no system and no named speaker of it.\n"
        "All of it that decodes is counted.",
    )


def _by_licence(entries: Sequence[Entry]) -> str:
    def row(name: str, members: Sequence[Entry], flag: str) -> list[str]:
        return [name, flag, *_both(members, _sources, _clips, _hours)]

    restricted = [entry for entry in entries if entry.restricted]
    copies = [entry for entry in restricted if not entry.licence.non_commercial]
    rows = [
        row(name, members, _flag(members[0].licence.non_commercial))
        for name, members in _by_size(_grouped(entries, lambda entry: entry.licence.name))
    ]
    return _section(
        "Licences",
        f"{_clips(restricted)} of {_clips(entries)} clips, {_hours(restricted)} of "
        f"{_hours(entries)} h, are under terms that exclude commercial use;\n"
        f"{_clips(copies)} of them are copies, made here, of recordings under such terms; they\n"
        "are listed under their engine's licence.",
        table(
            ["licence", "non-commercial", *_headings("sources", "clips", "hours")],
            [*rows, row("all that are non-commercial, with copies", restricted, "yes")],
        ),
    )


def _by_family(spoofed: Sequence[Entry]) -> str:
    return _section(
        "Families of systems",
        table(
            ["family", "systems", "clips", "hours", "sources"],
            [
                [name, _systems(members), _clips(members), _hours(members), _sources(members)]
                for name, members in _by_size(_grouped(spoofed, _family))
            ],
        ),
    )


def _by(title: str, heading: str, groups: Iterable[tuple[str, list[Entry]]]) -> str:
    return _section(
        title,
        table(
            [heading, *_headings("clips", "hours")],
            [[name, *_both(members, _clips, _hours)] for name, members in groups],
        ),
    )


def _sets(made: Sequence[Entry]) -> str:
    return _section(
        "Sets made here",
        "Speech of engines that were run here, copies by vocoders, and telephone prompts, which\n"
        "are genuine: see [Retraining](retraining.md#synthetic-speech-of-our-own). The licence is\n"
        "that of the engine and voice; a copy is also bound by that of its original.",
        table(
            ["set", "class", "clips", "hours", "licence"],
            [
                [
                    name.removeprefix("synthesis/"),
                    "spoof" if members[0].clip.spoof else "bona fide",
                    _clips(members),
                    _hours(members),
                    _licence(members),
                ]
                for name, members in sorted(_grouped(made, _repo).items())
            ],
        ),
    )


def _repositories(public: Sequence[Entry]) -> str:
    groups = _grouped(public, _repo)
    headings = ["repository", "year", "licence", "non-commercial"]
    return _section(
        "Public repositories",
        table(
            [*headings, *_headings("clips"), "systems"],
            [
                [
                    f"[{repo}](https://github.com/{repo})",
                    ", ".join(sorted({_year(entry) for entry in groups[repo]})),
                    _licence(groups[repo]),
                    _flag(groups[repo][0].restricted),
                    *_both(groups[repo], _clips),
                    _systems(groups[repo]),
                ]
                for repo in sorted(groups, key=str.casefold)
            ],
        ),
    )


def _repo(entry: Entry) -> str:
    return entry.clip.repo


def _family(entry: Entry) -> str:
    return family(entry.clip.system) or entry.clip.family or "not classified"


def _year(entry: Entry) -> str:
    return str(entry.clip.year or "not said")


def _language(entry: Entry) -> str:
    parts = re.split(r"[,/]", entry.clip.language)
    languages = {part.strip().split("-")[0].casefold() for part in parts}
    code = languages.pop() if len(languages) == 1 else ""
    return SEVERAL if code in ("", "none") or code.startswith("mul") else code


def _grouped(entries: Iterable[Entry], key: Callable[[Entry], str]) -> Groups:
    groups: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[key(entry)].append(entry)
    return dict(groups)


def _by_size(groups: Groups) -> list[tuple[str, list[Entry]]]:
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def _largest(groups: Groups) -> list[tuple[str, list[Entry]]]:
    single = _by_size({name: members for name, members in groups.items() if name != SEVERAL})
    rest = [entry for _, members in single[LARGEST:] for entry in members]
    last = ((f"the rest ({len(single) - LARGEST})", rest), (SEVERAL, groups.get(SEVERAL, [])))
    return single[:LARGEST] + [(name, members) for name, members in last if members]


def _genuine(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if not entry.clip.spoof]


def _spoofed(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.clip.spoof]


def _clips(entries: Sequence[Entry]) -> str:
    return f"{len(entries):,}"


def _hours(entries: Sequence[Entry]) -> str:
    return f"{sum(entry.hours for entry in entries):.2f}"


def _sources(entries: Iterable[Entry]) -> str:
    return f"{len({entry.clip.repo for entry in entries})}"


def _systems(entries: Iterable[Entry]) -> str:
    return f"{len({entry.system for entry in entries if entry.clip.spoof})}"


def _licence(entries: Iterable[Entry]) -> str:
    return "; ".join(name for name, _ in Counter(e.licence.name for e in entries).most_common())


def _flag(non_commercial: bool) -> str:
    return "yes" if non_commercial else ""


def _both(entries: Sequence[Entry], *counts: Callable[[Sequence[Entry]], str]) -> list[str]:
    return [count(part) for part in (_genuine(entries), _spoofed(entries)) for count in counts]


def _headings(*names: str) -> list[str]:
    return [f"{label} {name}" for label in ("bona fide", "spoof") for name in names]


def _section(title: str, *paragraphs: str) -> str:
    return "\n\n".join((f"## {title}", *paragraphs))


if __name__ == "__main__":
    main()
