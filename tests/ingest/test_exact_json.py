"""The digest of a release does not depend on how its numbers and keys are written."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.ingest.exact_json import canonical

NUMBERS = st.integers(-(10**25), 10**25) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text() | st.sampled_from(["1.0,", "2e+5", ".0}"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def number(digits: str) -> int | float:
    value = Decimal(digits)
    return int(value) if value == value.to_integral_value() else float(digits)


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4))
def test_whole_numbers_are_written_alike_wherever_they_stand(content: dict[str, JsonValue]) -> None:
    same = json.loads(json.dumps(content), parse_float=number)
    assert canonical(content) == json.dumps(same, sort_keys=True, separators=(",", ":"))
