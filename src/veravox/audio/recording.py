"""What is known about a recording apart from its samples."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """The container and the audio stream that was chosen from it, before canonicalisation."""

    container: str
    codec: str
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Quality:
    """Facts that decide whether a recording can carry a verdict.

    `snr_db`: speech level over noise-floor level; None without speech. `clipping_ratio`: share of
    decoded samples at full scale, 0..1. `bandwidth_hz`: highest frequency that carries energy.
    `level_dbfs`: RMS over the speech. `net_speech`: seconds of speech.
    """

    snr_db: float | None
    clipping_ratio: float
    bandwidth_hz: float
    level_dbfs: float
    net_speech: float
