"""Soft deletion as a batch: rows and what belongs to them go under one ``deletion_id``, from the top, level by level.

A row by its id is locked and marked by one statement; others are locked, then marked: creation holds FOR KEY SHARE on
what it refers to, for which an UPDATE alone would not wait. Each is a statement of its own, as it must see what was
committed while the one before it waited.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.sql import visitors
from sqlmodel import col, select

from ...errors import ArgumentError, ConflictError
from ..model import Entity
from ..model.fields import utcnow
from ..model.graph import Edge, Found, Graph, Rows
from ..model.registry import model_of, reference_graph
from ..model.tables import is_organization, of_organization
from ..session import DomainSession, own
from .filters import Where, conditions_of
from .scope import show
from .statements import KEY, ORGANIZATION

_BEYOND = 2**63  # above all ids
_MARKED = "marked_ids"
_STAMPS = ("deleted_at", "updated_at", "deletion_id", "deleted_by")

Condition = sa.ColumnElement[bool]


class Deletion(NamedTuple):
    """The deletion that ``soft_delete_where`` made; false where no row met the conditions.

    ``rows`` met them; what belongs to those went with them, and is not counted.
    """

    deletion_id: UUID
    rows: int

    def __bool__(self) -> bool:
        return self.rows > 0


class DeletionStatements:
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
        self.marked: dict[sa.Table, Any] = {t: _marking(model_of(t), self.one_of(t.c.id, _MARKED)) for t in self.tables}

    def _found(self, level: list[sa.Table], *, lock: bool = False) -> Any:
        parts: list[Any] = []
        for table in level:
            edges = [edge for edge in self.graph.of(table) if edge.parent in self.tables]
            found = (self.one_of(table.c[edge.column], _ids(edge.parent)) for edge in edges)
            rows = _live(model_of(table), sa.or_(sa.false(), *found))
            part = (rows.with_for_update() if lock else rows).cte(f"found_{len(parts)}")
            parts.append(sa.select(sa.literal(self.tables.index(table)), part.c.id, part.c.version))
        return own(sa.union_all(*parts))

    def one_of(self, column: sa.ColumnElement[int], ids: str) -> Condition:
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
    of = _deletion(session, model)
    return bool(_delete(session, of, of.row_marked, {**_key(organization), KEY: entity_id}, organization))


def delete_where(
    session: DomainSession, model: type[Entity], where: Sequence[Where], *, organization: int | None
) -> Deletion:
    """Mark the rows that meet the conditions once locked, and their dependents. Raises as ``soft_delete_where``."""
    conditions = conditions_of(where)
    if not conditions or not all(map(_names_column, conditions)):
        raise ArgumentError("soft_delete_where takes conditions on columns; none, or True, would delete every row")
    if is_organization(model):
        raise ArgumentError("organizations are deleted one at a time: soft_delete(org_id)")
    session.flush()
    key = _key(organization)
    live = select(model.id).where(_of_organization(model), ~col(model.is_deleted)).order_by(col(model.id))
    live = live.where(*conditions)
    locked = {*session.scalars(live.with_for_update(of=model), key)}
    ids = [row_id for row_id in dict.fromkeys(session.scalars(live, key)) if row_id in locked] if locked else []
    if not ids:
        return Deletion(uuid4(), 0)
    of = _deletion(session, model)
    return _delete(session, of, of.marked[of.root], {**key, _MARKED: ids}, organization)


def _names_column(condition: Any) -> bool:
    return not isinstance(condition, bool) and any(isinstance(part, sa.Column) for part in visitors.iterate(condition))


def _delete(
    session: DomainSession, of: DeletionStatements, marking: Any, params: Mapping[str, Any], organization: int | None
) -> Deletion:
    """Mark the rows that ``marking`` does, and what belongs to them."""
    now, deletion_id = utcnow(), uuid4()
    stamps = {"deleted_at": now, "updated_at": now, "deletion_id": deletion_id, "deleted_by": session.actor}
    restricting = reference_graph().restricting(of.tables)
    with session.begin_nested() if restricting else nullcontext():
        first = _rows(session, marking, {**params, **stamps})
        found = _walked(session, of, first, {**_key(organization), **stamps}, marks=True)
        for edge in restricting:
            _refuse_restricted(session, of, edge, [*found.get(edge.parent, ())], organization)
    if any(isinstance(entity, tuple(of.models)) for entity in session.identity_map.values()):
        for kind in of.models:
            for row_id, version in found.get(kind.__table__, {}).items():
                values = {"is_deleted": True, "version": version, **stamps}
                show(session, kind, row_id, organization, values, seen_version=version - 1)
    return Deletion(deletion_id, len(first))


def _refuse_restricted(
    session: DomainSession, of: DeletionStatements, edge: Edge, ids: list[int], organization: int | None
) -> None:
    """Raise ConflictError if live rows refer to marked ones; rows that go in the same deletion are marked by now."""
    child = model_of(edge.child)
    these = (
        of_organization(child, organization),
        ~col(child.is_deleted),
        of.one_of(edge.child.c[edge.column], _MARKED),
    )
    counted = own(sa.select(sa.func.count()).select_from(child).where(*these))
    count = session.scalar(counted, {_MARKED: ids}) if ids else 0
    if count:
        said = f"{count} {child.__name__} refer to the {model_of(edge.parent).__name__} by {edge.column}"
        raise ConflictError(f"{said}, which restricts its deletion; delete them, or let them refer to another")


def preview_batch(
    session: DomainSession, model: type[Entity], entity_id: int, *, organization: int | None
) -> Mapping[str, int]:
    """How many rows of each model ``delete_batch`` would mark."""
    session.flush()
    of, key = _deletion(session, model), _key(organization)
    first = _rows(session, of.row_seen, {**key, KEY: entity_id})
    found = _walked(session, of, first, key, marks=False)
    return {kind.__name__: len(rows) for kind in of.models if (rows := found.get(kind.__table__))}


def _walked(session: Any, of: DeletionStatements, first: Rows, params: Mapping[str, Any], *, marks: bool) -> Found:
    """The rows at and below the first ones, with their versions; with ``marks`` they are marked."""

    def below(level: int, above: Mapping[sa.Table, Rows]) -> Mapping[sa.Table, Rows]:
        found: defaultdict[sa.Table, dict[int, int]] = defaultdict(dict)
        ids = {_ids(parent): [*rows] for parent, rows in above.items()}
        for number, row_id, version in session.exec((of.locked if marks else of.seen)[level], params={**params, **ids}):
            found[of.tables[number]][row_id] = version
        if not marks:
            return found
        return {table: _rows(session, of.marked[table], {**params, _MARKED: [*ids]}) for table, ids in found.items()}

    return of.graph.walk(of.root, first, below)


def _rows(session: Any, statement: Any, params: Mapping[str, Any]) -> dict[int, int]:
    """The ids and versions that a statement returns."""
    return dict(session.exec(statement, params=params).all())


def _deletion(session: DomainSession, model: type[Entity]) -> DeletionStatements:
    return _built(model.__table__, reference_graph().cascades, session.get_bind().dialect.name == "postgresql")


@lru_cache
def _built(root: sa.Table, graph: Graph, is_postgresql: bool) -> DeletionStatements:
    return DeletionStatements(root, graph, is_postgresql=is_postgresql)


def _key(organization: int | None) -> dict[str, Any]:
    return {} if organization is None else {ORGANIZATION: organization}


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
