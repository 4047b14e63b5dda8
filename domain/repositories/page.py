"""Pages and their cursors."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, Field

from ..errors import ArgumentError

T = TypeVar("T")

MAX_LIMIT = 200


class Page(BaseModel, Generic[T]):
    """One page of a listing, newest first."""

    items: list[T] = Field(description="The rows of this page.")
    next_cursor: str | None = Field(
        default=None,
        description="Send it back as `after` for the next page; null on the last one.",
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


def encode_cursor(created_at: datetime, entity_id: int) -> str:
    """The place after a row, as an opaque text."""
    place = json.dumps([created_at.astimezone(UTC).isoformat(), entity_id])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, int]:
    """The place that a cursor stands for. Raises ArgumentError for what no page gave out."""
    try:
        place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        created_at, entity_id = place
        moment = datetime.fromisoformat(created_at)
        if moment.utcoffset() is None or type(entity_id) is not int or not 0 <= entity_id < 2**63:
            raise ValueError
        return moment.astimezone(UTC), entity_id
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise ArgumentError("this cursor is not one that a page gave out; start without one") from None
