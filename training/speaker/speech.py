"""The speech in a clip, found as in serving."""

from veravox.audio.activity import SPEECH_PROBABILITY, SpeechActivity
from veravox.audio.canonical import SAMPLE_RATE, Samples, level
from veravox.audio.quality import QualityMeter
from veravox.audio.recording import Quality
from veravox.speaker.speech import spoken


class SpeechOnly:
    """Takes the pauses out of canonical audio."""

    def __init__(self) -> None:
        """Loads the shipped speech-activity model."""
        self._activity = SpeechActivity()

    def measured(self, samples: Samples) -> tuple[Samples, Quality]:
        """All speech, levelled, and the quality of the audio that it comes from."""
        flags = self._activity.probabilities(samples) >= SPEECH_PROBABILITY
        meter = QualityMeter()
        meter.push(samples, flags)
        kept = spoken(samples, flags) if flags.any() else samples
        return level(kept), meter.result(0.0)

    def __call__(self, samples: Samples, longest: float = 60.0) -> Samples:
        """Speech of at most `longest` seconds, levelled; the clip as it is where none is found."""
        flags = self._activity.probabilities(samples) >= SPEECH_PROBABILITY
        kept = spoken(samples, flags) if flags.any() else samples
        return level(kept[: round(longest * SAMPLE_RATE)])
