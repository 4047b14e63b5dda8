"""Writing many rows: every row is validated before the first is written; all of them are written, or none."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar

from ...errors import ArgumentError
from ..model import DomainModel
from ..model.tables import ORGANIZATION_ID, is_organization
from .bulk_rows import Checker, Content, Row
from .bulk_statements import insert_rows, reload_rows, stored_rows, update_rows
from .references import add_locked, lock_references
from .scope import Scope
from .statements import ModelT
from .upsert import On, key_index

T = TypeVar("T")
Key = tuple[object, ...]

BATCH = 2500


class RowOutcome(StrEnum):
    """The outcome of one row of ``upsert_many``."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Upserted:
    """Result of ``upsert_many``: how many rows it created, updated and left.

    ``ids`` and ``outcomes`` are by the position of the row that was given; of several rows with one key, each has
    the id and the outcome of the last.
    """

    created: int
    updated: int
    unchanged: int
    ids: Sequence[int] = field(default=(), repr=False, compare=False)
    outcomes: Sequence[RowOutcome] = field(default=(), repr=False, compare=False)


def create_many(
    scope: Scope[ModelT], rows: Sequence[ModelT | DomainModel | Mapping[str, object]], org_id: int | None
) -> Sequence[ModelT] | Sequence[int]:
    """Insert every row, in order: model objects, which it returns, or contents, of which it returns the ids."""
    objects = [row for row in rows if isinstance(row, scope.model)]
    if len(objects) == len(rows):
        return _add_many(scope, objects, org_id)
    if objects:
        raise ArgumentError(f"create_many takes {scope.model.__name__} objects or contents, not both at once")
    organization = scope.organization(org_id)
    checked = Checker(scope.model, scope.sql.managed).check(rows)
    scope.session.flush()
    with scope.session.begin_nested():
        ids: list[int] = []
        for batch in batches((row.values for row in checked), BATCH):
            lock_references(scope.session, scope.model, batch, organization=organization)
            ids += _insert(scope, batch, organization)
    return ids


def upsert_many(
    scope: Scope[ModelT],
    rows: Iterable[Content],
    org_id: int | None,
    fixed: Mapping[str, object] | None = None,
    *,
    on: On = None,
) -> Upserted:
    """Create or update a live row for each, found by a key of the model; each gets the ``fixed`` fields."""
    key: tuple[str, ...] = key_index(scope.model, on).info["live_unique"]
    organization = scope.organization(org_id)
    checker = Checker(scope.model, scope.sql.managed, key=key)
    checked = checker.check(rows, fixed)
    keys = [tuple(row.values[name] for name in key) for row in checked]
    last = {values: position for position, values in enumerate(keys)}
    done: dict[Key, tuple[int, RowOutcome]] = {}
    scope.session.flush()
    with scope.session.begin_nested():
        # Looked up before anything is written: a row without a required field can't be a new one.
        found: dict[Key, dict[str, Any]] = {}
        partial = {values: n for values, n in last.items() if checked[n].missing}
        for batch in batches(partial.items(), BATCH):
            found |= _stored(scope, key, key, [checked[n] for _, n in batch], organization)
        for values, position in partial.items():
            if values not in found:
                checker.reasons[position] = f"{checked[position].missing}: needed for a new row"
        checker.refuse()
        for batch in batches(last.items(), BATCH):
            done |= _write(scope, key, {values: checked[n] for values, n in batch}, organization)
    written = [outcome for _, outcome in done.values()]
    return Upserted(
        created=written.count(RowOutcome.CREATED),
        updated=written.count(RowOutcome.UPDATED),
        unchanged=written.count(RowOutcome.UNCHANGED),
        ids=[done[values][0] for values in keys],
        outcomes=[done[values][1] for values in keys],
    )


def _write(
    scope: Scope[ModelT], key: tuple[str, ...], rows: dict[Key, Row], organization: int | None
) -> dict[Key, tuple[int, RowOutcome]]:
    session, model = scope.session, scope.model
    names = sorted(set[str]().union(*(row.given for row in rows.values())))
    stored = _stored(scope, key, names, list(rows.values()), organization)
    lock_references(session, model, [row.values for row in rows.values()], organization=organization)
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
        update_rows(session, model, sorted(fields), changed, organization)
        _show(scope, {row["id"] for row in changed}, organization)
    new = {values: row for values, row in rows.items() if values not in stored}
    if new:
        ids = _insert(scope, [row.values for row in new.values()], organization)
        done |= {values: (n, RowOutcome.CREATED) for values, n in zip(new, ids, strict=True)}
    return done


def _stored(
    scope: Scope[ModelT], key: tuple[str, ...], names: Sequence[str], rows: Sequence[Row], organization: int | None
) -> dict[Key, dict[str, Any]]:
    params = {} if organization is None else scope.parameters(organization)
    live = (scope.sql.organization, scope.sql.is_live)
    found = stored_rows(scope.session, scope.model, live, key, names, [row.values for row in rows], params)
    return {tuple(row[name] for name in key): row for row in found}


def _insert(scope: Scope[ModelT], rows: Sequence[dict[str, object]], organization: int | None) -> list[int]:
    if is_organization(scope.model) and organization is not None:
        # By a flush: in it the guard tells row level security what is made.
        given = [{name: row[name] for name in row.keys() - scope.sql.managed} for row in rows]
        return [entity.id for entity in _add_many(scope, [scope.model.model_validate(row) for row in given], None)]
    return insert_rows(scope.session, scope.model, rows, organization)


def _add_many(scope: Scope[ModelT], entities: Sequence[ModelT], org_id: int | None) -> Sequence[ModelT]:
    for entity in entities:
        scope.give_organization(entity, org_id)
    for batch in batches(entities, BATCH):
        organization = vars(batch[0]).get(ORGANIZATION_ID)
        lock_references(scope.session, scope.model, batch, organization=organization)
    add_locked(scope.session, entities)
    return entities


def _show(scope: Scope[ModelT], ids: Set[int], organization: int | None) -> None:
    """Refresh the objects that the session holds of the rows: one query, and none where it holds none."""
    held = [e.id for e in scope.session.identity_map.values() if isinstance(e, scope.model) and e.id in ids]
    for batch in batches(held, BATCH):
        reload_rows(scope.session, scope.model, batch, organization)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most so many."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
