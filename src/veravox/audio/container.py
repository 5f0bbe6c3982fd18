"""What a container says about itself. Runs in the decoder process only: media is hostile."""

from collections.abc import Iterable, Iterator
from itertools import islice

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from veravox.audio.recording import ContainerFacts

MOST_STREAMS = 16
MOST_TAGS = 16
LONGEST_NAME = 60
LONGEST_VALUE = 200


def container_facts(media: InputContainer, stream: AudioStream) -> ContainerFacts:
    """The claims of an opened file and of the audio stream that was chosen from it."""
    context = stream.codec_context
    sample_format = context.format
    tags = [*media.metadata.items(), *((f"stream {k}", v) for k, v in stream.metadata.items())]
    return ContainerFacts(
        format=_plain(media.format.long_name, LONGEST_NAME),
        seconds=None if media.duration is None else round(media.duration / av.time_base, 3),
        bit_rate=media.bit_rate or None,
        sample_format=sample_format.name if sample_format else "",
        layout=context.layout.name,
        streams=tuple(_streams(media)),
        tags=tuple(_tags(tags)),
    )


def _streams(media: InputContainer) -> Iterator[str]:
    for stream in islice(media.streams, MOST_STREAMS):
        codec = stream.codec_context
        yield f"{stream.type}: {codec.name}" if codec else stream.type


def _tags(tags: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in islice(tags, MOST_TAGS):
        yield _plain(name, LONGEST_NAME), _plain(value, LONGEST_VALUE)


def _plain(text: str, longest: int) -> str:
    """`text` on one line, cut to `longest` characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: longest + 1])
    return printable if len(printable) <= longest else printable[: longest - 1] + "\u2026"
