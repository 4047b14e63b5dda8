"""JSON without a loss: decoding, parsing with exact numbers, and the digest that identifies a release."""

import codecs
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue


class UnreadableError(Exception):
    """The bytes are no JSON; the message says why, in a few words."""


def parse(data: bytes) -> JsonValue:
    """The JSON value in ``data``: UTF-8 (a byte order mark is dropped), else ISO-8859-1.

    A float is kept only where it is exact; else the digits are kept as text, as are NaN and Infinity.

    Raises:
        UnreadableError: it is no JSON.
    """
    if not data.strip():
        raise UnreadableError("empty file")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableError("UTF-16 text: save it as UTF-8")
    read = _decoded(data)
    try:
        value: JsonValue = _DECODER.decode(read)
    except json.JSONDecodeError as error:
        if error.pos >= len(read.rstrip()) or error.msg.startswith("Unterminated string"):
            raise UnreadableError("incomplete JSON: it ends too early") from None
        raise UnreadableError(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise UnreadableError("JSON nested too deep") from None
    return value


def written(content: Mapping[str, JsonValue]) -> str:
    """``content`` as JSON in ASCII."""
    return json.dumps(content)


def canonical(content: Mapping[str, JsonValue]) -> str:
    """``content`` as JSON in ASCII with sorted keys; equal numbers are written alike (1.0 as 1)."""
    as_it_is = json.dumps(content, sort_keys=True, separators=(",", ":"))
    if not any(sign in as_it_is for sign in _MAYBE_WHOLE_FLOAT):
        return as_it_is
    same: JsonValue = json.loads(as_it_is, parse_float=_canonical_number, parse_constant=str)
    return json.dumps(same, sort_keys=True, separators=(",", ":"))


def digest(content: Mapping[str, JsonValue]) -> str:
    """SHA-256, in hex, of the canonical form: identifies a release as received."""
    return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("iso-8859-1")


def _exact_int(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return digits  # longer than Python converts


def _exact_float(digits: str) -> float | str:
    value = float(digits)
    try:
        return value if Decimal(repr(value)) == Decimal(digits) else digits
    except InvalidOperation:
        return digits  # an exponent beyond what Decimal holds


# strict=False: a raw tab or line break inside a text is common and does no harm.
_DECODER = json.JSONDecoder(parse_float=_exact_float, parse_int=_exact_int, parse_constant=str, strict=False)
# What stands in JSON without blanks wherever a float is written that equals a whole number: "1.0" and "1e+22".
_MAYBE_WHOLE_FLOAT = (".0,", ".0}", ".0]", "e+")


def _canonical_number(digits: str) -> int | float:
    value = Decimal(digits)
    return int(value) if value == value.to_integral_value() else float(digits)
