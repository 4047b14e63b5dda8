"""Writing many rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from sqlalchemy import tuple_
from sqlmodel import select

from ..errors import ArgumentError
from ..models import DomainModel, TenantEntity
from ..models.tables import TENANT
from ..tenancy import TRUSTED
from .statements import ModelT
from .upsert import natural_key
from .writes import Writes

T = TypeVar("T")

BATCH = 500


class Upserted(NamedTuple):
    """What happened to the rows of ``upsert_many``."""

    created: int
    updated: int
    unchanged: int


class BulkWrites(Writes[ModelT]):
    """Rows are validated before the first is written, and sent in batches of 500."""

    def create_many(self, entities: Iterable[ModelT], /, *, org_id: int | None = None) -> Sequence[ModelT]:
        """Insert every row, in order; raises as ``add`` does, and then none is inserted."""
        rows = list(entities)
        for entity in rows:
            self._own(entity, org_id)
        for batch in _batches(rows, BATCH):
            self._lock_references(batch, vars(batch[0]).get(TENANT))
        self.session.add_all(rows)
        self.session.flush()
        return rows

    def upsert_many(self, contents: Iterable[DomainModel], /, *, org_id: int | None = None) -> Upserted:
        """Create or update a live row for each content, told apart by the model's natural key.

        Fields that a content does not set keep their value; of two contents with one key the later counts.

        Raises:
            ArgumentError: a content has no natural key, or sets a field that is not the caller's to write.
        """
        key = natural_key(self.model)
        rows: dict[tuple[object, ...], DomainModel] = {}
        for position, content in enumerate(contents):
            rows[self._key_of(content, key, position)] = content
        owner = self._owner(org_id)
        created = updated = 0
        with self.session.begin_nested():  # all of them, or none
            for batch in _batches(rows.items(), BATCH):
                stored = self._live_by_key(key, [values for values, _ in batch], owner)
                new = [self._made(content, owner) for values, content in batch if values not in stored]
                self._lock_references([content for _, content in batch], owner)
                self.session.add_all(new)
                created += len(new)
                updated += sum(_apply(stored[values], content) for values, content in batch if values in stored)
                self.session.flush()
        return Upserted(created, updated, len(rows) - created - updated)

    def _key_of(self, content: DomainModel, key: tuple[str, ...], position: int) -> tuple[object, ...]:
        if wrong := self._not_writable(content.model_fields_set):
            raise ArgumentError(f"row {position}: {', '.join(wrong)} can't be written by upsert_many")
        values = tuple(getattr(content, name, None) for name in key)
        if None in values:
            raise ArgumentError(f"row {position}: upsert_many needs {', '.join(key)} to tell rows apart")
        return values

    def _live_by_key(
        self, key: tuple[str, ...], values: list[tuple[object, ...]], owner: int | None
    ) -> Mapping[tuple[object, ...], ModelT]:
        columns = [self._sql.table.c[name] for name in key]
        statement = select(self.model).where(*self._sql.scope, self._sql.is_live, tuple_(*columns).in_(values))
        params = {} if owner is None else self._scope(owner)
        found = self.session.exec(statement, params=params, execution_options={TRUSTED: True}).all()
        return {tuple(getattr(entity, name) for name in key): entity for entity in found}

    def _made(self, content: DomainModel, owner: int | None) -> ModelT:
        given = {name: getattr(content, name) for name in content.model_fields_set}
        entity = self.model.model_validate(given)
        if isinstance(entity, TenantEntity):
            setattr(entity, TENANT, owner)
        return entity


def _apply(entity: DomainModel, content: DomainModel) -> bool:
    """Set the content's given fields; whether any of them changed."""
    changes = {n: v for n in content.model_fields_set if (v := getattr(content, n)) != getattr(entity, n)}
    for name, value in changes.items():
        setattr(entity, name, value)
    return bool(changes)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
