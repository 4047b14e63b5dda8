"""A database with the tables of every kind, and what became of rows that all of them had at once."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy import Connection, Table, text

from domain import Database, TenantRepository
from tests.matrix.kinds import Kind

_numbers = count(1)


def code() -> str:
    """A value for the natural key."""
    return f"row {next(_numbers)}"


@dataclass
class Bench:
    """``models``: the classes of each kind by their suffix (the table's is ""), by the name of the kind."""

    database: Database
    models: Mapping[str, Mapping[str, Any]]
    _texts: dict[tuple[str, bool], object] = field(default_factory=dict[tuple[str, bool], object])

    @property
    def tables(self) -> Sequence[Table]:
        return [classes[""].__table__ for classes in self.models.values()]

    def model(self, kind: Kind, suffix: str = "") -> Any:
        """The kind's table class, or its Content or Patch."""
        return self.models[kind.name][suffix]

    @contextmanager
    def rows(self, kind: Kind, *, actor: str | None = None) -> Generator[Any]:
        """The kind's repository, as an application would write it, in a new session of organization 1."""
        model = self.model(kind)
        repository: Any = type(f"{model.__name__}Repository", (TenantRepository,), {"model": model})
        with self.database.get_session(organization_id=1, actor=actor) as session:
            yield repository(session)

    def added(self, kind: Kind, value: Any, **fields: object) -> int:
        """Store a row by ``add``; its id."""
        with self.rows(kind) as rows:
            row_id: int = rows.add(self.model(kind)(code=code(), value=value, **fields)).id
        return row_id

    def reread(self, kind: Kind, row_id: int, value: Any, maybe: Any = None, *, include_deleted: bool = False) -> None:
        """Read the row through a new session, and by plain SQL: every path stores a value alike."""
        with self.rows(kind) as rows:
            row = rows.require(row_id, include_deleted=include_deleted)
        for found, wanted in ((row.value, value), (row.maybe, maybe)):
            assert same(found, wanted), (found, wanted)
        assert kind.holds(row)
        shown = self.stored(kind, row_id)
        for known in (kind.first, kind.second):
            if same(value, known):
                assert self._texts.setdefault((kind.name, known is kind.first), shown["value"]) == shown["value"]
        assert (shown["maybe"] is None) == (maybe is None)

    def stored(self, kind: Kind, row_id: int) -> Mapping[str, object]:
        """The row as the database shows it, as texts."""
        with self.database.migration_engine.connect() as connection:
            return stored(connection, kind, row_id)


def stored(connection: Connection, kind: Kind, row_id: int) -> Mapping[str, object]:
    """The columns of a row as texts; there are more or fewer of them by the revision that the table is at."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT set_config('app.organization_id', '1', true)"))
    names = connection.execute(
        text(f"SELECT t.* FROM {kind.table} t WHERE id = :id"), {"id": row_id}
    ).keys()  # a constant
    shown = (
        "CAST({} AS text)"
        if connection.dialect.name == "postgresql"
        else "CASE WHEN {0} IS NOT NULL THEN quote({0}) END"
    )
    columns = ", ".join(f"{shown.format(name)} AS {name}" for name in names)
    sql = text(f"SELECT {columns} FROM {kind.table} WHERE id = :id")  # the table's own names
    return dict(connection.execute(sql, {"id": row_id}).mappings().one())


def same(value: Any, wanted: Any) -> bool:
    """Whether the values are equal, and of one type; a list that tells its row of changes is a list."""
    if value is None or wanted is None:
        return value is wanted
    return isinstance(value, type(wanted)) and bool(value == wanted)
