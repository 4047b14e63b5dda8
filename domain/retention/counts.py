"""Counts before and after a purge."""

from dataclasses import dataclass
from typing import NamedTuple


class PurgeCount(NamedTuple):
    """So many rows of one table; ``organization_id`` is None where the table belongs to no organization."""

    organization_id: int | None
    table: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class PurgePlan:
    """Rows that ``purge`` would remove now, in its order, or has removed.

    ``ending``: deleted organizations that go as a whole. ``held``: those left alone, under a legal hold.
    """

    counts: tuple[PurgeCount, ...]
    ending: tuple[int, ...]
    held: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many rows in all."""
        return sum(count.rows for count in self.counts)
