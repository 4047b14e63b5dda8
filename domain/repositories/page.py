"""Pages and their cursors."""

import base64
import struct
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar
from zlib import crc32

from pydantic import BaseModel, Field

from ..errors import ArgumentError

T = TypeVar("T")

MAX_LIMIT = 200
ID_MAX = 2**63 - 1

# What a cursor holds: its format, microseconds since 1970, id, and the listing, so that another's is refused.
# 21 bytes: base64 then has neither padding nor bits to spare.
_PLACE = struct.Struct(">BqqL")
_FORMAT, _LENGTH = 1, 28
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class Page(BaseModel, Generic[T]):
    """One page of a listing, newest first."""

    items: list[T] = Field(description="The rows of this page.")
    next_cursor: str | None = Field(
        default=None,
        description="Send it back as `after` for the next page; null on the last one.",
        examples=[None],
    )
    previous_cursor: str | None = Field(
        default=None,
        description="Send it back as `before` for the page before this one; null on the first one.",
        examples=[None],
    )
    total: int | None = Field(default=None, description="All rows of the listing, where it was asked for.")


def checked_limit(limit: int) -> int:
    """The limit. Raises ArgumentError outside 1..200."""
    if not 1 <= limit <= MAX_LIMIT:
        raise ArgumentError(f"limit must be from 1 to {MAX_LIMIT}, not {limit}")
    return limit


def checked_offset(offset: int) -> int:
    """The offset. Raises ArgumentError below 0."""
    if not 0 <= offset < 2**63:
        raise ArgumentError(f"offset must be 0 or more, not {offset}")
    return offset


def encode_cursor(listing: str, created_at: datetime, entity_id: int) -> str:
    """A place in a listing (the name of its table), as an opaque text: 28 characters, fit for a URL."""
    microseconds = (created_at - _EPOCH) // _MICROSECOND
    place = _PLACE.pack(_FORMAT, microseconds, entity_id, crc32(listing.encode()))
    return base64.urlsafe_b64encode(place).decode()


def decode_cursor(listing: str, cursor: str) -> tuple[datetime, int]:
    """The place that a cursor stands for. Raises ArgumentError for what no page of this listing gave out."""
    try:
        if len(cursor) != _LENGTH:
            raise ValueError
        place = base64.b64decode(cursor, altchars=b"-_", validate=True)
        written_as, microseconds, entity_id, listed = _PLACE.unpack(place)
        moment = _EPOCH + timedelta(microseconds=microseconds)
        if written_as != _FORMAT or listed != crc32(listing.encode()):
            raise ValueError
    except (ValueError, OverflowError, struct.error):
        raise ArgumentError(f"this cursor is not one that a page of {listing} gave out; start without one") from None
    return moment, entity_id
