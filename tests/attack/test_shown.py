"""A number that stands in an answer is the other organization's, unless it is a part of something else."""

import pytest

from domain.testing.attack.running import find_any_of

VICTIMS = "0197f3c2-6d1e-7c3a-9a54-3f2b8c1d0e9f"


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("id=5501)", ["5501"]),
        ("['5501', quay-5501]", ["5501", "5501"]),
        ("15501 55012", []),
        ("a5501cde-5501-4550-8550-15501a5501bc", []),
        (f"deletion_id={VICTIMS}, id=5501", [VICTIMS, "5501"]),
    ],
)
def test_a_number_within_a_uuid_or_a_longer_one_is_none(shown: str, found: list[str]) -> None:
    assert find_any_of({"5501", VICTIMS})(shown) == found
