"""JSON without a loss: decoding, parsing with exact numbers, and the digest that identifies a release.

``orjson`` does the work wherever it is exact; what it refuses, or would round, the standard library reads and writes.
"""

import codecs
import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import orjson
from pydantic import JsonValue


class UnreadableError(Exception):
    """The bytes are no JSON; the message says why, in a few words."""


def parse(data: bytes) -> JsonValue:
    """The JSON value in ``data``: UTF-8 (a byte order mark is dropped), else ISO-8859-1.

    A float is kept only where it is exact; else the digits are kept as text, as are NaN and Infinity.

    Raises:
        UnreadableError: it is no JSON.
    """
    if not _may_round(data):
        try:
            plain: JsonValue = orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
        else:
            return plain
    return _parse_slowly(data)


def written(content: Mapping[str, JsonValue]) -> str:
    """``content`` as JSON."""
    return _dumped(content).decode()


def canonical(content: Mapping[str, JsonValue]) -> bytes:
    """``content`` as JSON with sorted keys; equal numbers are written alike (1.0 as 1)."""
    as_it_is = _dumped(content, sort_keys=True)
    if not _may_be_whole(as_it_is):
        return as_it_is
    same: JsonValue = json.loads(as_it_is, parse_float=_canonical_number)
    return _dumped(same, sort_keys=True)


def digest(content: Mapping[str, JsonValue]) -> str:
    """SHA-256, in hex, of the canonical form: identifies a release as received."""
    return hashlib.sha256(canonical(content)).hexdigest()


def _may_round(data: bytes) -> bool:
    """True if a number may be more than a float, or 64 bits, can hold: long, or with an exponent."""
    shape = data.translate(_SHAPE)
    return _LONG in shape or _EXPONENT in shape


def _may_be_whole(data: bytes) -> bool:
    """True if a float may equal a whole number: "1.0" or "1e22"."""
    return _POINT_ZERO.search(data) is not None or _EXPONENT in data.translate(_SHAPE)


def _parse_slowly(data: bytes) -> JsonValue:
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


def _dumped(value: object, *, sort_keys: bool = False) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else None)
    except TypeError:  # half a surrogate pair, or a number of more than 64 bits
        return json.dumps(value, sort_keys=sort_keys, separators=(",", ":")).encode()


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

# Digits, points and signs as 0, an E as e.
_SHAPE = bytes.maketrans(b"123456789.+-E", b"000000000000e")
_LONG = b"0" * 17  # a float keeps every number of up to 15 digits; there may be a sign and a point
_EXPONENT = b"0e0"
_POINT_ZERO = re.compile(rb"\.0[,}\]]")


def _canonical_number(digits: str) -> int | float:
    value = Decimal(digits)
    return int(value) if value == value.to_integral_value() else float(digits)
