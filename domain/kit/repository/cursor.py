"""Pages and their cursors."""

import base64
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeAlias, TypeVar
from zlib import crc32

from pydantic import BaseModel, Field

from ...errors import ArgumentError

T = TypeVar("T")
Place: TypeAlias = tuple[datetime, int]
Read: TypeAlias = Callable[[Place | None, bool, int], Sequence[T]]
"""Finds so many rows after a place, newest first; if the flag is set, those just before it, oldest first."""

MAX_LIMIT = 200
ID_MAX = 2**63 - 1

# What a cursor holds: its format, microseconds since 1970, id, and the listing, so that another's is refused.
# 21 bytes: base64 then has neither padding nor bits to spare.
_PLACE = struct.Struct(">BqqL")
_FORMAT, _LENGTH = 1, 28
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_ANYWHERE = (datetime.max.replace(tzinfo=UTC), 0)


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


def keyset_page(
    listing: str, read: Read[T], place_of: Callable[[T], Place], after: str | None, before: str | None, limit: int
) -> Page[T]:
    """A page of what ``read`` finds. Raises ArgumentError for a limit outside 1..200, two cursors, or a wrong one."""
    if after is not None and before is not None:
        raise ArgumentError("a page is either after a cursor or before one: give one of the two")
    checked_limit(limit)
    is_before = before is not None
    cursor = before if is_before else after
    place = None if cursor is None else decode_cursor(listing, cursor)
    rows = read(place, is_before, limit + 1)
    items = [*reversed(rows[:limit])] if is_before else list(rows[:limit])
    # Nothing is beyond an empty page; the way back begins with the row at the cursor.
    moment, row_id = place or _ANYWHERE
    newest, oldest = (moment, max(row_id - 1, -ID_MAX)), (moment, min(row_id + 1, ID_MAX))
    if items:
        newest, oldest = place_of(items[0]), place_of(items[-1])
    more = len(rows) > limit
    is_older, is_newer = is_before or more, more if is_before else after is not None
    return Page(
        items=items,
        next_cursor=encode_cursor(listing, *oldest) if is_older else None,
        previous_cursor=encode_cursor(listing, *newest) if is_newer else None,
    )


def encode_cursor(listing: str, created_at: datetime, entity_id: int) -> str:
    """A place in a listing (the name of its table), as an opaque text: 28 characters, fit for a URL."""
    microseconds = (created_at - _EPOCH) // _MICROSECOND
    place = _PLACE.pack(_FORMAT, microseconds, entity_id, crc32(listing.encode()))
    return base64.urlsafe_b64encode(place).decode()


def decode_cursor(listing: str, cursor: str) -> Place:
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
