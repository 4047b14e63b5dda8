"""The tables that purge knows: what refers to what, and in which order they are emptied."""

from functools import cached_property
from typing import NamedTuple

from sqlalchemy import Column, Connection, FromClause, Table, and_, inspect, text
from sqlalchemy.sql.elements import ColumnElement

from ..errors import ConfigurationError
from ..models import DomainModel, Entity, Organization
from ..models.base import REGISTRY
from ..models.tables import TENANT

TRAIL = "audit_entries"  # purging an organization's rows still writes to it: it goes after them
ORGANIZATIONS = Organization.__table__
_PARTITIONS = text(
    "SELECT relname FROM pg_class WHERE relispartition AND relnamespace = current_schema()::regnamespace"
)


class Reference(NamedTuple):
    """A foreign key: its columns beside those that they name."""

    child: Table
    parent: Table
    pairs: tuple[tuple[str, str], ...]

    def joins(self, child: FromClause, parent: FromClause) -> ColumnElement[bool]:
        """Whether the row of ``child`` refers to the row of ``parent``; either may be an alias."""
        return and_(*(child.c[own] == parent.c[named] for own, named in self.pairs))


class Schema:
    """Those tables of our models, and of an application's, that the database has.

    Raises:
        ConfigurationError: another table refers to them, which the imported models don't tell of.
    """

    def __init__(self, connection: Connection) -> None:
        present = set(inspect(connection).get_table_names())
        self.tables: list[Table] = [table for table in DomainModel.metadata.sorted_tables if table.name in present]
        self.models: dict[str, type[Entity]] = {
            str(mapper.local_table.description): mapper.class_
            for mapper in REGISTRY.mappers
            if issubclass(mapper.class_, Entity)
        }
        _refuse_unknown(connection, {table.name for table in self.tables})

    @cached_property
    def children_first(self) -> list[Table]:
        """The order in which they are emptied; the organizations and their trail come last."""
        order = self.tables[::-1]
        return sorted(order, key=lambda table: (table is ORGANIZATIONS, table.name == TRAIL))

    @cached_property
    def trail(self) -> Table | None:
        """The audit trail, where there is one."""
        return next((table for table in self.tables if table.name == TRAIL), None)

    def table(self, name: str) -> Table:
        """The table of that name."""
        return DomainModel.metadata.tables[name]

    @cached_property
    def _references(self) -> list[Reference]:
        return [
            Reference(table, key.referred_table, tuple((e.parent.key, e.column.key) for e in key.elements))
            for table in self.tables
            for key in table.foreign_key_constraints
        ]

    def to(self, table: Table) -> list[Reference]:
        """The keys that refer to the table."""
        return [reference for reference in self._references if reference.parent is table]

    def of(self, table: Table) -> list[Reference]:
        """The keys of the table, but that to its organization."""
        return [r for r in self._references if r.child is table and r.parent is not ORGANIZATIONS]

    def refers_to_itself(self, table: Table) -> bool:
        """Whether one pass over the rows may not be enough."""
        return any(reference.parent is table for reference in self.of(table))


def _refuse_unknown(connection: Connection, known: set[str]) -> None:
    ours: set[str] = set(connection.scalars(_PARTITIONS)) if connection.dialect.name == "postgresql" else set()
    for (_, name), keys in inspect(connection).get_multi_foreign_keys().items():
        for key in keys:
            if name not in known | ours and key["referred_table"] in known:
                raise ConfigurationError(
                    f"the table {name} refers to {key['referred_table']}, and no imported model describes it:"
                    " import the application's models first (--models)"
                )


def owner_column(table: Table) -> Column[int] | None:
    """The column that tells whose row it is; None where the table belongs to no organization."""
    return table.c.id if table is ORGANIZATIONS else table.c.get(TENANT)
