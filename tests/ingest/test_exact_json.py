"""The digest of a release does not depend on how its numbers and keys are written, and parsing loses nothing."""

import json
import random
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.ingest.exact_json import canonical, parsed, written

NUMBERS = st.integers(-(10**25), 10**25) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text() | st.sampled_from(["1.0,", "2e+5", ".0}", "\ud800", "\x00"])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)


def number(digits: str) -> int | float:
    value = Decimal(digits)
    return int(value) if value == value.to_integral_value() else float(digits)


def shuffled(value: JsonValue, chance: random.Random) -> JsonValue:
    if isinstance(value, dict):
        keys = sorted(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(each, chance) for each in value] if isinstance(value, list) else value


@given(OBJECTS, st.randoms(use_true_random=False))
def test_equal_contents_have_the_same_canonical_form_however_they_are_written(
    content: dict[str, JsonValue], chance: random.Random
) -> None:
    other = shuffled(json.loads(json.dumps(content), parse_float=number), chance)
    assert isinstance(other, dict)
    assert canonical(other) == canonical(content)


@given(OBJECTS)
def test_the_canonical_form_has_the_whole_content(content: dict[str, JsonValue]) -> None:
    assert json.loads(canonical(content)) == json.loads(json.dumps(content), parse_float=number)


@given(OBJECTS)
def test_a_content_is_parsed_as_it_was_written(content: dict[str, JsonValue]) -> None:
    again, _ = parsed(written(content).encode())
    assert repr(again) == repr(content)


@given(OBJECTS, st.booleans())
def test_json_is_parsed_as_the_standard_library_parses_it(content: dict[str, JsonValue], in_ascii: bool) -> None:
    data = json.dumps(content, ensure_ascii=in_ascii).encode("utf-8", "backslashreplace")
    assert repr(parsed(data)[0]) == repr(json.loads(data))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None), st.booleans())
@example(Decimal("0.1234567890123456789"), False)
@example(Decimal("12345678901234567.25"), False)
@example(Decimal("123456789012345678901234567890"), False)
@example(Decimal("1E+400"), False)
@example(Decimal("-1E-7"), True)
def test_no_digit_of_a_number_is_lost(value: Decimal, capital: bool) -> None:
    digits = str(value) if capital else str(value).lower()
    found, _ = parsed(digits.encode())
    assert isinstance(found, int | float | str)
    assert Decimal(repr(found) if isinstance(found, float) else found) == value


@pytest.mark.parametrize("data", ["[NaN]", "[Infinity, -Infinity]"])
def test_what_is_no_number_in_json_is_kept_as_text(data: str) -> None:
    assert parsed(data.encode())[0] == data.strip("[]").split(", ")
