from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.webhooks.delivery import DELIVERED_WITHIN, wait_after


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (1000, 3600)]
)
def test_the_pause_doubles_up_to_an_hour(attempts: int, seconds: float):
    assert wait_after(attempts, 0.5) == timedelta(seconds=seconds)


@given(attempts=st.integers(1, 100), chance=st.floats(0.0, 1.0))
def test_chance_moves_the_pause_by_a_fifth_at_most(attempts: int, chance: float):
    middle = wait_after(attempts, 0.5)

    assert 0.79 * middle <= wait_after(attempts, chance) <= 1.21 * middle


def test_a_day_holds_some_thirty_attempts():
    passed, attempts = timedelta(0), 0
    while passed < DELIVERED_WITHIN:
        attempts += 1
        passed += wait_after(attempts, 0.5)

    assert 25 <= attempts <= 40
