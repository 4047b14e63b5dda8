"""``python -m tests.docs.diagram``: this package's tables as a mermaid entity diagram, for docs/reference.md."""

import re
from collections.abc import Iterator

from sqlalchemy import URL, Column, Table

from domain import Entity
from domain.kit.model.graph import Edge, graph_of
from domain.kit.model.tables import live_unique_indexes
from domain.migrations.trees import domain_tables

_POSTGRESQL = URL.create("postgresql+psycopg2").get_dialect()()
# What every table has would hide what tells them apart.
_IN_EVERY_TABLE = frozenset(Entity.model_fields) - {"id"}
# "numeric(20, 4)" and "timestamp with time zone" are no type names to mermaid.
_DETAILS = re.compile(r"\(\d+, \d+\)| with time zone")


def diagram() -> str:
    """The ``erDiagram``: a line for each foreign key, and the columns, without those that every table has.

    UK marks what is unique among live rows, alone or together with the other columns so marked.
    """
    graph = graph_of(domain_tables())
    relations = [f"    {_relation(edge)}" for table in graph.tables for edge in graph.of(table)]
    return "\n".join(["erDiagram", *relations, *(line for table in graph.tables for line in _entity(table))])


def _relation(edge: Edge) -> str:
    one_live = any(index.info["live_unique"] == (edge.column,) for index in live_unique_indexes(edge.child))
    parent = "||" if edge.is_required else "|o"
    label = f"{edge.column}, one live" if one_live else edge.column
    return f'{edge.parent.name} {parent}--{"o|" if one_live else "o{"} {edge.child.name} : "{label}"'


def _entity(table: Table) -> Iterator[str]:
    unique = {name for index in live_unique_indexes(table) for name in index.info["live_unique"]}
    yield f"    {table.name} {{"
    for column in sorted(table.c, key=_keys_first):
        if column.key not in _IN_EVERY_TABLE:
            marks = {"PK": column.primary_key, "FK": bool(column.foreign_keys), "UK": column.key in unique}
            keys = ", ".join(mark for mark, holds in marks.items() if holds)
            kind = _DETAILS.sub("", column.type.compile(_POSTGRESQL).lower())
            yield f"        {kind} {column.key} {keys}".rstrip()
    yield "    }"


def _keys_first(column: Column[object]) -> tuple[bool, bool, bool]:
    return column.key != "id", not column.primary_key, not column.foreign_keys


if __name__ == "__main__":
    print(diagram())
