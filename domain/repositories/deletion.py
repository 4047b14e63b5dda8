"""Soft deletion as a batch: a row and what belongs to it go under one ``deletion_id``, from the top, a level at a time.

A level first locks its rows: creation holds FOR KEY SHARE on what it refers to, for which an UPDATE alone would not
wait. And it is a statement of its own, as it must see what was committed while the one before it waited.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    String,
    Table,
    Uuid,
    any_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlmodel import col

from ..models import Entity
from ..models.base import model_of, reference_graph
from ..models.fields import utcnow
from ..models.graph import Edge, Found, Graph
from ..tenancy import TRUSTED, DomainSession, prebuilt
from .core import show
from .statements import KEY, SCOPE, scope_column

_BEYOND = 2**63  # no id is
_SCOPE = bindparam(SCOPE, type_=BigInteger())
_STAMPS: dict[str, Any] = {
    "deleted_at": DateTime(timezone=True),
    "updated_at": DateTime(timezone=True),
    "deletion_id": Uuid(),
    "deleted_by": String(),
}

Condition = ColumnElement[bool]


class Deletion:
    """The statements of one model's deletion, which find live rows: by ``seen`` to be read, by ``marked`` to be marked.

    That of None finds the row itself; that of a table takes the ids that were found of each parent.
    """

    def __init__(self, root: Table, graph: Graph, *, is_postgresql: bool) -> None:
        self.root, self.graph = root, graph
        tables = [table for level in graph.levels(root) for table in level]
        self.models: dict[Table, type[Entity]] = {table: model_of(table) for table in tables}
        edges = {table: [edge for edge in graph.of(table) if edge.parent in tables] for table in tables}
        self.nobody: dict[Table, dict[str, Any]] = {t: {_ids(e.parent): [] for e in edges[t]} for t in tables}
        which: dict[Table | None, tuple[type[Entity], Condition]]
        which = {None: (self.models[root], root.c.id == bindparam(KEY, type_=BigInteger()))}
        for table in filter(edges.get, tables):
            found = (_found(edge, is_postgresql=is_postgresql) for edge in edges[table])
            which[table] = self.models[table], or_(*found)
        self.seen: dict[Table | None, Any] = {table: _seeing(*rows) for table, rows in which.items()}
        self.marked: dict[Table | None, Any] = {table: _marking(*rows) for table, rows in which.items()}


def delete_batch(session: DomainSession, model: type[Entity], entity_id: int, *, owner: int | None) -> bool:
    """Mark the row and its dependents. False where the row is not live."""
    if not -_BEYOND <= entity_id < _BEYOND:
        return False
    now = utcnow()
    stamps = {"deleted_at": now, "updated_at": now, "deletion_id": uuid4(), "deleted_by": session.actor}
    of = _deletion(session, model)
    found = _walked(session, of, of.marked, {**_key(entity_id, owner), **stamps})
    if any(isinstance(entity, tuple(of.models.values())) for entity in session.identity_map.values()):
        for table, rows in found.items():
            for row_id, version in rows.items():
                values = {"is_deleted": True, "version": version, **stamps}
                show(session, of.models[table], row_id, owner, values, seen_version=version - 1)
    return bool(found[of.root])


def preview_batch(
    session: DomainSession, model: type[Entity], entity_id: int, *, owner: int | None
) -> Mapping[str, int]:
    """How many rows of each model ``delete_batch`` would mark."""
    of = _deletion(session, model)
    found = _walked(session, of, of.seen, _key(entity_id, owner))
    return {of.models[table].__name__: len(rows) for table, rows in found.items() if rows}


def _deletion(session: DomainSession, model: type[Entity]) -> Deletion:
    return _built(model.__table__, reference_graph().cascades, session.get_bind().dialect.name == "postgresql")


@lru_cache
def _built(root: Table, graph: Graph, is_postgresql: bool) -> Deletion:
    return Deletion(root, graph, is_postgresql=is_postgresql)


def _walked(session: Any, of: Deletion, statements: Mapping[Table | None, Any], params: dict[str, Any]) -> Found:
    def ask(table: Table | None, ids: Mapping[str, Any]) -> dict[int, int]:
        return dict(session.exec(statements[table], params={**params, **ids}).all())

    def below(table: Table, parents: Mapping[Table, list[int]]) -> dict[int, int]:
        return ask(table, of.nobody[table] | {_ids(parent): ids for parent, ids in parents.items()})

    return of.graph.walk(of.root, ask(None, {}), below)


def _key(entity_id: int, owner: int | None) -> dict[str, int]:
    return {KEY: entity_id} if owner is None else {KEY: entity_id, SCOPE: owner}


def _ids(parent: Table) -> str:
    return f"ids_of_{parent.name}"


def _found(edge: Edge, *, is_postgresql: bool) -> Condition:
    """The condition that a row refers to one of those that were found; they may be more than parameters can be."""
    column = edge.child.c[edge.column]
    if is_postgresql:
        return column == any_(bindparam(_ids(edge.parent), type_=ARRAY(BigInteger)))
    each = func.json_each(bindparam(_ids(edge.parent), type_=JSON)).table_valued("value")
    return column.in_(select(each.c.value))


def _seeing(model: type[Entity], which: Condition) -> Any:
    table = model.__table__
    rows = select(col(model.id), col(model.version)).where(*_owned(model), which, ~table.c.is_deleted)
    return prebuilt(rows.execution_options(**{TRUSTED: True}), model)


def _marking(model: type[Entity], which: Condition) -> Any:
    table = model.__table__
    locked = select(table.c.id).where(*_owned(model), which, ~table.c.is_deleted).order_by(table.c.id)
    these = table.c.id.in_(locked.with_for_update().correlate(None))
    stamps = {name: bindparam(name, type_=kind) for name, kind in _STAMPS.items()}
    marked = update(model).where(*_owned(model), these)
    marked = marked.values({**stamps, "is_deleted": True, "version": table.c.version + 1})
    options = {"synchronize_session": False, TRUSTED: True}
    return prebuilt(marked.returning(table.c.id, table.c.version).execution_options(**options), model)


def _owned(model: type[Entity]) -> tuple[Condition, ...]:
    column = scope_column(model)
    return () if column is None else (column == _SCOPE,)
