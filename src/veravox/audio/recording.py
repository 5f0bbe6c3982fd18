"""What is known about a recording apart from its samples."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What a container says about itself and the audio stream that was chosen from it.

    These are claims of the file; the audio need not bear them out. `format`: the container's
    name in words. `seconds`, `bit_rate` (bits a second, of the whole file): None where it does not
    say. `sample_format`, `layout`: of the decoded audio, in FFmpeg's words. `streams`: kind and
    codec of each stream, in order, such as ``"audio: aac"``. `tags`: names and values, printable
    and of bounded length.
    """

    format: str
    seconds: float | None
    bit_rate: int | None
    sample_format: str
    layout: str
    streams: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """The container and the audio stream that was chosen from it, before canonicalisation.

    `facts` are None for recordings that were analysed before they were kept.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    facts: ContainerFacts | None = None


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
