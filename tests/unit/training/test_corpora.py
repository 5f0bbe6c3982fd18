import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.audio_factory import encode, speech
from training.corpora import Corpus, build_corpus
from training.manifest import Clip, check_reserved

RATE = 16_000


@pytest.fixture
def mirrors(tmp_path: Path) -> Path:
    return tmp_path / "mirrors"


def committed(mirrors: Path, repo: str, content: bytes) -> str:
    git = mirrors / repo.replace("/", "+") / "repo"
    subprocess.run(["git", "init", "--quiet", "--bare", git], check=True)
    stored = subprocess.run(
        ["git", "--git-dir", git, "hash-object", "-w", "--stdin"],
        input=content,
        capture_output=True,
        check=True,
    )
    return stored.stdout.decode().strip()


def clip(sha: str, repo: str = "someone/demo") -> Clip:
    return Clip("train", "bonafide", repo, sha, "a.wav", "", "", "en", "s", 2024)


def built(clips: list[Clip], mirrors: Path) -> Corpus:
    return build_corpus(clips, mirrors, mirrors.parent / "cache", processes=1)


def test_a_clip_keeps_its_shape_and_length(mirrors: Path):
    voice = speech(2.0, RATE)
    one = clip(committed(mirrors, "someone/demo", encode(voice, RATE)))

    corpus = built([one], mirrors)

    assert corpus.seconds(one) == pytest.approx(2.0, abs=0.01)
    kept = corpus.samples(one)
    assert np.corrcoef(kept, np.ravel(voice)[: kept.size])[0, 1] > 0.99


def test_a_clip_that_does_not_decode_is_left_out(mirrors: Path):
    good = clip(committed(mirrors, "someone/demo", encode(speech(2.0, RATE), RATE)))
    broken = clip(committed(mirrors, "someone/demo", b"not audio at all"))

    corpus = built([good, broken], mirrors)

    assert good in corpus
    assert broken not in corpus


def test_a_repository_without_a_mirror_is_left_out(mirrors: Path):
    absent = replace(clip("0" * 40), repo="nobody/nothing")

    assert absent not in built([absent], mirrors)


def test_what_was_decoded_is_not_decoded_again(mirrors: Path):
    one = clip(committed(mirrors, "someone/demo", encode(speech(2.0, RATE), RATE)))
    built([one], mirrors)
    subprocess.run(["rm", "-r", mirrors], check=True)

    assert one in built([one], mirrors)


def test_a_repository_that_is_reserved_for_the_final_test_is_refused(tmp_path: Path):
    reserved = tmp_path / "reserved.txt"
    reserved.write_text("someone/else\nsomeone/demo\n")

    with pytest.raises(ValueError, match="someone/demo"):
        check_reserved([clip("0" * 40)], reserved)
    check_reserved([clip("0" * 40, "a/free")], reserved)
