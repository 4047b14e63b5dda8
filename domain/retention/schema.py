"""The tables that purge knows: what refers to what, and in which order they are emptied."""

from functools import cached_property

from sqlalchemy import Connection, FromClause, Table, inspect, text

from ..errors import ConfigurationError
from ..kit.model import DomainModel, Entity
from ..kit.model.base import REGISTRY
from ..kit.model.graph import Graph, graph_of
from ..kit.records import AuditEntry
from ..organizations.model import Organization

TRAIL = AuditEntry.__table__  # purging an organization's rows still writes to it: it goes after them
ORGANIZATIONS = Organization.__table__
_PARTITIONS = text(
    "SELECT relname FROM pg_class WHERE relispartition AND relnamespace = current_schema()::regnamespace"
)


class Schema:
    """Those tables of our models, and of an application's, that the database has.

    Raises:
        ConfigurationError: another table refers to them, which the imported models don't tell of.
    """

    def __init__(self, connection: Connection) -> None:
        present = set(inspect(connection).get_table_names())
        self.graph: Graph = graph_of(table for table in DomainModel.metadata.tables.values() if table.name in present)
        self.models: dict[FromClause, type[Entity]] = {
            mapper.local_table: mapper.class_ for mapper in REGISTRY.mappers if issubclass(mapper.class_, Entity)
        }
        _refuse_unknown(connection, {table.name for table in self.graph.tables})

    @cached_property
    def children_first(self) -> list[Table]:
        """The order in which they are emptied; the organizations and their trail come last."""
        order = self.graph.order[::-1]
        return sorted(order, key=lambda table: (table is ORGANIZATIONS, table is TRAIL))


def _refuse_unknown(connection: Connection, known: set[str]) -> None:
    ours: set[str] = set(connection.scalars(_PARTITIONS)) if connection.dialect.name == "postgresql" else set()
    for (_, name), keys in inspect(connection).get_multi_foreign_keys().items():
        for key in keys:
            if name not in known | ours and key["referred_table"] in known:
                raise ConfigurationError(
                    f"the table {name} refers to {key['referred_table']}, and no imported model describes it:"
                    " import the application's models first (--models)"
                )
