"""Managed columns (id, version, is_deleted, ...) in statements written by hand: no INSERT or UPDATE sets them."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Insert, Update, event
from sqlalchemy.orm import ORMExecuteState

from ..errors import ArgumentError
from ..models.base import REGISTRY
from ..models.managed import managed_columns
from ..private import conflict_of, many_values_of, selected_names_of, values_of
from .options import own_options
from .sessions import DomainSession
from .writing import key_of


@event.listens_for(DomainSession, "do_orm_execute", propagate=True)
def _check_statement(state: ORMExecuteState) -> None:
    statement: Any = state.statement
    if not isinstance(statement, Insert | Update) or own_options(statement) is not None:
        return
    target = getattr(statement.table, "element", statement.table)  # of an alias
    table = REGISTRY.metadata.tables.get(str(target.description))
    if table is None:
        return
    managed = managed_columns(table, by_library=True)
    if isinstance(statement, Update) and isinstance(state.parameters, list):
        managed -= {column.key for column in table.primary_key}  # by which each row is found
    given = {name for name, value in _assigned(statement) if not _raises_version(statement.table, name, value)}
    rows: Any = state.parameters if isinstance(state.parameters, list) else [state.parameters or {}]
    for names in (given, *rows):
        if wrong := sorted(managed.intersection(names)):
            raise ArgumentError(
                f"{table.name}: {', '.join(wrong)} can't be written by a statement: set by the database or the"
                " library; leave it out (a repository's soft_delete and restore delete and bring back)"
            )


def _assigned(statement: Any) -> Iterator[tuple[str, object]]:
    """The columns that a statement names, by key, with what it gives them."""
    given: list[Any] = [values_of(statement) or {}]
    if isinstance(statement, Insert):
        given += [row for rows in many_values_of(statement) for row in rows]
        given.append(dict.fromkeys(selected_names_of(statement) or ()))
        given.append(dict(getattr(conflict_of(statement), "update_values_to_set", None) or {}))
    for values in given:
        for column, value in values.items():
            yield key_of(column), value


def _raises_version(table: Any, name: str, value: Any) -> bool:
    """Whether it is what an UPDATE has to do with it, and does by itself: ``version = version + 1``."""
    return name == "version" and hasattr(value, "compare") and bool(value.compare(table.c.version + 1))
