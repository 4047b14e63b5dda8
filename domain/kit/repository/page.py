"""Pages by keyset, and the limits of a slice."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from ...errors import ArgumentError
from ..session import checked_int
from .cursor import Cursors, Place

T = TypeVar("T")
Read: TypeAlias = Callable[[Place | None, bool, int], Sequence[T]]
"""Finds so many rows after a place, in order; if the flag is set, those just before it, nearest first."""

MAX_LIMIT = 200


class Page(BaseModel, Generic[T]):
    """One page of a listing."""

    model_config: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    items: list[T]
    """The rows of this page."""
    next_cursor: str | None = Field(default=None, examples=[None])
    """Send it back as `after` for the next page; null on the last one."""
    previous_cursor: str | None = Field(default=None, examples=[None])
    """Send it back as `before` for the page before this one; null on the first one."""
    total: int | None = None
    """All rows of the listing, where it was asked for."""


def checked_limit(limit: int) -> int:
    """The limit. Raises ArgumentError outside 1..200."""
    if not 1 <= checked_int(limit, "limit") <= MAX_LIMIT:
        raise ArgumentError(f"limit must be from 1 to {MAX_LIMIT}, not {limit}")
    return limit


def checked_offset(offset: int) -> int:
    """The offset. Raises ArgumentError below 0."""
    if not 0 <= checked_int(offset, "offset") < 2**63:
        raise ArgumentError(f"offset must be 0 or more, not {offset}")
    return offset


def keyset_page(
    cursors: Cursors, read: Read[T], place_of: Callable[[T], Place], after: str | None, before: str | None, limit: int
) -> Page[T]:
    """A page of what ``read`` finds. Raises ArgumentError for a limit outside 1..200, two cursors, or a wrong one."""
    if after is not None and before is not None:
        raise ArgumentError("a page is either after a cursor or before one: give one of the two")
    checked_limit(limit)
    is_before = before is not None
    cursor = before if is_before else after
    place = None if cursor is None else cursors.decode(cursor)
    rows = read(place, is_before, limit + 1)
    items = [*reversed(rows[:limit])] if is_before else list(rows[:limit])
    first, last = (place_of(items[0]), place_of(items[-1])) if items else cursors.around(place)
    more = len(rows) > limit
    has_next, has_previous = is_before or more, more if is_before else after is not None
    return Page(
        items=items,
        next_cursor=cursors.encode(last) if has_next else None,
        previous_cursor=cursors.encode(first) if has_previous else None,
    )
