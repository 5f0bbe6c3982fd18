import io
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio_factory import encode, noise, silence, speech
from tests.stream_factory import (
    TELEPHONE_RATE,
    frames,
    install_hearing,
    packets,
    spliced,
    telephone,
)
from veravox.analysis import Analyser, Analysis, AnalysisOptions, open_analyser
from veravox.audio.activity import SpeechActivity
from veravox.audio.canonical import Samples
from veravox.audio.frames import AudioFrame, Codec
from veravox.audio.windows import Tail
from veravox.detection.card import ModelCard
from veravox.detection.detector import Detector, WindowScore
from veravox.detection.verdict import Reason, Result
from veravox.errors import AudioTooShort, InvalidRequest
from veravox.stream_analysis import (
    StreamAnalysis,
    StreamConclusion,
    StreamOptions,
    StreamWindow,
)

VOICE = speech(21.0, TELEPHONE_RATE)
PAYLOAD = telephone(VOICE)
RATE = 16_000


@pytest.fixture(scope="module")
def analyser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analyser]:
    models = tmp_path_factory.mktemp("models")
    install_hearing(models)
    with open_analyser(models) as analyser:
        yield analyser


def begin(analyser: Analyser, options: StreamOptions | None = None) -> StreamAnalysis:
    return StreamAnalysis(analyser.models.resolve(), analyser.activity, options or StreamOptions())


def hear(
    analyser: Analyser, sent: list[AudioFrame], options: StreamOptions | None = None
) -> tuple[list[StreamWindow], StreamConclusion]:
    """All windows of a stream, in order, and its conclusion."""
    stream = begin(analyser, options)
    heard = [window for frame in sent for window in stream.push([frame])]
    concluded = stream.finish()
    return [*heard, *concluded.windows], concluded


def spans(windows: list[StreamWindow]) -> list[tuple[float, float]]:
    return [(round(w.segment.start, 3), round(w.segment.end, 3)) for w in windows]


def file_of(seconds: float) -> bytes:
    return encode(VOICE[:, : round(seconds * TELEPHONE_RATE)], TELEPHONE_RATE, "wav-mulaw")


def assert_same(streamed: Analysis | None, of_file: Analysis):
    assert streamed is not None
    assert streamed.segments == of_file.segments
    assert streamed.verdict == of_file.verdict
    assert streamed.quality == of_file.quality
    assert streamed.duration == of_file.duration
    assert streamed.warnings == of_file.warnings
    assert streamed.generator == of_file.generator
    assert streamed.calibration == of_file.calibration


@settings(max_examples=12)
@given(seconds=st.sampled_from((4.0, 10.0, 10.4, 13.7)), size=st.integers(40, 9_000))
def test_a_stream_is_judged_as_a_file_of_the_same_audio(
    analyser: Analyser, seconds: float, size: int
):
    of_file = analyser.analyse(io.BytesIO(file_of(seconds)), AnalysisOptions())

    _, concluded = hear(analyser, frames(PAYLOAD[: round(seconds * TELEPHONE_RATE)], size))

    assert_same(concluded.analysis, of_file)


@settings(max_examples=12)
@given(
    seconds=st.sampled_from((15.4, 20.0, 20.4, 23.0)),
    first=st.sampled_from((4.0, 5.0, 8.5, 10.0)),
    length=st.sampled_from((3.0, 5.0, 7.0)),
    size=st.integers(160, 9_000),
)
def test_a_splice_in_a_stream_is_found_as_in_a_file(
    analyser: Analyser, seconds: float, first: float, length: float, size: int
):
    sound = spliced(seconds, first, first + length)
    of_file = analyser.analyse(io.BytesIO(encode(sound, RATE, "wav-mulaw")))

    _, concluded = hear(analyser, frames(telephone(sound, RATE), size, sample_rate=RATE))

    assert_same(concluded.analysis, of_file)


def test_one_suspicious_window_is_looked_at_closer_as_soon_as_the_next_one_came(
    analyser: Analyser,
):
    call = telephone(spliced(20.0, 5.0, 10.0), RATE)

    windows, concluded = hear(analyser, frames(call, 320, sample_rate=RATE))

    assert concluded.analysis is not None
    assert concluded.analysis.verdict.result is Result.PARTIALLY_SPOOFED
    assert [s.halfway is not None for s in concluded.analysis.segments] == [
        *(False, True, False, False),
    ]
    assert windows[-1].running is Result.PARTIALLY_SPOOFED


@pytest.mark.parametrize("seconds", [2.0, 2.99])
def test_a_stream_too_short_for_a_file_has_no_analysis_either(analyser: Analyser, seconds: float):
    with pytest.raises(AudioTooShort):
        analyser.analyse(io.BytesIO(file_of(seconds)))

    windows, concluded = hear(analyser, frames(PAYLOAD[: round(seconds * TELEPHONE_RATE)], 160))

    assert windows == []
    assert concluded.analysis is None
    assert concluded.seconds == pytest.approx(seconds)


def test_a_stream_is_long_enough_from_the_same_sample_on_as_a_file(analyser: Analyser):
    of_file = analyser.analyse(io.BytesIO(file_of(3.0)))

    _, concluded = hear(analyser, frames(PAYLOAD[: 3 * TELEPHONE_RATE], 160))

    assert_same(concluded.analysis, of_file)


@pytest.mark.parametrize(
    ("tail", "seconds", "expected"),
    [
        (Tail.RECOMPUTE, 10.4, [(0.0, 5.0), (5.0, 10.0), (5.4, 10.4)]),
        (Tail.EXTEND, 10.4, [(0.0, 5.0), (5.0, 10.0), (5.0, 10.4)]),
        (Tail.DROP, 10.4, [(0.0, 5.0), (5.0, 10.0)]),
        (Tail.DROP, 11.5, [(0.0, 5.0), (5.0, 10.0), (10.0, 11.5)]),
        (Tail.RECOMPUTE, 10.0, [(0.0, 5.0), (5.0, 10.0)]),
        (Tail.EXTEND, 0.5, []),
    ],
)
def test_the_end_of_a_stream_is_heard_as_was_asked(
    analyser: Analyser, tail: Tail, seconds: float, expected: list[tuple[float, float]]
):
    sent = frames(PAYLOAD[: round(seconds * TELEPHONE_RATE)], 800)

    windows, concluded = hear(analyser, sent, StreamOptions(tail=tail))

    assert spans(windows) == expected
    kept = () if concluded.analysis is None else concluded.analysis.segments
    assert len(kept) == len(expected) - sum(window.replaces for window in windows)


def test_the_interval_and_the_minimum_are_the_callers(analyser: Analyser):
    sent = frames(PAYLOAD[: 7 * TELEPHONE_RATE], 160)

    windows, _ = hear(analyser, sent, StreamOptions(interval=2.0, minimum=0.5))

    assert spans(windows) == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 7.0)]


def test_a_window_comes_as_soon_as_its_audio_does(analyser: Analyser):
    stream = begin(analyser)
    sent = frames(PAYLOAD, 160)

    came = next(i for i, frame in enumerate(sent) if stream.push([frame]))

    assert 250 <= came <= 265


def test_silence_is_not_scored_unless_every_window_is_wanted(analyser: Analyser):
    sent = frames(telephone(silence(5.0, TELEPHONE_RATE)), 160)

    (gated,), _ = hear(analyser, sent)
    (scored,), _ = hear(analyser, sent, StreamOptions(silence_threshold=None))

    assert gated.segment.spoof_llr is None
    assert gated.segment.reason is Reason.SILENCE
    assert scored.segment.spoof_llr is not None


def test_channels_are_mixed_by_their_mean_and_the_codec_may_change(analyser: Analyser):
    half = 5 * TELEPHONE_RATE
    stereo = np.concatenate((VOICE, VOICE))
    (linear,) = packets(stereo[:, half : 2 * half], TELEPHONE_RATE, Codec.S24LE)
    sent = [
        *frames(PAYLOAD[:half], 160),
        *frames(linear, 960, codec=Codec.S24LE, channels=2),
    ]

    windows, concluded = hear(analyser, sent)
    alone, _ = hear(analyser, frames(PAYLOAD[: 2 * half], 160))

    assert spans(windows) == spans(alone)
    assert concluded.seconds == pytest.approx(10.0)
    for mixed, mono in zip(windows, alone, strict=True):
        assert mixed.segment.spoof_llr == pytest.approx(mono.segment.spoof_llr, abs=0.2)


def test_a_change_of_the_sample_rate_loses_no_time(analyser: Analyser):
    (wide,) = packets(speech(5.0), 16_000, Codec.S16LE)
    sent = [
        *frames(PAYLOAD[: 5 * TELEPHONE_RATE], 160),
        *frames(wide, 640, codec=Codec.S16LE, sample_rate=16_000),
    ]

    windows, _ = hear(analyser, sent)

    assert spans(windows) == [(0.0, 5.0), (5.0, 10.0)]


def test_the_running_verdict_follows_the_call_but_does_not_flicker(analyser: Analyser):
    genuine, spoofed = speech(10.0), speech(20.0) + noise(20.0, rms=0.08)
    sent = frames(
        telephone(np.concatenate((genuine, spoofed), axis=1), RATE), 1_600, sample_rate=RATE
    )

    windows, _ = hear(analyser, sent)

    running = [window.running for window in windows]
    changes = [window.running for window in windows if window.changed]
    first_spoofed = next(i for i, w in enumerate(windows) if w.segment.result is Result.SPOOFED)
    assert running[0] is Result.BONAFIDE
    assert running[first_spoofed] is Result.BONAFIDE
    assert running[-1] is not Result.BONAFIDE
    assert changes[0] is Result.BONAFIDE
    assert 2 <= len(changes) <= 3


class Failing:
    """A detector whose model fails at one call, counted from 0."""

    def __init__(self, detector: Detector, failing: int) -> None:
        self._detector = detector
        self._left = failing

    @property
    def card(self) -> ModelCard:
        return self._detector.card

    def score(self, samples: Samples) -> float:
        return self.judge(samples).spoof_llr

    def judge(self, samples: Samples) -> WindowScore:
        self._left -= 1
        if self._left == -1:
            raise RuntimeError("out of memory")
        return self._detector.judge(samples)


def test_a_window_that_cannot_be_scored_does_not_end_the_stream(
    analyser: Analyser, caplog: pytest.LogCaptureFixture
):
    failing = Failing(analyser.models.resolve(), 0)
    stream = StreamAnalysis(failing, SpeechActivity(), StreamOptions())

    first, second = stream.push(frames(PAYLOAD[: 11 * TELEPHONE_RATE], 8_000))

    assert first.segment.reason is Reason.FAILED
    assert second.segment.result is Result.BONAFIDE
    assert "could not be scored" in caplog.text


def test_a_closer_look_that_fails_does_not_end_the_stream(
    analyser: Analyser, caplog: pytest.LogCaptureFixture
):
    failing = Failing(analyser.models.resolve(), 4)
    stream = StreamAnalysis(failing, SpeechActivity(), StreamOptions())
    call = telephone(spliced(20.0, 5.0, 10.0), RATE)

    windows = stream.push(frames(call, 8_000, sample_rate=RATE))
    concluded = stream.finish()

    assert len(windows) + len(concluded.windows) == 4
    assert concluded.analysis is not None
    assert concluded.analysis.segments[1].result is Result.SPOOFED
    assert concluded.analysis.segments[1].halfway is None
    assert "could not be looked at closer" in caplog.text


@pytest.mark.parametrize(
    "options",
    [
        {"interval": 0.9},
        {"interval": 5.1},
        {"interval": float("nan")},
        {"minimum": 0.0},
        {"interval": 2.0, "minimum": 3.0},
        {"silence_threshold": -1.0},
        {"silence_threshold": 101.0},
    ],
)
def test_options_outside_their_range_are_refused(options: dict[str, float]):
    with pytest.raises(InvalidRequest):
        StreamOptions(**options)


def test_a_stream_without_audio_has_no_analysis(analyser: Analyser):
    windows, concluded = hear(analyser, frames(b"", 1))

    assert windows == []
    assert concluded.analysis is None
    assert concluded.seconds == 0.0
