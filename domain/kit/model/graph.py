"""The foreign keys of some tables as a graph; a table may refer to itself, and keys may form cycles."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Literal

from sqlalchemy import FromClause, Table, and_
from sqlalchemy.sql.elements import ColumnElement

ON_DELETE = "on_delete"
"""In the ``info`` of a foreign key: what becomes of its rows when the row that they refer to is deleted softly."""
OnDelete = Literal["cascade", "set_null", "restrict"]
Rows = Mapping[int, int]  # the version of each row, by id
Found = dict[Table, dict[int, int]]


@dataclass(frozen=True)
class Edge:
    """A foreign key. ``pairs``: each of its columns with the parent's that it references.

    Without ``on_delete`` a deletion ignores it: the rows stay as they are.
    """

    name: str
    child: Table
    parent: Table
    pairs: tuple[tuple[str, str], ...]
    on_delete: OnDelete | None

    @property
    def column(self) -> str:
        """The column that identifies the parent's row, not the organization's, which has one name in both."""
        return next((own for own, named in self.pairs if own != named), self.pairs[-1][0])

    @property
    def is_required(self) -> bool:
        """True if every row of the child has a parent."""
        return not any(self.child.c[own].nullable for own, _ in self.pairs)

    def joins(self, child: FromClause, parent: FromClause) -> ColumnElement[bool]:
        """The condition that the row of ``child`` refers to the row of ``parent``; either may be an alias."""
        return and_(*(child.c[own] == parent.c[named] for own, named in self.pairs))


class Graph:
    """The edges among some tables."""

    def __init__(self, tables: Iterable[Table], edges: Iterable[Edge]) -> None:
        self.tables: tuple[Table, ...] = tuple(tables)
        self.edges: tuple[Edge, ...] = tuple(edges)
        self._of: defaultdict[Table, list[Edge]] = defaultdict(list)
        self._to: defaultdict[Table, list[Edge]] = defaultdict(list)
        for edge in self.edges:
            self._of[edge.child].append(edge)
            self._to[edge.parent].append(edge)

    def of(self, table: Table) -> list[Edge]:
        """The table's own keys."""
        return self._of[table]

    def to(self, table: Table) -> list[Edge]:
        """The keys that refer to the table."""
        return self._to[table]

    def circular(self, table: Table) -> list[Edge]:
        """The table's keys by which a row may refer to another of the same table, even through other tables."""
        return [edge for edge in self.of(table) if edge.parent in self._below[table]]

    def refers_to_itself(self, table: Table) -> bool:
        """True if a row may refer to another of the same table, even through other tables."""
        return bool(self.circular(table))

    @cached_property
    def cascades(self) -> "Graph":
        """The graph of the keys that cascade."""
        return Graph(self.tables, (edge for edge in self.edges if edge.on_delete == "cascade"))

    def restricting(self, tables: Iterable[Table]) -> list[Edge]:
        """The keys that refuse a deletion of rows of these tables while a live row refers to them."""
        return [edge for table in tables for edge in self.to(table) if edge.on_delete == "restrict"]

    @cached_property
    def order(self) -> tuple[Table, ...]:
        """The tables, parents first; those of one depth or cycle by name.

        SQLAlchemy's sort_tables drops every key of a table in a cycle, even those that lead out of it.
        """
        return tuple(sorted(self.tables, key=lambda table: (self._depth[table], table.name)))

    def levels(self, root: Table) -> list[list[Table]]:
        """The root and every table below it, by level: each refers to levels above, or in a cycle to its own."""
        below = (table for table in self.order if table in self._below[root])
        return [list(level) for _, level in groupby(below, self._depth.__getitem__)]

    def walk(self, root: Table, first: Rows, ask: Callable[[int, Mapping[Table, Rows]], Mapping[Table, Rows]]) -> Found:
        """Find every row at and below the ``first``, level by level; repeat a level while it finds more.

        ``ask`` takes the number of a level and the rows above; it returns the rows of the level that refer to them.
        """
        found: Found = {root: dict(first)}
        for number, level in enumerate(self.levels(root)):
            fresh: Mapping[Table, Rows] = found
            while any(fresh.get(edge.parent) for table in level for edge in self.of(table)):
                rows = ask(number, fresh)
                fresh = {
                    table: {row_id: row for row_id, row in of_table.items() if row_id not in found.get(table, {})}
                    for table, of_table in rows.items()
                }
                for table, new in fresh.items():
                    found.setdefault(table, {}).update(new)
        return found

    @cached_property
    def _depth(self) -> dict[Table, int]:
        """The length of the longest path down to each table; all tables of a cycle have the same."""
        depth: dict[Table, int] = {}
        # Parents first: below a parent is all that is below its child, and the child itself.
        for table in sorted(self.tables, key=lambda table: -len(self._below[table])):
            above = [d for p, d in depth.items() if table in self._below[p] and p not in self._below[table]]
            depth[table] = 1 + max(above, default=-1)
        return depth

    @cached_property
    def _below(self) -> dict[Table, frozenset[Table]]:
        return {table: frozenset(self._reached(table)) for table in self.tables}

    def _reached(self, root: Table) -> list[Table]:
        found = [root]
        for table in found:
            found += {edge.child for edge in self.to(table)}.difference(found)
        return found


def graph_of(tables: Iterable[Table]) -> Graph:
    """Build the graph of these tables; a key to a table that is not among them (yet) is left out."""
    known = {table.fullname: table for table in tables}
    return Graph(known.values(), (edge for table in known.values() for edge in _edges(table, known)))


def _edges(table: Table, known: Mapping[str, Table]) -> Iterator[Edge]:
    for key in sorted(table.foreign_key_constraints, key=lambda key: [*key.column_keys]):
        # By name: the table that a key names may not exist yet.
        named = [element.target_fullname.rpartition(".") for element in key.elements]
        if (parent := known.get(named[0][0])) is not None:
            pairs = tuple(zip(key.column_keys, (column for *_, column in named), strict=True))
            yield Edge(str(key.name), table, parent, pairs, key.info.get(ON_DELETE))
