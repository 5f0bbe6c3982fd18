from pathlib import Path

import numpy as np
import pytest

from training.crossval import (
    FOLDS,
    HELD_OUT,
    KEPT_FROM_TUNING,
    cross_validate,
    deal,
    heard,
    leave_family_out,
    unheard,
    unrelated,
)
from training.features import Example, Features
from training.heads import HeadOptions, fit_head, predict, sampling_weights
from training.manifest import Clip
from training.systems import MODERN_FAMILIES, modern_family

OPTIONS = HeadOptions(
    layers=(0,), statistics=(0, 1), hidden=0, dropout=0.0, epochs=20, learning_rate=0.1, batch=64
)


def clip(
    repo: str, system: str = "", speaker: str = "", sha: str = "0" * 40, pair: str = ""
) -> Clip:
    label = "spoof" if system else "bonafide"
    return Clip("train", label, repo, sha, "a.wav", system, "", "en", speaker, 2024, pair=pair)


CLIPS = [
    *(clip(f"demo/{index}", f"system {index}") for index in range(12) for _ in range(index + 1)),
    *(clip(f"voices/{index}") for index in range(9) for _ in range(5)),
]


@pytest.fixture
def separable() -> Features:
    """Spoofs by modern systems and bona fide speech, told apart by the first feature."""
    systems = ("VALL-E", "f5-tts", "styletts2", "azure-tts", "grad-stylespeech", "freevc")
    clips = [
        *(clip(f"demo/{i}", systems[i % len(systems)]) for i in range(12) for _ in range(6)),
        *(clip(f"voices/{index}") for index in range(10) for _ in range(8)),
    ]
    examples = [Example(c, variant) for c in clips for variant in (0, 1)]
    values = np.random.default_rng(1).standard_normal((len(examples), 1, 2, 4))
    values[:, 0, 0, 0] += [4.0 if example.clip.spoof else -4.0 for example in examples]
    return Features(examples, values.astype(np.float16))


def test_a_repository_is_in_one_fold_and_every_fold_has_both_kinds():
    folds = deal(CLIPS)

    assert set(folds) == {c.repo for c in CLIPS}
    for spoof in (False, True):
        assert {folds[c.repo] for c in CLIPS if c.spoof is spoof} == set(range(FOLDS))


def test_what_no_shipped_view_has_heard_is_one_fold_however_the_list_grows():
    kept = clip(min(KEPT_FROM_TUNING))

    folds = deal([*CLIPS, kept])

    assert folds[kept.repo] == HELD_OUT
    assert {folds[c.repo] for c in CLIPS} == set(range(FOLDS)) - {HELD_OUT}


def test_what_shares_a_modern_system_or_a_speaker_with_the_held_out_is_not_trained_on():
    clips = [
        clip("a/held-out", "VALL-E(DAC)", "Ann"),
        clip("b/same-system", "vall-e", "Bob"),
        clip("c/same-speaker", "", "Ann"),
        clip("d/other", "f5-tts", "Cid"),
        clip("e/unnamed"),
        clip("synthesis/copies", "copy:world", pair="original"),
        clip("f/held-out", sha="original"),
    ]
    held_out = np.array([True, False, False, False, False, False, True])

    kept = unrelated(clips, held_out)

    assert kept.tolist() == [False, False, False, True, True, False, False]


def test_a_fine_tuned_view_hears_what_is_common_and_is_not_judged_by_it():
    kept = min(KEPT_FROM_TUNING)
    rare = [clip(kept, "Marco-Voice", "Ann", f"rare {i}") for i in range(2)]
    common = [clip(kept, "XTTS_v2", "", "common"), clip(kept, "", "LJ", "voice")]
    elsewhere = [
        *(clip("a/page", "xtts_v2", "", f"known {i}") for i in range(2)),
        *(clip("b/voice", "", "LJ", f"LJ {i}") for i in range(2)),
    ]
    related = [clip("c/page", "marco-voice"), clip("d/voice", "", "Ann")]
    clips = [*rare, *common, *elsewhere, *related]

    hears = heard(clips)

    assert [c for c, hear in zip(clips, hears, strict=True) if hear] == elsewhere
    assert unheard(clips, clips) == rare


def test_what_we_synthesised_is_never_held_out():
    own = clip("synthesis/kokoro", "kokoro:mix1")

    assert own.repo not in deal([*CLIPS, own])


def test_separable_classes_are_told_apart_in_repositories_never_seen(separable: Features):
    validation = cross_validate(separable, OPTIONS)

    assert validation.eer < 0.05
    assert validation.eer_augmented < 0.05
    assert len(validation.heads) == FOLDS


def test_a_left_out_family_is_judged_against_all_bona_fide_speech(
    separable: Features, tmp_path: Path
):
    by_family = leave_family_out(separable, OPTIONS, tmp_path)

    assert set(by_family) == set(MODERN_FAMILIES)
    judged = ~np.isnan(by_family["commercial"])
    assert {e.clip.system for e, j in zip(separable.examples, judged, strict=True) if j} == {
        "",
        "azure-tts",
    }


def test_training_a_head_twice_gives_the_same_logits(separable: Features):
    clips = [example.clip for example in separable.examples]

    first, second = (
        predict([fit_head(separable.values, clips, OPTIONS, seed=5)], separable.values, OPTIONS)
        for _ in range(2)
    )

    assert np.array_equal(first, second)
    assert first[[c.spoof for c in clips]].mean() > 0 > first[[not c.spoof for c in clips]].mean()


def test_both_classes_weigh_the_same():
    weights = sampling_weights(CLIPS, balance=0.7)

    spoof = sum(w for w, c in zip(weights, CLIPS, strict=True) if c.spoof)
    assert abs(spoof - 0.5) < 1e-9


def test_full_balance_gives_every_system_the_same_weight():
    weights = sampling_weights(CLIPS, balance=1.0)

    by_system: dict[str, float] = {}
    for weight, one in zip(weights, CLIPS, strict=True):
        if one.spoof:
            by_system[one.system] = by_system.get(one.system, 0.0) + weight
    assert max(by_system.values()) - min(by_system.values()) < 1e-9


@pytest.mark.parametrize(
    ("system", "family"),
    [
        ("valle(encodec)", "codec language model"),
        ("F5-TTS", "flow matching"),
        ("StyleTTS2", "adversarial"),
        ("gemini-tts", "commercial"),
        ("kokoro:mix3", "adversarial"),
        ("WaveNet", None),
        ("", None),
    ],
)
def test_spellings_and_variants_of_a_system_are_of_one_family(system: str, family: str | None):
    assert modern_family(system) == family
