import gzip
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.audio_factory import encode, speech
from training.collect.description import describe, read_sources
from training.collect.listing import audio_blobs
from training.collect.rows import Row, collect, corpus_speaker, write_rows
from training.corpora import git_directory
from training.manifest import read_manifest
from training.systems import family

RATE = 16_000
DESCRIPTION = """
[[repository]]
repo = "someone/demo"
year = 2024
language = "en"
licence = "MIT"
names = { ours = "styletts2", "f5" = "f5-tts" }
clips = [
    { path = 'wavs/gt/', kind = "bonafide" },
    { path = 'wavs/codec/', kind = "codec", system = "mimi" },
    { path = 'wavs/(?P<language>de|fr)/', kind = "tts", system = "xtts" },
    { path = 'wavs/(?P<system>ours|F5|bark)/', kind = "tts" },
]
"""


class Demo:
    """A repository with a work tree, whose mirror is its git directory."""

    def __init__(self, mirrors: Path, repo: str) -> None:
        self.tree = mirrors / repo.replace("/", "+") / "repo"
        self.tree.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", "-C", self.tree, *identity, *arguments], check=True)

    def commit(self, **files: bytes) -> None:
        for name, content in files.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=audio")


@pytest.fixture
def mirrors(tmp_path: Path) -> Path:
    return tmp_path / "mirrors"


@pytest.fixture
def demo(mirrors: Path) -> Demo:
    return Demo(mirrors, "someone/demo")


def clip(seed: int, seconds: float = 1.0) -> bytes:
    return encode(speech(seconds, RATE) * (1 - seed / 400), RATE)


def described(tmp_path: Path, text: str = DESCRIPTION) -> Path:
    path = tmp_path / "sources.toml"
    path.write_text(text, encoding="utf-8")
    return path


def collected(
    tmp_path: Path, mirrors: Path, reserved: set[str] | None = None, known: set[str] | None = None
) -> list[Row]:
    sources = read_sources(described(tmp_path))
    return collect(sources, mirrors, reserved or set(), known or set())


def test_a_clip_is_what_the_first_matching_rule_says_of_its_path(
    tmp_path: Path, mirrors: Path, demo: Demo
):
    demo.commit(
        **{
            "wavs/gt/p225_001.wav": clip(1),
            "wavs/ours/1.wav": clip(2),
            "wavs/F5/1.wav": clip(3),
            "wavs/de/1.wav": clip(4),
            "wavs/codec/1.wav": clip(5),
            "other/1.wav": clip(6),
            "wavs/gt/notes.txt": b"not audio",
        }
    )

    rows = {row.path: row for row in collected(tmp_path, mirrors)}

    assert {path: (r.label, r.kind, r.system, r.family) for path, r in rows.items()} == {
        "wavs/gt/p225_001.wav": ("bonafide", "", "", ""),
        "wavs/ours/1.wav": ("spoof", "tts", "styletts2", "adversarial"),
        "wavs/F5/1.wav": ("spoof", "tts", "f5-tts", "flow matching"),
        "wavs/de/1.wav": ("spoof", "tts", "xtts", "codec language model"),
        "wavs/codec/1.wav": ("codec_resynthesis", "codec", "mimi", ""),
    }
    assert rows["wavs/de/1.wav"].language == "de"
    assert rows["wavs/gt/p225_001.wav"].speaker == "VCTK_p225"
    assert {row.licence for row in rows.values()} == {"MIT"}
    assert {row.provenance for row in rows.values()} == {"https://github.com/someone/demo"}
    assert {(r.format, r.sample_rate) for r in rows.values()} == {("wav", RATE)}
    assert all(row.duration == pytest.approx(1.0, abs=0.01) for row in rows.values())


def test_clips_of_deleted_files_and_other_branches_are_found(
    tmp_path: Path, mirrors: Path, demo: Demo
):
    demo.commit(**{"wavs/gt/old.wav": clip(1)})
    (demo.tree / "wavs/gt/old.wav").unlink()
    demo.commit(**{"wavs/gt/new.wav": clip(2)})
    demo.git("checkout", "--quiet", "-b", "gh-pages")
    demo.commit(**{"wavs/ours/page.wav": clip(3)})
    demo.git("checkout", "--quiet", "main")

    found = {row.path: row.found_in for row in collected(tmp_path, mirrors)}

    assert found == {
        "wavs/gt/old.wav": "history",
        "wavs/gt/new.wav": "head",
        "wavs/ours/page.wav": "history",
    }


def test_every_blob_is_taken_once_and_under_a_path_that_is_described(
    tmp_path: Path, mirrors: Path, demo: Demo
):
    demo.commit(
        **{"a/listening_test.wav": clip(1), "wavs/gt/1.wav": clip(1), "wavs/gt/2.wav": clip(1)}
    )

    rows = collected(tmp_path, mirrors)

    assert [row.path for row in rows] == ["wavs/gt/1.wav"]


def test_blobs_that_are_had_or_excluded_are_left_out(tmp_path: Path, mirrors: Path, demo: Demo):
    demo.commit(**{"wavs/gt/1.wav": clip(1), "wavs/gt/2.wav": clip(2)})
    first = next(row for row in collected(tmp_path, mirrors) if row.path == "wavs/gt/1.wav")

    rest = collected(tmp_path, mirrors, known={first.sha})

    assert [row.path for row in rest] == ["wavs/gt/2.wav"]


def test_a_reserved_repository_is_refused_by_name(tmp_path: Path, mirrors: Path):
    with pytest.raises(ValueError, match="someone/demo"):
        collected(tmp_path, mirrors, reserved={"someone/demo"})


def test_clips_that_are_broken_or_too_short_are_left_out(tmp_path: Path, mirrors: Path, demo: Demo):
    demo.commit(
        **{
            "wavs/gt/broken.wav": b"RIFF????WAVEnothing",
            "wavs/gt/text.mp3": b"version https://git-lfs.github.com/spec/v1",
            "wavs/gt/short.wav": clip(1, seconds=0.2),
            "wavs/gt/good.wav": clip(2),
        }
    )

    assert [row.path for row in collected(tmp_path, mirrors)] == ["wavs/gt/good.wav"]


def test_a_system_gives_at_most_sixty_clips(tmp_path: Path, mirrors: Path, demo: Demo):
    demo.commit(**{f"wavs/ours/{n}.wav": clip(n, seconds=0.6) for n in range(62)})
    demo.commit(**{f"wavs/bark/{n}.wav": clip(n + 100, seconds=0.6) for n in range(3)})

    counts = Counter(row.system for row in collected(tmp_path, mirrors))

    assert counts == {"styletts2": 60, "bark": 3}


def test_a_repository_without_a_mirror_is_named_in_the_log(
    tmp_path: Path, mirrors: Path, caplog: pytest.LogCaptureFixture
):
    assert collected(tmp_path, mirrors) == []
    assert "someone/demo: no mirror" in caplog.text


def test_the_written_manifest_is_read_back_and_does_not_depend_on_the_time(
    tmp_path: Path, mirrors: Path, demo: Demo
):
    demo.commit(**{"wavs/gt/1.wav": clip(1), "wavs/ours/1.wav": clip(2)})
    rows = collected(tmp_path, mirrors)
    first, second = tmp_path / "first.csv.gz", tmp_path / "second.csv.gz"

    write_rows(rows, first)
    write_rows(rows, second)

    assert first.read_bytes() == second.read_bytes()
    clips = read_manifest(first)
    assert [(c.repo, c.sha, c.spoof, c.year) for c in clips] == [
        (row.repo, row.sha, row.label == "spoof", 2024) for row in rows
    ]
    header = gzip.decompress(first.read_bytes()).decode().splitlines()[0]
    assert header == (
        "split,label,repo,commit,found_in,path,sha,format,sample_rate,duration,system,kind,"
        "language,speaker,year,family,licence,provenance,non_commercial"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "bonafide"', 'kind = "real"', "real is not a kind"),
        ("year = 2024", "year = 2024\nyaer = 2025", "yaer"),
        ("wavs/gt/", "wavs/(gt/", "wavs/"),
        (', system = "xtts"', "", "names no system"),
        ('"someone/demo"', '"someone/demo"\nx = 1', "x"),
    ],
)
def test_a_description_with_a_mistake_is_refused(tmp_path: Path, old: str, new: str, message: str):
    with pytest.raises(ValueError, match=message):
        read_sources(described(tmp_path, DESCRIPTION.replace(old, new)))


def test_a_repository_that_is_described_twice_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="twice: someone/demo"):
        read_sources(described(tmp_path, DESCRIPTION * 2))


def test_a_rule_can_say_who_speaks_in_all_its_clips(tmp_path: Path):
    rule = """
[[repository]]
repo = "a/b"
year = 2024
language = "en"
clips = [{ path = "en/", kind = "bonafide", speaker = "Ann" }]
"""
    source = read_sources(described(tmp_path, rule))[0]

    what = describe(source, "en/1.wav")

    assert what is not None
    assert what.speaker == "Ann"


def test_a_system_without_a_family_is_refused_by_name(tmp_path: Path):
    text = DESCRIPTION.replace('"styletts2"', '"nobody-knows-tts"')
    source = read_sources(described(tmp_path, text))[0]

    with pytest.raises(ValueError, match="nobody-knows-tts"):
        describe(source, "wavs/ours/1.wav")


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("samples/LJ001-0002.wav", "LJ"),
        ("p225_002_mic2.wav", "VCTK_p225"),
        ("8455-210777-0000.flac", "LS8455"),
        ("1089_134686_000009_000000.wav", "LS1089"),
        ("20240101_120000.wav", ""),
        ("one.wav", ""),
    ],
)
def test_speakers_of_widespread_corpora_are_read_from_file_names(name: str, speaker: str):
    assert corpus_speaker(name) == speaker


def test_the_listing_gives_a_blob_under_each_of_its_paths(mirrors: Path, demo: Demo):
    demo.commit(**{"a/1.wav": clip(1), "b/ä 1.wav": clip(1)})
    git = git_directory(mirrors, "someone/demo")
    assert git is not None

    listed = audio_blobs(git)

    assert [blob.path for blob in listed] == ["a/1.wav", "b/ä 1.wav"]
    assert len({blob.sha for blob in listed}) == 1


def test_the_shipped_description_and_manifest_agree():
    here = Path(__file__).parents[3] / "training"
    sources = {source.repo: source for source in read_sources(here / "collect" / "sources.toml")}
    excluded = set((here / "collect" / "excluded.txt").read_text("utf-8").split())
    clips = read_manifest(here / "data" / "collected.csv.gz")

    assert {clip.repo for clip in clips} <= set(sources)
    assert not excluded & {clip.sha for clip in clips}
    assert len({clip.sha for clip in clips}) == len(clips)
    assert all(family(clip.system) for clip in clips if clip.spoof)
    for one in clips:
        what = describe(sources[one.repo], one.path)
        assert what is not None
        assert (what.label, what.system) == (one.label, one.system)
