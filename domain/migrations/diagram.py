"""``python -m domain.migrations.diagram``: this package's tables as a mermaid entity diagram."""

import re
from collections.abc import Iterator

from sqlalchemy import URL, Column, ForeignKeyConstraint, Table
from sqlalchemy.engine import Dialect

from ..models import Entity
from ..models.tables import TENANT, live_unique_indexes
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
    return "\n".join(_lines(domain_tables()))


def _lines(tables: list[Table]) -> Iterator[str]:
    yield "erDiagram"
    for table in tables:
        for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name)):
            yield f"    {_relation(table, key)}"
    for table in tables:
        yield f"    {table.name} {{"
        for column in sorted(table.c, key=_keys_first):
            if column.key not in _IN_EVERY_TABLE:
                yield f"        {_attribute(table, column)}"
        yield "    }"


def _relation(table: Table, key: ForeignKeyConstraint) -> str:
    column = next(column for column in key.columns if column.key != TENANT or len(key.columns) == 1)
    one_live = any(index.info["live_unique"] == (column.key,) for index in live_unique_indexes(table))
    parent = "|o" if column.nullable else "||"
    label = f"{column.key}, one live" if one_live else column.key
    return f'{key.referred_table.name} {parent}--{"o|" if one_live else "o{"} {table.name} : "{label}"'


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
