"""Cursors: places in a listing, as opaque texts that fit into a URL."""

import base64
from collections.abc import Hashable
from typing import Annotated, Any, TypeAlias
from zlib import crc32

from pydantic import AfterValidator, TypeAdapter, ValidationError
from sqlalchemy import inspect

from ...errors import ArgumentError
from .order import Order

Place: TypeAlias = tuple[Any, int]
"""A row's value in the column of the order, and its id."""

_LONGEST = 8_000
_ID_MAX = 2**63 - 1
_SUM = 4  # bytes: of the listing and the place, so that another's is refused, and what was cut


def _fits(number: Any) -> Any:
    if isinstance(number, int) and not -(2**63) <= number < 2**63:
        raise ValueError("is beyond 64 bits")
    return number


class Cursors:
    """The cursors of one listing: of a model in an order. Of conditions they know nothing: a place is one in any."""

    def __init__(self, model: type[Any], order: Order) -> None:
        self._listing = model.__tablename__
        self._step = 1 if order.is_descending else -1
        self._sum = crc32(f"{self._listing} {order}".encode())
        value: Any = Annotated[_type_of(model, order.field), AfterValidator(_fits)]
        place: Any = tuple[value, Annotated[int, AfterValidator(_fits)]]
        self._place: TypeAdapter[Place] = TypeAdapter(place)

    def encode(self, place: Place) -> str:
        """The cursor of a place."""
        written = self._place.dump_json(place)
        return base64.urlsafe_b64encode(crc32(written, self._sum).to_bytes(_SUM) + written).decode().rstrip("=")

    def decode(self, cursor: str) -> Place:
        """The place that a cursor stands for. Raises ArgumentError for one of another listing, or a broken one.

        The sum tells mistakes, and no forgery: a forged cursor is a place to begin at, and shows nothing more.
        """
        try:
            if len(cursor) > _LONGEST:
                raise ValueError
            padded = cursor + "=" * (-len(cursor) % 4)
            place = self._place.validate_json(base64.b64decode(padded, altchars=b"-_", validate=True)[_SUM:])
            if self.encode(place) != cursor:
                raise ValueError
        except (TypeError, ValueError, ValidationError):
            said = f"this cursor is not one that a page of {self._listing} in this order gave out; start without one"
            raise ArgumentError(said) from None
        return place

    def around(self, place: Place | None) -> tuple[Place, Place]:
        """The places before and after a row, for the way back from an empty page: it begins with the row."""
        value, row_id = place or (None, 0)
        first, last = max(row_id - self._step, -_ID_MAX), min(row_id + self._step, _ID_MAX)
        return (value, first), (value, last)


def _type_of(model: Any, field: str) -> Any:
    given = model.model_fields[field]
    metadata = [part for part in given.metadata if isinstance(part, Hashable)]  # not SQLModel's, of the column
    kind: Any = Annotated[given.annotation, *metadata] if metadata else given.annotation
    return kind | None if inspect(model).columns[field].nullable else kind
