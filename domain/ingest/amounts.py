"""Amounts of money, exact."""

import re
from decimal import Decimal, InvalidOperation
from typing import cast

from pydantic import JsonValue

from ..kit.model.fields import rounded
from ..kit.model.types import Money
from ..tenders.model import Tender

VALUE = cast(Money, Tender.__table__.c.estimated_value.type)
_rounded = rounded(precision=VALUE.precision, scale=VALUE.scale)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_LONGEST = 500
_CURRENCY = re.compile(r"[A-Z]{3}")


def amount(value: JsonValue) -> Decimal | None:
    """A number, or a text that is one, rounded half-even to 4 decimals.

    None for booleans, null, other text ("1,000" may be one or a thousand), negative numbers, and what a tender's
    estimated value can't hold: more than 16 digits before the point.
    """
    try:
        written = str(value).strip() if isinstance(value, int | float | str) else ""
        if len(written) > _LONGEST or not _NUMBER.fullmatch(written):
            return None
        number = Decimal(written)
        return _rounded(number) if number >= 0 else None
    except (ValueError, InvalidOperation):  # too many digits, or an exponent beyond what Decimal holds
        return None


def currency(value: JsonValue) -> str | None:
    """Three capital letters, else None."""
    written = value.strip() if isinstance(value, str) else ""
    return written if _CURRENCY.fullmatch(written) else None
