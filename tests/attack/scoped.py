"""Do the repositories' statements carry the organization, before the session's guard adds anything?"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import CTE, Column, Delete, Insert, Select, Update, event
from sqlalchemy.exc import CompileError
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, ColumnElement
from sqlalchemy.sql.selectable import FromClause, Join, TableClause
from sqlalchemy.sql.visitors import iterate

from domain.kit.model.registry import REGISTRY
from domain.kit.model.tables import organization_column
from domain.kit.private import cache_key_of, conflict_of
from domain.kit.session import TenantSession, own_options


@contextmanager
def recorded() -> Generator[list[str]]:
    """Tables and kinds of the trusted statements that name an organization's table and not the organization."""
    found: list[str] = []

    def look(state: ORMExecuteState) -> None:
        if own_options(state.statement) is not None:
            found.extend(_unscoped(state.statement))

    event.listen(TenantSession, "do_orm_execute", look, insert=True)
    try:
        yield found
    finally:
        event.remove(TenantSession, "do_orm_execute", look)


_looked_at: dict[Any, list[str]] = {}


def _unscoped(statement: Any) -> list[str]:
    """As below; to look into a statement costs more than to send it, so it is done once for those of one form."""
    made = cache_key_of(statement)
    if made is None:
        return list(unscoped(statement))
    if made.key not in _looked_at:
        _looked_at[made.key] = list(unscoped(statement))
    return _looked_at[made.key]


def unscoped(statement: Any) -> Iterator[str]:
    """What of a statement reads or writes an organization's table without comparing its organization."""
    parts: Iterator[Any] = iterate(statement)
    for part in parts:
        if isinstance(part, Select):
            sources = [inner for source in _sources(part) for inner in _joined(source)]
            conditions = [part.whereclause, *(join.onclause for join in sources if isinstance(join, Join))]
            tables = [source for source in sources if not isinstance(source, Join | CTE)]
        elif isinstance(part, Update | Delete):
            conditions, tables = [part.whereclause], [part.table]
        elif isinstance(part, Insert):
            clause = conflict_of(part)
            if clause is None:
                continue
            conditions, tables = [getattr(clause, "update_whereclause", None)], [part.table]
        else:
            continue
        compared = {column for condition in conditions for column in _compared(condition)}
        for table in tables:
            column = _organization_column(table)
            if column is not None and (_name(table), column.name) not in compared:
                yield f"{part.__visit_name__} of {_name(table)} does not compare {column.name}"


def _organization_column(table: Any) -> Column[int] | None:
    real: Any = getattr(table, "element", table)
    known = REGISTRY.metadata.tables.get(getattr(real, "name", ""))
    return None if known is None else organization_column(known)


def _sources(select: Any) -> list[Any]:
    try:
        return list(select.get_final_froms())
    except CompileError:  # it renders the columns for no database, which an expression of one's own may not support
        return [part for part in iterate(select) if isinstance(part, TableClause)]


def _joined(source: FromClause) -> Iterator[Any]:
    """The source, and where it is a join, all that is joined."""
    yield source
    if isinstance(source, Join):
        yield from _joined(source.left)
        yield from _joined(source.right)


def _compared(condition: ColumnElement[Any] | None) -> Iterator[tuple[str, str]]:
    """(table, column) of every equality that has to hold, and of no other."""
    waiting: list[Any] = [] if condition is None else [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, BinaryExpression):
            if part.operator is operators.eq and part.left is not part.right:
                for column in (part.left, part.right):
                    if getattr(column, "table", None) is not None:
                        yield _name(column.table), str(column.key)
        elif getattr(part, "operator", None) is operators.and_ or getattr(part, "operator", None) is None:
            waiting.extend(part.get_children())


def _name(table: Any) -> str:
    return str(getattr(table, "name", table))
