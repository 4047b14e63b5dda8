"""Writing many rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple, Self, TypeVar, overload

from ..errors import ArgumentError
from ..models import DomainModel, TenantEntity
from ..models.tables import ORGANIZATION_ID
from .references import add_locked
from .rows import Checker, Content, Row
from .sets import insert_rows, reload_rows, stored_rows, update_rows
from .statements import ModelT
from .upsert import natural_key
from .writes import Writes

T = TypeVar("T")
Key = tuple[object, ...]

BATCH = 2500


class RowOutcome(StrEnum):
    """What became of one row of ``upsert_many``."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class _Counts(NamedTuple):
    created: int
    updated: int
    unchanged: int


class Upserted(_Counts):
    """What ``upsert_many`` did: how many rows it created, updated and left.

    ``ids`` and ``outcomes`` are by the position of the row that was given; of several rows with one key, each has
    the id and the outcome of the last.
    """

    ids: Sequence[int]
    outcomes: Sequence[RowOutcome]

    def __new__(
        cls, created: int, updated: int, unchanged: int, ids: Sequence[int] = (), outcomes: Sequence[RowOutcome] = ()
    ) -> Self:
        self = super().__new__(cls, created, updated, unchanged)
        self.ids = ids
        self.outcomes = outcomes
        return self


class BulkWrites(Writes[ModelT]):
    """Every row is validated before the first is written; all of them are written, or none."""

    @overload
    def create_many(  # type: ignore[overload-overlap]  # decided alike when it runs: model objects come first
        self, rows: Iterable[ModelT], /, *, org_id: int | None = None
    ) -> Sequence[ModelT]: ...
    @overload
    def create_many(self, rows: Iterable[Content], /, *, org_id: int | None = None) -> Sequence[int]: ...
    def create_many(
        self, rows: Iterable[ModelT | DomainModel | Mapping[str, object]], /, *, org_id: int | None = None
    ) -> Sequence[ModelT] | Sequence[int]:
        """Insert every row, in order.

        Of model objects, returns them, with their id and every column loaded. Of contents and mappings, which is
        much faster, returns the ids.

        Raises:
            InvalidRowsError: rows are not valid; each is named by its position.
            DuplicateError, ConstraintError: as in ``add``.
        """
        given = list(rows)
        objects = [row for row in given if isinstance(row, self.model)]
        if len(objects) == len(given):
            return self._add_many(objects, org_id)
        if objects:
            raise ArgumentError(f"create_many takes {self.model.__name__} objects or contents, not both at once")
        organization = self._organization(org_id)
        checked = Checker(self.model, self._sql.managed).check(given)
        self.session.flush()
        with self.session.begin_nested():
            ids: list[int] = []
            for batch in _batches((row.values for row in checked), BATCH):
                self._lock_references(batch, organization)
                ids += self._insert(batch, organization)
        return ids

    def upsert_many(self, rows: Iterable[Content], /, *, org_id: int | None = None) -> Upserted:
        """Create or update a live row for each content or mapping, told apart by the model's natural key.

        Fields that a row does not give keep their value; of two rows with one key the later counts.

        Raises:
            InvalidRowsError: rows are not valid, have no natural key, or set a field that is not the caller's to
                write; each is named by its position.
            DuplicateError: the key is taken in another organization, or by now.
            ConstraintError: as in ``add``.
        """
        return self._upsert_many(rows, org_id)

    def _upsert_many(
        self, rows: Iterable[Content], org_id: int | None, fixed: Mapping[str, object] | None = None
    ) -> Upserted:
        key = natural_key(self.model)
        organization = self._organization(org_id)
        checker = Checker(self.model, self._sql.managed, key=key)
        checked = checker.check(rows, fixed)
        keys = [tuple(row.values[name] for name in key) for row in checked]
        last = {values: position for position, values in enumerate(keys)}
        done: dict[Key, tuple[int, RowOutcome]] = {}
        self.session.flush()
        with self.session.begin_nested():
            # Looked up before anything is written: a row without a required field can be no new one.
            found: dict[Key, dict[str, Any]] = {}
            batches = list(_batches(last.items(), BATCH))
            partial = {values: n for values, n in last.items() if checked[n].missing}
            for batch in _batches(partial.items(), BATCH):
                found |= self._stored(key, key, [checked[n] for _, n in batch], organization)
            for values, position in partial.items():
                if values not in found:
                    checker.reasons[position] = f"{checked[position].missing}: needed for a new row"
            checker.refuse()
            for batch in batches:
                done |= self._write(key, {values: checked[n] for values, n in batch}, organization)
        outcomes = [done[values][1] for values in keys]
        written = [outcome for _, outcome in done.values()]
        return Upserted(
            created=written.count(RowOutcome.CREATED),
            updated=written.count(RowOutcome.UPDATED),
            unchanged=written.count(RowOutcome.UNCHANGED),
            ids=[done[values][0] for values in keys],
            outcomes=outcomes,
        )

    def _write(
        self, key: tuple[str, ...], rows: dict[Key, Row], organization: int | None
    ) -> dict[Key, tuple[int, RowOutcome]]:
        names = sorted(set[str]().union(*(row.given for row in rows.values())))
        stored = self._stored(key, names, list(rows.values()), organization)
        self._lock_references([row.values for row in rows.values()], organization)
        done: dict[Key, tuple[int, RowOutcome]] = {}
        changed: list[dict[str, Any]] = []
        fields: set[str] = set()
        for values, held in stored.items():
            row = rows[values]
            news = {name for name in row.given if row.values[name] != held[name]}
            done[values] = (held["id"], RowOutcome.UPDATED if news else RowOutcome.UNCHANGED)
            if news:
                fields |= news
                changed.append({**held, **{name: row.values[name] for name in news}})
        if changed:
            update_rows(self.session, self.model, sorted(fields), changed, organization)
            self._show([row["id"] for row in changed], organization)
        new = {values: row for values, row in rows.items() if values not in stored}
        if new:
            ids = self._insert([row.values for row in new.values()], organization)
            done |= {values: (n, RowOutcome.CREATED) for values, n in zip(new, ids, strict=True)}
        return done

    def _stored(
        self, key: tuple[str, ...], names: Sequence[str], rows: Sequence[Row], organization: int | None
    ) -> dict[Key, dict[str, Any]]:
        params = {} if organization is None else self._parameters(organization)
        values = [row.values for row in rows]
        found = stored_rows(
            self.session, self.model, (self._sql.organization, self._sql.is_live), key, names, values, params
        )
        return {tuple(row[name] for name in key): row for row in found}

    def _insert(self, rows: Sequence[dict[str, object]], organization: int | None) -> list[int]:
        if organization is not None and not issubclass(self.model, TenantEntity):
            # An organization: the guard of the session admits each by its slug.
            given = [{name: row[name] for name in row.keys() - self._sql.managed} for row in rows]
            entities = [self.model.model_validate(fields) for fields in given]
            return [entity.id for entity in self._add_many(entities, None)]
        return insert_rows(self.session, self.model, rows, organization)

    def _add_many(self, entities: Sequence[ModelT], org_id: int | None) -> Sequence[ModelT]:
        for entity in entities:
            self._set_organization(entity, org_id)
        for batch in _batches(entities, BATCH):
            self._lock_references(batch, vars(batch[0]).get(ORGANIZATION_ID))
        add_locked(self.session, entities)
        return entities

    def _show(self, ids: Sequence[int], organization: int | None) -> None:
        """Let objects that the session holds show their new state: one query, and none where it holds none."""
        written = set(ids)
        held = [e.id for e in self.session.identity_map.values() if isinstance(e, self.model) and e.id in written]
        for batch in _batches(held, BATCH):
            reload_rows(self.session, self.model, batch, organization)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
