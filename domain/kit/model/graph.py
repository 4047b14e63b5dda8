"""What refers to what: the foreign keys of some tables as a graph, which trees and cycles do not break."""

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
Rows = Mapping[int, int]  # something about each, by its id
Found = dict[Table, dict[int, int]]


@dataclass(frozen=True)
class Edge:
    """A foreign key. ``pairs``: each of its columns beside the parent's that it names.

    Without ``on_delete`` a deletion passes it by: the rows stay as they are.
    """

    name: str
    child: Table
    parent: Table
    pairs: tuple[tuple[str, str], ...]
    on_delete: OnDelete | None

    @property
    def column(self) -> str:
        """The column that tells rows of the parent apart: beside it the organization's is called alike in both."""
        return next((own for own, named in self.pairs if own != named), self.pairs[-1][0])

    @property
    def is_required(self) -> bool:
        """Whether every row of the child refers to one."""
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

    def refers_to_itself(self, table: Table) -> bool:
        """Whether a row may refer to another of the same table, be it through other tables."""
        return any(edge.parent in self._below[table] for edge in self.of(table))

    @cached_property
    def cascades(self) -> "Graph":
        """The graph of what goes with what."""
        return Graph(self.tables, (edge for edge in self.edges if edge.on_delete == "cascade"))

    def restricting(self, tables: Iterable[Table]) -> list[Edge]:
        """The keys that refuse a deletion of rows of these tables while a live row refers to them."""
        return [edge for table in tables for edge in self.to(table) if edge.on_delete == "restrict"]

    @cached_property
    def order(self) -> tuple[Table, ...]:
        """Parents before children; by their names, those of one depth or cycle.

        SQLAlchemy's sort_tables forgets every key of a table that is in a cycle, those that lead out of it too.
        """
        return tuple(sorted(self.tables, key=lambda table: (self._depth[table], table.name)))

    def levels(self, root: Table) -> list[list[Table]]:
        """The root, and every table below it, once: those of a level refer to levels above, or to others in a cycle."""
        below = (table for table in self.order if table in self._below[root])
        return [list(level) for _, level in groupby(below, self._depth.__getitem__)]

    def walk(self, root: Table, first: Rows, ask: Callable[[int, Mapping[Table, Rows]], Mapping[Table, Rows]]) -> Found:
        """Every row at and below the ``first``, a level at a time; a level again while that finds more.

        ``ask`` is told the number of the level and the rows above; it tells those of the level that refer to them.
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
        """How many tables the longest way down to each leads through, the tables of its cycle apart."""
        depth: dict[Table, int] = {}
        # A parent has all below it that its child has, and itself.
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
        # By their names: what they name may not be there to be resolved.
        named = [element.target_fullname.rpartition(".") for element in key.elements]
        if (parent := known.get(named[0][0])) is not None:
            pairs = tuple(zip(key.column_keys, (column for *_, column in named), strict=True))
            yield Edge(str(key.name), table, parent, pairs, key.info.get(ON_DELETE))
