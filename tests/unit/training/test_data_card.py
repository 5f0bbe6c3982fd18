import csv
import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from training.data_card import data_card
from training.dataset import Sources
from training.licences import named, read_licences, recognised
from training.manifest import Clip

HOUR = 3600 * 16_000
MIT = "Permission is hereby granted, free of\ncharge, to any person obtaining a copy"
BY_NC = "Attribution-NonCommercial-ShareAlike 4.0 International\n=====\nCreative Commons is not"


def clip(index: int, repo: str = "a/b", system: str = "", **more: str | int) -> Clip:
    label = "spoof" if system else "bonafide"
    one = Clip("train", label, repo, f"{index:040}", "a.wav", system, "", "en", "", 2024)
    return replace(one, **more)


class Workspace:
    """Manifests, mirrors, sets and decoded clips, of an hour each, in one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifests: list[Path] = []
        (root / "cache" / "corpus").mkdir(parents=True)

    def manifest(self, clips: Iterable[Clip], **columns: str) -> Path:
        path = self.root / f"manifest-{len(self.manifests)}.csv"
        self.manifests.append(path)
        self._write(path, [{**asdict(one), **columns} for one in clips])
        return path

    def synthetic(self, clips: Iterable[Clip]) -> None:
        for one in clips:
            folder = self.root / "synthesis" / one.repo.replace("/", "+")
            folder.mkdir(parents=True)
            self._write(folder / "index.csv", [asdict(one)])

    def decode(self, clips: Iterable[Clip]) -> None:
        places: dict[str, dict[str, tuple[int, int]]] = {}
        for one in clips:
            places.setdefault(one.repo, {})[one.sha] = (HOUR, 2 * HOUR)
        for repo, found in places.items():
            shard = self.root / "cache" / "corpus" / f"{repo.replace('/', '+')}.json"
            shard.write_text(json.dumps(found))

    def mirror(self, repo: str, **files: str) -> None:
        tree = self.root / "mirrors" / repo.replace("/", "+") / "repo"
        tree.mkdir(parents=True)
        for name, text in files.items():
            path = tree / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        for arguments in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "a")):
            subprocess.run(["git", "-C", tree, *identity, *arguments], check=True)

    def licences(self, *repos: str) -> dict[str, tuple[str, bool]]:
        found = read_licences(repos, self.manifests, self.root / "mirrors")
        return {repo: (one.name, one.non_commercial) for repo, one in found.items()}

    def card(self) -> str:
        sources = Sources(tuple(self.manifests), self.root / "mirrors", self.root / "synthesis")
        return data_card(sources, self.root / "cache")

    def _write(self, path: Path, rows: list[dict[str, str]]) -> None:
        with path.open("w", newline="") as file:
            names = dict.fromkeys([*(field.name for field in fields(Clip)), *rows[0]])
            writer = csv.DictWriter(file, list(names))
            writer.writeheader()
            writer.writerows(rows)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def table(card: str, title: str) -> dict[str, list[str]]:
    """The rows of a section's table by their first cell."""
    section = card.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in lines}


def test_totals_count_what_training_uses_and_the_dev_split_apart(workspace: Workspace):
    clips = [clip(1), clip(2), clip(3, "c/d", "bark"), clip(4, "c/d", "Bark(v2)")]
    dev = [clip(5, split="dev"), clip(6, "e/f", "griffin", split="dev")]
    made = clip(7, "synthesis/kokoro", "kokoro:mix1", licence="Apache-2.0")
    undecoded, noise = clip(8), clip(9, label="non_speech")
    workspace.manifest([*clips, *dev, undecoded, noise])
    workspace.synthetic([made])
    workspace.decode([*clips, *dev, made, noise])

    totals = table(workspace.card(), "Totals")

    assert totals[""] == ["training", "public", "made here", "dev split"]
    assert totals["clips"] == ["5", "4", "1", "2"]
    assert totals["hours"] == ["5.00", "4.00", "1.00", "2.00"]
    assert totals["bona fide clips"] == ["2", "2", "0", "1"]
    assert totals["spoof hours"] == ["3.00", "2.00", "1.00", "1.00"]
    assert totals["systems"] == ["2", "1", "1", "1"]
    assert totals["repositories"] == ["2", "2", "0", "2"]
    assert totals["sets made here"] == ["1", "0", "1", "0"]


def test_no_more_clips_are_counted_than_training_takes_of_a_source_or_system(workspace: Workspace):
    genuine = [clip(index) for index in range(120)]
    pages = [clip(200 + index, f"c/{index % 5}", "bark") for index in range(200)]
    workspace.manifest([*genuine, *pages])
    workspace.decode([*genuine, *pages])

    totals = table(workspace.card(), "Totals")

    assert totals["bona fide clips"][0] == "60"
    assert totals["spoof clips"][0] == "40"


def test_non_commercial_licences_are_flagged_and_summed_up_with_copies_made_here(
    workspace: Workspace,
):
    free, bound = clip(1), clip(2, "c/d")
    spoof = clip(3, "c/d", "bark")
    copies = [
        clip(4, "synthesis/copy-lpc", "copy:lpc", pair=bound.sha, licence="Apache-2.0"),
        clip(5, "synthesis/copy-world", "copy:world", pair=free.sha, licence="MIT"),
    ]
    workspace.manifest([free, bound, spoof])
    workspace.synthetic(copies)
    workspace.decode([free, bound, spoof, *copies])
    workspace.mirror("a/b", LICENSE=MIT)
    workspace.mirror("c/d", **{"LICENSE.txt": BY_NC})

    card = workspace.card()

    licences = table(card, "Licences")
    assert licences["MIT"] == ["", "1", "1", "1.00", "1", "1", "1.00"]
    assert licences["Apache-2.0"] == ["", "0", "0", "0.00", "1", "1", "1.00"]
    assert licences["CC-BY-NC-SA-4.0"] == ["yes", "1", "1", "1.00", "1", "1", "1.00"]
    assert licences["all that are non-commercial, with copies"] == [
        "yes", "1", "1", "1.00", "2", "2", "2.00",
    ]  # fmt: skip
    assert "3 of 5 clips, 3.00 of 5.00 h, are under terms that exclude commercial use" in card
    assert "\n1 of them are copies, made here" in card


def test_every_repository_is_linked_with_its_year_licence_clips_and_systems(workspace: Workspace):
    clips = [clip(1, "z/z"), clip(2, "A/b", "bark", year=0), clip(3, "A/b", "tacotron2", year=0)]
    workspace.manifest(clips)
    workspace.decode(clips)
    workspace.mirror("z/z", COPYING=MIT)

    repositories = table(workspace.card(), "Public repositories")

    assert list(repositories.items())[1:] == [
        ("[A/b](https://github.com/A/b)", ["not said", "unstated", "", "0", "2", "2"]),
        ("[z/z](https://github.com/z/z)", ["2024", "MIT", "", "1", "0", "0"]),
    ]


def test_spoofs_are_told_by_family_and_both_classes_by_year_and_language(workspace: Workspace):
    clips = [
        clip(1, year=2020, language="en-us"),
        clip(2, system="XTTS", year=2020, language="en"),
        clip(3, system="bark", language="en/zh"),
        clip(4, system="nobody-knows", language="mul(18)"),
        clip(5, "synthesis/flite", "flite:slt", family="diphone", licence="BSD-like (CMU)"),
    ]
    workspace.manifest(clips[:4])
    workspace.synthetic(clips[4:])
    workspace.decode(clips)

    card = workspace.card()

    families = table(card, "Families of systems")
    assert families["codec language model"] == ["2", "2", "2.00", "1"]
    assert families["not classified"] == ["1", "1", "1.00", "1"]
    assert families["diphone"] == ["1", "1", "1.00", "1"]
    assert table(card, "Years")["2020"] == ["1", "1.00", "1", "1.00"]
    assert table(card, "Languages")["en"] == ["1", "1.00", "2", "2.00"]
    assert table(card, "Languages")["several, or not said"] == ["0", "0.00", "2", "2.00"]
    assert table(card, "Sets made here")["flite"] == ["spoof", "1", "1.00", "BSD-like (CMU)"]


def test_small_languages_are_put_together(workspace: Workspace):
    clips = [clip(index, language=f"l{index % 12:02}") for index in range(22)]
    workspace.manifest(clips)
    workspace.decode(clips)

    languages = table(workspace.card(), "Languages")

    assert list(languages)[1:] == [*(f"l{index:02}" for index in range(10)), "the rest (2)"]
    assert languages["l00"] == ["2", "2.00", "0", "0.00"]
    assert languages["the rest (2)"] == ["2", "2.00", "0", "0.00"]


def test_the_page_says_that_a_licence_may_not_cover_the_audio_and_names_no_path(
    workspace: Workspace,
):
    workspace.manifest([clip(1)])
    workspace.decode([clip(1)])

    card = workspace.card()

    assert "licence covers what it covers, which is not always the audio" in card
    assert str(workspace.root) not in card


def test_a_repository_without_a_decoded_clip_is_named_in_the_log(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
):
    workspace.manifest([clip(1), clip(2, "c/d")])
    workspace.decode([clip(1)])

    workspace.card()

    assert "c/d: no decoded clip" in caplog.text


def test_what_a_manifest_says_of_a_licence_goes_before_the_mirror(workspace: Workspace):
    workspace.manifest([clip(1)], licence="CC0-1.0", non_commercial="False")
    workspace.manifest([clip(2, "c/d")], licence="own words", non_commercial="True")
    workspace.mirror("a/b", LICENSE=MIT)

    assert workspace.licences("a/b", "c/d", "e/f") == {
        "a/b": ("CC0-1.0", False),
        "c/d": ("own words", True),
        "e/f": ("unstated", False),
    }


def test_a_mirror_that_excludes_commercial_use_goes_before_the_manifest(workspace: Workspace):
    workspace.manifest([clip(1)], licence="MIT", non_commercial="False")
    workspace.mirror("a/b", **{"LICENSE.md": BY_NC})

    assert workspace.licences("a/b") == {"a/b": ("CC-BY-NC-SA-4.0", True)}


def test_only_licence_files_at_the_root_are_read(workspace: Workspace):
    workspace.mirror("a/b", **{"part/LICENSE": MIT, "LICENSE-FLAC.txt": MIT, "README.md": MIT})
    workspace.mirror("c/d", LICENCE="Ask the author.")
    workspace.mirror("e/f", **{"COPYING": "See the other file.", "License.rst": MIT})

    assert workspace.licences("a/b", "c/d", "e/f") == {
        "a/b": ("unstated", False),
        "c/d": ("own terms", False),
        "e/f": ("MIT", False),
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (MIT, "MIT"),
        ("MIT No Attribution\n" + MIT, "MIT-0"),
        ("Apache License\n   Version 2.0, January 2004", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", "GPL-3.0"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 2, June 1991 ... Lesser", "GPL-2.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE Version 2.1, February 1999", "LGPL-2.1"),
        ("GNU LESSER GENERAL PUBLIC LICENSE Version 3, 29 June 2007", "LGPL-3.0"),
        (
            "GNU AFFERO GENERAL PUBLIC LICENSE Version 3, 19 November 2007 ... "
            "GNU General Public License version 3",
            "AGPL-3.0",
        ),
        ("Mozilla Public License Version 2.0", "MPL-2.0"),
        ("Business Source License 1.1 ... Apache License, Version 2.0", "BUSL-1.1"),
        ("Redistribution and use in source and binary forms, with", "BSD-2-Clause"),
        (
            "Redistribution and use in source and binary forms ...\n3. Neither the name of",
            "BSD-3-Clause",
        ),
        ("CC0 1.0 Universal\n\nStatement of Purpose", "CC0-1.0"),
        ("This is free and unencumbered software released into the public domain.", "Unlicense"),
        ("# Attribution 4.0 International", "CC-BY-4.0"),
        ("Creative Commons Attribution-ShareAlike 3.0 Unported", "CC-BY-SA-3.0"),
        ("Attribution-NonCommercial-NoDerivatives 4.0 International", "CC-BY-NC-ND-4.0"),
        ("Released under CC BY-NC 4.0.", "CC-BY-NC-4.0"),
        ("FISH AUDIO RESEARCH LICENSE AGREEMENT", "Fish Audio Research License"),
        ("All rights reserved.", "own terms"),
    ],
)
def test_licences_are_recognised_by_their_phrases(text: str, name: str):
    assert recognised(text) == name


@pytest.mark.parametrize(
    ("name", "excluded"),
    [("CC-BY-NC-4.0", True), ("Fish Audio Research License", True), ("CC-BY-SA-4.0", False)],
)
def test_a_licence_tells_whether_it_excludes_commercial_use(name: str, excluded: bool):
    assert named(name).non_commercial is excluded
