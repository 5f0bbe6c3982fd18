from collections.abc import Iterator

import pytest

from veravox.audio.activity import SpeechActivity
from veravox.audio.decode import DecoderPool


@pytest.fixture(scope="package")
def decoders() -> Iterator[DecoderPool]:
    with DecoderPool(1) as pool:
        pool.warm()
        yield pool


@pytest.fixture(scope="package")
def activity() -> SpeechActivity:
    return SpeechActivity()
