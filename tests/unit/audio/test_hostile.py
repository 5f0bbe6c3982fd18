import io
import logging
import time

import numpy as np
import pytest

from tests.audio_factory import spoken_file
from tests.hostile import HOSTILE, HostileFile
from veravox.audio.canonical import SAMPLE_RATE
from veravox.audio.decode import DecoderPool
from veravox.errors import VeravoxError

LONGEST_SECONDS = 60.0


def _decode(decoders: DecoderPool, content: bytes) -> int:
    samples = 0
    with decoders.open(io.BytesIO(content)) as media:
        for block in media:
            assert np.isfinite(block).all()
            samples += block.size
    return samples


def _outcome(decoders: DecoderPool, content: bytes) -> VeravoxError | None:
    try:
        _decode(decoders, content)
    except VeravoxError as error:
        return error
    return None


@pytest.mark.timeout(2 * LONGEST_SECONDS)
@pytest.mark.parametrize("hostile", HOSTILE, ids=str)
def test_a_hostile_file_is_refused_or_decoded_and_the_next_file_is_served(
    decoders: DecoderPool, hostile: HostileFile, caplog: pytest.LogCaptureFixture
) -> None:
    content = hostile.make()
    started = time.monotonic()
    with caplog.at_level(logging.WARNING, "veravox"):
        error = _outcome(decoders, content)
    assert time.monotonic() - started < LONGEST_SECONDS
    assert hostile.decodes if error is None else isinstance(error, hostile.errors), repr(error)
    assert not caplog.records, "the decoder process should have survived this"
    assert _decode(decoders, spoken_file()) == 4 * SAMPLE_RATE
