"""Amounts of money, exact."""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from pydantic import JsonValue

_STEP = Decimal("0.0001")
_LIMIT = Decimal(10) ** 16
_WIDE = Context(prec=60)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_LONGEST = 500
_CURRENCY = re.compile(r"[A-Z]{3}")


def amount(value: JsonValue) -> Decimal | None:
    """A number, or a text that is one, rounded half-even to 4 decimals.

    None for booleans, null, other text ("1,000" may be one or a thousand), negative and non-finite numbers,
    and for more than 16 digits before the point: NUMERIC(20, 4) can't hold them.
    """
    number = _decimal(value)
    if number is None or not number.is_finite() or not 0 <= number < _LIMIT:
        return None
    rounded = number.quantize(_STEP, ROUND_HALF_EVEN, _WIDE).copy_abs()  # no "-0"
    return rounded if rounded < _LIMIT else None


def currency(value: JsonValue) -> str | None:
    """Three capital letters, else None."""
    written = value.strip() if isinstance(value, str) else ""
    return written if _CURRENCY.fullmatch(written) else None


def _decimal(value: JsonValue) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    written = repr(value) if isinstance(value, float) else value.strip() if isinstance(value, str) else ""
    if len(written) > _LONGEST or not _NUMBER.fullmatch(written):
        return None
    try:
        return Decimal(written)
    except InvalidOperation:
        return None  # an exponent beyond what Decimal holds
