"""A plain Python model of trees of rows that are deleted, restored, written and purged: what is there, live or not."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from domain import Tender
from tests.repositories.test_own_models import Drawing, Lot

MODELS: dict[str, type[Any]] = {"Tender": Tender, "Lot": Lot, "Drawing": Drawing}  # parents first
LET_GO = -1  # the batch of a deleted row that a purge has begun to remove: nothing brings it back
Ref = tuple[str, int]


@dataclass
class Row:
    """``key``: what live rows of the kind are told apart by. ``parents`` by column. ``batch``: its deletion, if any.

    ``age``: for how many days it has been deleted.
    """

    key: object = None
    title: str = ""
    parents: dict[str, Ref] = field(default_factory=dict[str, Ref])
    batch: int = 0
    version: int = 1
    age: int = field(default=0, compare=False)


def children_first(ref: Ref) -> tuple[int, int]:
    return -list(MODELS).index(ref[0]), ref[1]


class Forest:
    """The rows, and what the audit trail is to say of what happened to them."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[Ref, Row] = {}
        self.made: set[Ref] = set()  # ever
        self.batches = 0
        self.entries: Counter[tuple[Ref, str]] = Counter()  # of the trail, since it was last looked at

    def picked(self, kind: str, pick: int, among: Callable[[Ref], bool] = bool) -> Ref | None:
        """A row of the kind, live or not."""
        found = [ref for ref in self.rows if ref[0] == kind and among(ref)]
        return sorted(found)[pick % len(found)] if found else None

    def is_live(self, ref: Ref) -> bool:
        return not self.rows[ref].batch

    def holder(self, kind: str, key: object) -> Ref | None:
        """The live row with the key."""
        live = (ref for ref, row in self.rows.items() if ref[0] == kind and row.key == key and not row.batch)
        return None if key is None else next(live, None)

    def below(self, ref: Ref) -> list[Ref]:
        """The rows that belong to it."""
        return [one for one, row in self.rows.items() if ref in row.parents.values()]

    def going(self, *roots: Ref) -> list[Ref]:
        """The live rows and the live rows that go with them."""
        gone = list(roots)
        for ref in gone:
            gone += [one for one in self.below(ref) if self.is_live(one) and one not in gone]
        return gone

    def is_due(self, ref: Ref, days: int | None) -> bool:
        """Whether a purge removes it: deleted for so many days, or its model's own, as is all that belongs to it."""
        kept = MODELS[ref[0]].retention_days if days is None else days
        is_old = not self.is_live(ref) and self.rows[ref].age >= kept
        return is_old and all(self.is_due(one, days) for one in self.below(ref))

    def due(self, days: int | None) -> list[Ref]:
        """What a purge removes, children first."""
        return sorted((ref for ref in self.rows if self.is_due(ref, days)), key=children_first)

    def orphans(self, batch: list[Ref]) -> bool:
        """Whether a row would come back without what it belongs to."""
        above = (parent for ref in batch for parent in self.rows[ref].parents.values())
        return any(not self.is_live(parent) and parent not in batch for parent in above)

    def batch_of(self, kind: str, batch: int) -> list[Ref]:
        """What comes back of a deletion with rows of the kind: those, and what of it may belong to them."""
        from_here = list(MODELS)[list(MODELS).index(kind) :]
        found = [ref for ref, row in self.rows.items() if row.batch == batch and ref[0] in from_here]
        return found if any(ref[0] == kind for ref in found) else []

    # -- what happened ------------------------------------------------------------------------------------------

    def inserted(self, ref: Ref, row: Row) -> None:
        assert ref not in self.made  # the id of a purged row is not given out again
        self.made.add(ref)
        self.rows[ref] = row
        self.entries[ref, "insert"] += 1

    def _changed(self, ref: Ref, action: str, batch: int) -> None:
        row = self.rows[ref]
        row.batch = batch
        row.version += 1
        self.entries[ref, action] += 1

    def was_put(self, ref: Ref, held: Ref | None, row: Row) -> None:
        if held is None:
            self.inserted(ref, row)
        else:
            assert ref == held
            self.entries[ref, "update"] += self.rows[held].title != row.title
            self.rows[held].title = row.title
            self.rows[held].version += 1

    def was_deleted(self, gone: list[Ref]) -> None:
        self.batches += 1
        for ref in gone:
            self._changed(ref, "soft_delete", self.batches)
            self.rows[ref].age = 0

    def was_restored(self, batch: list[Ref]) -> None:
        for ref in batch:
            self._changed(ref, "restore", 0)

    def heads(self, kind: str) -> dict[int, list[Ref]]:
        """The rows of the kind that nothing above holds back, by their deletion."""
        heads: dict[int, list[Ref]] = {}
        for ref, row in self.rows.items():
            above = {self.rows[parent].batch for parent in row.parents.values()}
            if ref[0] == kind and row.batch > 0 and not above & {row.batch, LET_GO}:
                heads.setdefault(row.batch, []).append(ref)
        return heads

    def was_purged(self, due: list[Ref], gone: list[Ref]) -> None:
        """What heads a deletion is let go, parents first; then rows went, children first, as far as the purge came.

        Of a deletion that several rows head, all of them are, also those that stay.
        """
        for kind in MODELS:
            for heads in self.heads(kind).values():
                if len(heads) > 1 and set(heads) & set(due):
                    for ref in heads:
                        self._changed(ref, "update", LET_GO)
            for ref in due:
                batch = self.rows[ref].batch
                is_whole = ref[0] == kind and batch != LET_GO
                if is_whole and any(self.rows[one].batch == batch for one in self.below(ref)):
                    self._changed(ref, "update", LET_GO)
        for ref in gone:
            del self.rows[ref]
            self.entries[ref, "purge"] += 1
