"""Soft deletion as a batch: a row and what belongs to it go under one ``deletion_id``, from the top, a level at a time.

The row itself is locked and marked by one statement; those of a level are locked, then marked: creation holds FOR KEY
SHARE on what it refers to, for which an UPDATE alone would not wait. Each is a statement of its own, as it must see
what was committed while the one before it waited.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from functools import lru_cache
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import col

from ...errors import ConflictError
from ..model import Entity
from ..model.fields import utcnow
from ..model.graph import Edge, Found, Graph, Rows
from ..model.registry import model_of, reference_graph
from ..model.tables import of_organization
from ..session import DomainSession, own
from .scope import show
from .statements import KEY, ORGANIZATION

_BEYOND = 2**63  # above all ids
_MARKED = "marked_ids"
_STAMPS = ("deleted_at", "updated_at", "deletion_id", "deleted_by")

Condition = sa.ColumnElement[bool]


class Deletion:
    """The statements of a model's deletion: of the row, by its id, and of each level, by the ids that were found above.

    ``seen`` find ids and versions of live rows; ``locked`` lock them, too; ``marked`` mark a table's rows by ids.
    """

    def __init__(self, root: sa.Table, graph: Graph, *, is_postgresql: bool) -> None:
        self.root: sa.Table = root
        self.graph: Graph = graph
        self._is_postgresql = is_postgresql
        levels = graph.levels(root)
        self.tables: list[sa.Table] = [table for level in levels for table in level]
        self.models: list[type[Entity]] = [model_of(table) for table in self.tables]
        row = _live(model_of(root), root.c.id == sa.bindparam(KEY, type_=sa.BigInteger()))
        these = root.c.id.in_(row.with_only_columns(root.c.id).with_for_update().correlate(None))
        self.row_seen: Any = own(row)
        self.row_marked: Any = _marking(model_of(root), these)
        self.seen: list[Any] = [self._found(level) for level in levels]
        self.locked: list[Any] = [self._found(level, lock=True) for level in levels]
        self.marked: dict[sa.Table, Any] = {
            t: _marking(model_of(t), self._one_of(t.c.id, _MARKED)) for t in self.tables
        }

    def _found(self, level: list[sa.Table], *, lock: bool = False) -> Any:
        parts: list[Any] = []
        for table in level:
            edges = [edge for edge in self.graph.of(table) if edge.parent in self.tables]
            found = (self._one_of(table.c[edge.column], _ids(edge.parent)) for edge in edges)
            rows = _live(model_of(table), sa.or_(sa.false(), *found))
            part = (rows.with_for_update() if lock else rows).cte(f"found_{len(parts)}")
            parts.append(sa.select(sa.literal(self.tables.index(table)), part.c.id, part.c.version))
        return own(sa.union_all(*parts))

    def _one_of(self, column: sa.ColumnElement[int], ids: str) -> Condition:
        """The condition that a column is one of many ids: one parameter, since SQLite allows 32,766 a statement."""
        if self._is_postgresql:
            return column == sa.any_(sa.bindparam(ids, [], type_=sa.ARRAY(sa.BigInteger)))
        each = sa.func.json_each(sa.bindparam(ids, [], type_=sa.JSON)).table_valued("value")
        return column.in_(sa.select(each.c.value))


def delete_batch(session: DomainSession, model: type[Entity], entity_id: int, *, organization: int | None) -> bool:
    """Mark the row and its dependents. False where the row is not live."""
    session.flush()
    if not -_BEYOND <= entity_id < _BEYOND:
        return False
    now = utcnow()
    stamps = {"deleted_at": now, "updated_at": now, "deletion_id": uuid4(), "deleted_by": session.actor}
    of = _deletion(session, model)
    restricting = reference_graph().restricting(of.tables)
    with session.begin_nested() if restricting else nullcontext():
        found = _walked(session, of, _key(entity_id, organization), stamps)
        for edge in restricting:
            _refuse_restricted(session, edge, [*found.get(edge.parent, ())], organization)
    if any(isinstance(entity, tuple(of.models)) for entity in session.identity_map.values()):
        for kind in of.models:
            for row_id, version in found.get(kind.__table__, {}).items():
                values = {"is_deleted": True, "version": version, **stamps}
                show(session, kind, row_id, organization, values, seen_version=version - 1)
    return bool(found[of.root])


def _refuse_restricted(session: Any, edge: Edge, ids: list[int], organization: int | None) -> None:
    """Raise ConflictError if live rows refer to marked ones; rows that go in the same deletion are marked by now."""
    child = model_of(edge.child)
    these = (of_organization(child, organization), ~col(child.is_deleted), edge.child.c[edge.column].in_(ids))
    count = session.exec(own(sa.select(sa.func.count()).select_from(child).where(*these))).scalar_one() if ids else 0
    if count:
        said = f"{count} {child.__name__} refer to the {model_of(edge.parent).__name__} by {edge.column}"
        raise ConflictError(f"{said}, which restricts its deletion; delete them, or let them refer to another")


def preview_batch(
    session: DomainSession, model: type[Entity], entity_id: int, *, organization: int | None
) -> Mapping[str, int]:
    """How many rows of each model ``delete_batch`` would mark."""
    session.flush()
    of = _deletion(session, model)
    found = _walked(session, of, _key(entity_id, organization), None)
    return {kind.__name__: len(rows) for kind in of.models if (rows := found.get(kind.__table__))}


def _walked(session: Any, of: Deletion, key: dict[str, int], stamps: dict[str, Any] | None) -> Found:
    """The rows at and below one, with their versions; with ``stamps`` they are marked."""

    def rows(statement: Any, params: Mapping[str, Any]) -> Iterator[Any]:
        yield from session.exec(statement, params={**key, **(stamps or {}), **params})

    def below(level: int, above: Mapping[sa.Table, Rows]) -> Mapping[sa.Table, Rows]:
        found: defaultdict[sa.Table, dict[int, int]] = defaultdict(dict)
        statement = (of.seen if stamps is None else of.locked)[level]
        for number, row_id, version in rows(statement, {_ids(parent): [*ids] for parent, ids in above.items()}):
            found[of.tables[number]][row_id] = version
        if stamps is None:
            return found
        return {table: dict(rows(of.marked[table], {_MARKED: [*ids]})) for table, ids in found.items()}

    first = of.row_seen if stamps is None else of.row_marked
    return of.graph.walk(of.root, dict(rows(first, {})), below)


def _deletion(session: DomainSession, model: type[Entity]) -> Deletion:
    return _built(model.__table__, reference_graph().cascades, session.get_bind().dialect.name == "postgresql")


@lru_cache
def _built(root: sa.Table, graph: Graph, is_postgresql: bool) -> Deletion:
    return Deletion(root, graph, is_postgresql=is_postgresql)


def _key(entity_id: int, organization: int | None) -> dict[str, int]:
    return {KEY: entity_id} if organization is None else {KEY: entity_id, ORGANIZATION: organization}


def _ids(parent: sa.Table) -> str:
    return f"ids_of_{parent.name}"


def _live(model: type[Entity], which: Condition) -> sa.Select[int, int]:
    live = sa.select(col(model.id), col(model.version)).where(_of_organization(model), which, ~col(model.is_deleted))
    return live.order_by(col(model.id))


def _marking(model: type[Entity], these: Condition) -> Any:
    table = model.__table__
    stamps = {name: sa.bindparam(name, type_=table.c[name].type) for name in _STAMPS}
    marked = sa.update(model).where(_of_organization(model), these).returning(table.c.id, table.c.version)
    marked = marked.values({**stamps, "is_deleted": True, "version": table.c.version + 1})
    return own(marked.execution_options(synchronize_session=False))


def _of_organization(model: type[Entity]) -> Condition:
    return of_organization(model, sa.bindparam(ORGANIZATION, type_=sa.BigInteger()))
