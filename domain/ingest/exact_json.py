"""JSON without a loss: parsing with exact numbers, and the digest that identifies a release.

``orjson`` does the work wherever it is exact; what it refuses, or would round, ``JsonStream`` reads.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from io import BytesIO

import orjson
from pydantic import JsonValue

from .json_stream import JsonStream


def parsed(data: bytes) -> tuple[JsonValue, bool]:
    """The JSON value in ``data``, and whether some of it was not UTF-8, and read as Windows-1252.

    A float is kept only where it is exact; else the digits are kept as text, as are NaN and Infinity.

    Raises:
        UnreadableError: it is no JSON, or more than one document.
    """
    if not _may_round(data):
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(data), False
    stream = JsonStream(BytesIO(data).read)
    value = stream.value()
    if stream.peek():
        raise stream.unreadable("Extra data")
    return value, stream.repaired


def written(value: JsonValue) -> str:
    """``value`` as JSON."""
    return _dumped(value).decode()


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


def _dumped(value: object, *, sort_keys: bool = False) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else None)
    except TypeError:  # half a surrogate pair, or a number of more than 64 bits
        return json.dumps(value, sort_keys=sort_keys, separators=(",", ":")).encode()


# Digits, points and signs as 0, an E as e.
_SHAPE = bytes.maketrans(b"123456789.+-E", b"000000000000e")
_LONG = b"0" * 17  # a float keeps every number of up to 15 digits; there may be a sign and a point
_EXPONENT = b"0e0"
_POINT_ZERO = re.compile(rb"\.0[,}\]]")


def _canonical_number(digits: str) -> int | float:
    value = Decimal(digits)
    return int(value) if value == value.to_integral_value() else float(digits)
