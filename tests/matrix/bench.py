"""A database with the tables of every kind, and what the paths do with their rows."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy import Connection, text

from domain import Database, TenantRepository, TenantSession
from tests.matrix.kinds import Kind

_numbers = count(1)


def code() -> str:
    """A value for the natural key."""
    return f"row {next(_numbers)}"


def repository_of(model: Any) -> Any:
    """A class as an application would write it."""
    return type(f"{model.__name__}Repository", (TenantRepository,), {"model": model})


@dataclass
class Bench:
    """``models``: the classes of each kind by their suffix (the table's is ""), by the name of the kind."""

    database: Database
    models: Mapping[str, Mapping[str, Any]]
    _raw: dict[tuple[str, int], object] = field(default_factory=dict)

    def model(self, kind: Kind, suffix: str = "") -> Any:
        """The kind's table class, or its Content or Patch."""
        return self.models[kind.name][suffix]

    @contextmanager
    def rows(self, kind: Kind, *, actor: str | None = None) -> Generator[Any]:
        """The kind's repository in a new session of organization 1."""
        with self.database.get_session(organization_id=1, actor=actor) as session:
            yield repository_of(self.model(kind))(session)

    def added(self, kind: Kind, value: Any, *, maybe: Any = None, actor: str | None = None) -> int:
        """Store a row by ``add``; its id."""
        with self.rows(kind, actor=actor) as rows:
            row_id: int = rows.add(self.model(kind)(code=code(), value=value, maybe=maybe)).id
        return row_id

    def reread(self, kind: Kind, row_id: int, value: Any, maybe: Any = None, *, include_deleted: bool = False) -> Any:
        """Read the row through a new session and by plain SQL: it has these values, stored as ``add`` stores them."""
        with self.rows(kind) as rows:
            row = rows.require(row_id, include_deleted=include_deleted)
        assert same(row.value, value), (row.value, value)
        assert same(row.maybe, maybe), (row.maybe, maybe)
        assert kind.holds(row)
        with self.database.migration_engine.connect() as connection:
            shown = stored(connection, kind, row_id)
        for known, number in ((kind.first, 0), (kind.second, 1)):
            if same(value, known):
                assert self._raw.setdefault((kind.name, number), shown["value"]) == shown["value"]
        assert (shown["maybe"] is None) == (maybe is None)
        return row


def same(value: Any, wanted: Any) -> bool:
    """Whether the values are equal, and of one type; a list that tells its row of changes is a list."""
    if value is None or wanted is None:
        return value is wanted
    offsets = [moment.utcoffset() if hasattr(moment, "utcoffset") else None for moment in (value, wanted)]
    return isinstance(value, type(wanted)) and value == wanted and [offset is None for offset in offsets] in ([True] * 2, [False] * 2)


def stored(connection: Connection, kind: Kind, row_id: int) -> Mapping[str, object]:
    """The row's values as the database shows them, whoever asks."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT set_config('app.organization_id', '1', true)"))
        columns = "CAST(value AS text) AS value, CAST(maybe AS text) AS maybe"
    else:
        columns = "quote(value) AS value, CASE WHEN maybe IS NOT NULL THEN quote(maybe) END AS maybe"
    return connection.execute(text(f"SELECT {columns} FROM {kind.table} WHERE id = :id"), {"id": row_id}).mappings().one()
