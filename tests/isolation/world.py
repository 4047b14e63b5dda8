"""What a database of several organizations should hold and show, in plain Python: dicts of committed and own rows.

READ COMMITTED: a transaction sees what is committed by now, and its own writes over it. ``View``'s writes return
the error that they must meet, or None and change the view.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count

from domain import (
    ConflictError,
    ConstraintError,
    DomainError,
    DuplicateError,
    NotFoundError,
    StaleVersionError,
    TenderStatus,
)

Key = str | int | None
Refusal = type[DomainError] | None


class Kind(StrEnum):
    """The tables."""

    TENDER = "tender"
    ANALYSIS = "analysis"
    BID = "bid"
    USER = "user"


CHILDREN = (Kind.ANALYSIS, Kind.BID)
Ref = tuple[Kind, int]
_deletions = count(1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """``key`` is what live rows of the kind are told apart by: a child's is its tender's id."""

    place: int
    key: Key
    text: str
    status: str = TenderStatus.PENDING
    version: int = 1
    deletion: int = 0

    @property
    def is_deleted(self) -> bool:
        """Whether it is deleted: rows that went together share the number."""
        return self.deletion > 0


Rows = dict[Ref, Row]


@dataclass
class View:
    """What one transaction sees."""

    committed: Rows
    own: Rows = field(default_factory=dict[Ref, Row])

    def rows(self) -> Rows:
        """Of every organization."""
        return {**self.committed, **self.own}

    def of(self, place: int, kind: Kind | None = None) -> Rows:
        """Of one organization, deleted ones included."""
        return {ref: row for ref, row in self.rows().items() if row.place == place and (kind is None or ref[0] is kind)}

    def live(self, place: int, ref: Ref) -> Row | None:
        """The live row of this organization."""
        row = self.rows().get(ref)
        return row if row is not None and row.place == place and not row.is_deleted else None

    def holder(self, kind: Kind, place: int, key: Key) -> tuple[Ref, Row] | None:
        """Who has the key: a user's email is taken for the whole system, other keys in their organization."""
        for ref, row in self.rows().items():
            is_in_the_way = row.place == place or kind is Kind.USER
            if key is not None and ref[0] is kind and row.key == key and is_in_the_way and not row.is_deleted:
                return ref, row
        return None

    def change(self, ref: Ref, **changes: object) -> Row:
        """Write a row, which counts its version."""
        row = self.rows()[ref]
        self.own[ref] = replace(row, version=row.version + 1, **changes)  # type: ignore[arg-type]  # Row's fields
        return self.own[ref]

    # -- what writes must meet --------------------------------------------------------------------------------

    def refuses_parent(self, kind: Kind, place: int, key: Key) -> Refusal:
        """A child needs a live tender of its own organization."""
        if kind not in CHILDREN:
            return None
        assert isinstance(key, int)
        return None if self.live(place, (Kind.TENDER, key)) else ConstraintError

    def refuses_new(self, kind: Kind, place: int, key: Key) -> Refusal:
        """Whether a row can be created."""
        taken = DuplicateError if self.holder(kind, place, key) else None
        return self.refuses_parent(kind, place, key) or taken

    def refuses_put(self, kind: Kind, place: int, key: Key) -> Refusal:
        """Whether a row can be put: what has the key may not be another organization's."""
        held = self.holder(kind, place, key)
        taken = DuplicateError if held and held[1].place != place else None
        return self.refuses_parent(kind, place, key) or taken

    def refuses_update(self, place: int, ref: Ref, version: int | None) -> Refusal:
        """Whether a row can be updated as of a version."""
        row = self.live(place, ref)
        if row is None:
            return NotFoundError
        return StaleVersionError if version not in (None, row.version) else None

    def refuses_restore(self, place: int, ref: Ref) -> Refusal:
        """Whether a deleted row and what went with it can come back."""
        row = self.rows()[ref]
        if ref[0] in CHILDREN and not self.live(place, (Kind.TENDER, int(row.key or 0))):
            return ConflictError
        batch = [(kind, place, part.key) for (kind, _), part in self.batch(row).items()]
        return DuplicateError if any(self.holder(*key) for key in batch) else None

    def batch(self, row: Row) -> Rows:
        """What was deleted together."""
        return {ref: other for ref, other in self.rows().items() if other.deletion == row.deletion}

    # -- writes of many rows ----------------------------------------------------------------------------------

    def delete(self, place: int, ref: Ref) -> bool:
        """Delete a live row and what belongs to it."""
        if self.live(place, ref) is None:
            return False
        number = next(_deletions)
        self.change(ref, deletion=number)
        for child, row in self.of(place).items():
            if ref[0] is Kind.TENDER and child[0] in CHILDREN and row.key == ref[1] and not row.is_deleted:
                self.change(child, deletion=number)
        return True

    def restore(self, ref: Ref) -> None:
        """Bring back what was deleted together."""
        for other in self.batch(self.rows()[ref]):
            self.change(other, deletion=0)
