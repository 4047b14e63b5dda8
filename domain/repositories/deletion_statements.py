"""The statements of a deletion, built once a model and executed with parameters."""

from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    CTE,
    URL,
    BigInteger,
    ColumnElement,
    DateTime,
    Select,
    String,
    Update,
    Uuid,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.engine import Dialect
from sqlmodel import col

from ..models import Entity
from ..models.base import REGISTRY
from ..tenancy import TRUSTED, prebuilt
from .dependents import Level, levels
from .statements import KEY, SCOPE, scope_column

WHEN, BATCH, WHO = "deletion_when", "deletion_batch", "deletion_actor"

_KEY = bindparam(KEY, type_=BigInteger())
_SCOPE = bindparam(SCOPE, type_=BigInteger())
_BATCH = bindparam(BATCH, type_=Uuid())
_TRUSTED = {TRUSTED: True}
_POSTGRESQL: Dialect = URL.create("postgresql+psycopg2").get_dialect()()


class Deletion:
    """One model's: ``locks`` first, each a statement, so that those after it see what was committed meanwhile.

    Then ``whole``, which marks every table's rows at once and answers with (place in ``levels``, id, version) of
    each; or ``root_alone``, the same that answers for the row itself; or, on SQLite, ``each`` of them.
    """

    def __init__(self, model: type[Entity]) -> None:
        self.levels: tuple[Level, ...] = levels(model)
        going = _going(self.levels)
        self._locks: list[str] = [
            _lock(level, going) for level in self.levels if level.model is model or _is_parent(level, self)
        ]
        self.each: list[Any] = [_marking(level).returning(*_answer(level)) for level in self.levels]
        parts: list[Any] = _parts(self.levels)
        rows: list[Any] = [select(*_columns(place, part)) for place, part in enumerate(parts)]
        every: Any = union_all(*rows)
        self.whole: Any = _built(every, model)
        self.root_alone: Any = _built(select(parts[0].c.id).add_cte(*parts), model)
        counts = [
            select(literal(level.model.__name__), func.count()).select_from(level.model).where(*going[level.model])
            for level in self.levels
        ]
        self.preview: Any = union_all(*counts).execution_options(**_TRUSTED)

    def locks(self, key: Mapping[str, int]) -> Iterator[str]:
        """For PostgreSQL, as text: they go in one message with the statement after them."""
        numbers = {name: f"{value:d}" for name, value in key.items()}
        return (lock % numbers for lock in self._locks)


def deletion(model: type[Entity]) -> Deletion:
    """The model's statements, built at their first use, and again when there are more tables."""
    return _deletion(cast(Hashable, model), len(REGISTRY.metadata.tables))


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


def _lock(level: Level, going: dict[type[Entity], Conditions]) -> str:
    # A row that is made below one of these shares a lock on it (see references): either waits for the other to end.
    statement = select(col(level.model.id)).where(*going[level.model]).order_by(level.model.__table__.c.id)
    return str(statement.with_for_update().compile(dialect=_POSTGRESQL))


def _is_parent(level: Level, whole: Deletion) -> bool:
    return any(level.model is parent for below in whole.levels for parent, _ in below.keys)


def _parts(found: tuple[Level, ...]) -> list[CTE]:
    """An UPDATE a table, whose RETURNING tells the next which rows went: within one statement none sees another's."""
    parts: dict[type[Entity], CTE] = {}
    for level in found:
        table = level.model.__table__
        by_parent = [table.c[column].in_(select(parts[parent].c.id)) for parent, column in level.keys]
        which = or_(*by_parent) if by_parent else table.c.id == _KEY
        marking: Any = _marked(update(table), level, which)
        parts[level.model] = marking.returning(*_answer(level)).cte(f"deleted_{table.name}")
    return list(parts.values())


def _marking(level: Level) -> Update:
    """The UPDATE of one table, after those of the tables above it."""
    by_parent = [
        level.model.__table__.c[column].in_(_ids(parent, (*_owned(parent), parent.__table__.c.deletion_id == _BATCH)))
        for parent, column in level.keys
    ]
    which = or_(*by_parent) if by_parent else level.model.__table__.c.id == _KEY
    statement = _marked(update(level.model), level, which)
    return statement.execution_options(synchronize_session=False, **_TRUSTED)


def _marked(statement: Update, level: Level, which: ColumnElement[bool]) -> Update:
    table = level.model.__table__
    when = bindparam(WHEN, type_=DateTime(timezone=True))
    values = {
        "is_deleted": True,
        "deleted_at": when,
        "updated_at": when,
        "deletion_id": _BATCH,
        "deleted_by": bindparam(WHO, type_=String()),
        "version": table.c.version + 1,
    }
    return statement.where(*_owned(level.model), which, ~table.c.is_deleted).values(values)


def _answer(level: Level) -> tuple[Any, Any]:
    return level.model.__table__.c.id, level.model.__table__.c.version


def _columns(place: int, part: Any) -> list[Any]:
    return [literal_column(str(place)), part.c.id, part.c.version]


def _owned(model: type[Entity]) -> Conditions:
    column = scope_column(model)
    return () if column is None else (column == _SCOPE,)


def _built(statement: Any, model: type[Entity]) -> Any:
    return prebuilt(statement.execution_options(**_TRUSTED), model)
