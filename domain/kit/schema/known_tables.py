"""The tables that the imported models describe, and those that they should."""

from sqlalchemy import Connection, inspect, text

from ...errors import ConfigurationError
from ..model import DomainModel
from ..model.graph import Graph, graph_of

_PARTITIONS = text(
    "SELECT relname FROM pg_class WHERE relispartition AND relnamespace = current_schema()::regnamespace"
)


def known_graph(connection: Connection) -> Graph:
    """The references among those tables of our models, and of an application's, that the database has.

    Raises:
        ConfigurationError: another table refers to them, which the imported models don't tell of.
    """
    present = set(inspect(connection).get_table_names())
    graph = graph_of(table for table in DomainModel.metadata.tables.values() if table.name in present)
    _refuse_unknown(connection, {table.name for table in graph.tables})
    return graph


def _refuse_unknown(connection: Connection, known: set[str]) -> None:
    ours: set[str] = set(connection.scalars(_PARTITIONS)) if connection.dialect.name == "postgresql" else set()
    for (_, name), keys in inspect(connection).get_multi_foreign_keys().items():
        for key in keys:
            if name not in known | ours and key["referred_table"] in known:
                raise ConfigurationError(
                    f"the table {name} refers to {key['referred_table']}, and no imported model describes it:"
                    " import the application's models first (--models)"
                )
