"""``python -m domain.migrations.diagram``: this package's tables as a mermaid entity diagram."""

import re
from collections.abc import Iterator

from sqlalchemy import URL, Column, Table
from sqlalchemy.engine import Dialect

from ..kit.model import Entity
from ..kit.model.graph import Edge, Graph, graph_of
from ..kit.model.tables import live_unique_indexes
from .trees import domain_tables

_POSTGRESQL: Dialect = URL.create("postgresql+psycopg2").get_dialect()()
# What every table has would hide what tells them apart.
_IN_EVERY_TABLE = frozenset(Entity.model_fields) - {"id"}
# "numeric(20, 4)" and "timestamp with time zone" are no type names to mermaid.
_DETAILS = re.compile(r"\(\d+, \d+\)| with time zone")


def diagram() -> str:
    """The ``erDiagram``: a line for each foreign key, and the columns, without those that every table has.

    UK marks what is unique among live rows, alone or together with the other columns so marked.
    """
    return "\n".join(_lines(graph_of(domain_tables())))


def _lines(graph: Graph) -> Iterator[str]:
    yield "erDiagram"
    for table in graph.tables:
        for edge in graph.of(table):
            yield f"    {_relation(edge)}"
    for table in graph.tables:
        yield f"    {table.name} {{"
        for column in sorted(table.c, key=_keys_first):
            if column.key not in _IN_EVERY_TABLE:
                yield f"        {_attribute(table, column)}"
        yield "    }"


def _relation(edge: Edge) -> str:
    one_live = any(index.info["live_unique"] == (edge.column,) for index in live_unique_indexes(edge.child))
    parent = "||" if edge.is_required else "|o"
    label = f"{edge.column}, one live" if one_live else edge.column
    return f'{edge.parent.name} {parent}--{"o|" if one_live else "o{"} {edge.child.name} : "{label}"'


def _keys_first(column: Column[object]) -> tuple[bool, bool, bool]:
    return column.key != "id", not column.primary_key, not column.foreign_keys


def _attribute(table: Table, column: Column[object]) -> str:
    unique = any(column.key in index.info["live_unique"] for index in live_unique_indexes(table))
    marks = {"PK": column.primary_key, "FK": bool(column.foreign_keys), "UK": unique}
    keys = ", ".join(mark for mark, holds in marks.items() if holds)
    kind = _DETAILS.sub("", column.type.compile(_POSTGRESQL).lower())
    return f"{kind} {column.key} {keys}".rstrip()


if __name__ == "__main__":
    print(diagram())
