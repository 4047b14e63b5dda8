"""How long ``run`` waits before it tries again."""

from hypothesis import given
from hypothesis import strategies as st

from domain.kit.database.units import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, pause


@given(st.integers(min_value=0, max_value=10**6))
def test_a_pause_has_a_limit_however_many_attempts_there_were(number: int) -> None:
    assert 0 <= pause(number) <= LONGEST_PAUSE_SECONDS


def test_pauses_are_random_and_their_limit_doubles() -> None:
    longest = [max(pause(number) for _ in range(2000)) for number in range(4)]
    assert all(0.9 < taken / (FIRST_PAUSE_SECONDS * 2**number) <= 1 for number, taken in enumerate(longest))
    assert len({pause(0) for _ in range(100)}) == 100
