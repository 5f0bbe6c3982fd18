import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.accounts.keys import generate_key, public_prefix


def test_a_key_is_the_vendor_prefix_then_eight_and_forty_three_characters() -> None:
    assert re.fullmatch(r"vvx_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", generate_key())


def test_a_thousand_keys_all_differ() -> None:
    assert len({generate_key() for _ in range(1000)}) == 1000


def test_the_public_prefix_is_read_back_from_a_key() -> None:
    key = generate_key()
    assert public_prefix(key) == key[4:12]


@pytest.mark.parametrize("change", [lambda k: k[:-1], lambda k: k + "\n", str.upper, lambda k: "x"])
def test_a_malformed_key_has_no_prefix(change) -> None:
    assert public_prefix(change(generate_key())) is None


@given(st.text())
def test_any_text_is_parsed_without_an_error(text: str) -> None:
    assert public_prefix(text) is None or len(public_prefix(text) or "") == 8
