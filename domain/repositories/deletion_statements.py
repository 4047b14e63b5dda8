"""The statements of a deletion, built once a model and executed with parameters."""

from collections.abc import Hashable
from functools import cache
from typing import Any
from typing import cast as typed

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Select,
    String,
    Update,
    Uuid,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.sql.functions import Function

from ..models import Entity
from ..models.base import REGISTRY
from ..models.deletion_postgresql import function_name
from ..tenancy import TRUSTED, prebuilt
from .dependents import Level, levels
from .statements import KEY, SCOPE, scope_column

WHEN, BATCH, WHO = "deletion_when", "deletion_batch", "deletion_actor"

_KEY = bindparam(KEY, type_=BigInteger())
_SCOPE = bindparam(SCOPE, type_=BigInteger())
_WHEN = bindparam(WHEN, type_=DateTime(timezone=True))
_BATCH = bindparam(BATCH, type_=Uuid())
_WHO = bindparam(WHO, type_=String())
_TRUSTED = {TRUSTED: True}


class Deletion:
    """One model's statements.

    ``whole`` is PostgreSQL's one statement: each of its columns is a call of a table's function (see
    ``models.deletion_postgresql``), and ``calls`` has the model of that table at the same place. ``each`` is SQLite's
    UPDATE of every table.
    """

    def __init__(self, model: type[Entity]) -> None:
        self.levels: tuple[Level, ...] = levels(model)
        going = _going(self.levels)
        self.each: list[tuple[type[Entity], Any]] = [
            (level.model, _marking(level.model, going[level.model])) for level in reversed(self.levels)
        ]
        self.calls: list[type[Entity]] = [level.model for level in self.levels for _ in level.keys or [KEY]]
        owner = None if scope_column(model) is None else _SCOPE
        self.whole: Any = prebuilt(_calls(self.levels, owner).execution_options(**_TRUSTED), model, owner=owner)
        counts = [
            select(literal(level.model.__name__), func.count()).select_from(level.model).where(*going[level.model])
            for level in self.levels
        ]
        self.preview: Any = union_all(*counts).execution_options(**_TRUSTED)


def deletion(model: type[Entity]) -> Deletion:
    """The model's statements, built at their first use, and again when there are more tables."""
    return _deletion(typed(Hashable, model), len(REGISTRY.metadata.tables))


@cache
def _deletion(model: Any, _tables: int) -> Deletion:
    return Deletion(model)


Conditions = tuple[ColumnElement[bool], ...]


def _going(found: tuple[Level, ...]) -> dict[type[Entity], Conditions]:
    """Which live rows of each table go with the row."""
    going: dict[type[Entity], Conditions] = {}
    for level in found:
        table = level.model.__table__
        by_parent = [table.c[column].in_(_ids(parent, going[parent])) for parent, column in level.keys]
        which = or_(*by_parent) if by_parent else table.c.id == _KEY
        going[level.model] = (*_owned(level.model), which, ~table.c.is_deleted)
    return going


def _ids(model: type[Entity], conditions: Conditions) -> Select[int]:
    return select(model.__table__.c.id).where(*conditions)


def _calls(found: tuple[Level, ...], owner: ColumnElement[int] | None) -> Select[Any]:
    """The functions, from the top; each is told the ids that those of the tables above it answered with."""
    parents = {parent for level in found for parent, _ in level.keys}
    ids: dict[type[Entity], str] = {}
    row = array([cast(_KEY, BigInteger)])
    said: Select[Any] = select()
    for level in found:
        named: list[tuple[str, ColumnElement[Any]]]
        named = [(column, literal_column(ids[parent])) for parent, column in level.keys] or [("id", row)]
        first = len(said.selected_columns)
        labels = [f"marked_{first + number}" for number, _ in enumerate(named)]
        for label, (column, values) in zip(labels, named, strict=True):
            said = said.add_columns(_call(level.model, column, values, owner).label(label))
        if level.model in parents:
            said = select(*said.subquery().c)  # once each: PostgreSQL pulls no volatile function up
            ids[level.model] = " || ".join(f"{label}[1:1]" for label in labels)
    return said


def _call(model: type[Entity], column: str, values: ColumnElement[Any], owner: ColumnElement[int] | None) -> Any:
    whose: Any = null() if owner is None else cast(owner, BigInteger)
    by = literal_column(f"'{column}'", String())
    return Function(function_name(model.__table__.name), whose, by, values, _WHEN, _BATCH, _WHO)


def _marking(model: type[Entity], going: Conditions) -> Update:
    """The UPDATE of one table, before its parents': their rows still have to be live."""
    table = model.__table__
    values = {
        "is_deleted": True,
        "deleted_at": _WHEN,
        "updated_at": _WHEN,
        "deletion_id": _BATCH,
        "deleted_by": _WHO,
        "version": table.c.version + 1,
    }
    marked = update(model).where(*going).values(values).execution_options(synchronize_session=False, **_TRUSTED)
    return marked.returning(table.c.id, table.c.version)


def _owned(model: type[Entity]) -> Conditions:
    column = scope_column(model)
    return () if column is None else (column == _SCOPE,)
