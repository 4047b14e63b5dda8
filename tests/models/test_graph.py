"""The graph of references: over the package's own tables, and over tables made by hand, with trees and cycles."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, ForeignKeyConstraint, Integer, MetaData, Table

from domain import Tender, User
from domain.kit.model.graph import ON_DELETE, Graph, Rows, graph_of
from domain.migrations.trees import domain_tables

NAMES = "abcdefgh"
Keys = Sequence[tuple[str, str]]  # child, parent


def made(keys: Keys, names: str = NAMES, **rules: str | None) -> dict[str, Table]:
    """Tables that refer to each other; a key is called by its child and parent (``ba``), and cascades by default."""
    metadata = MetaData()
    tables: dict[str, Table] = {}
    for name in names:
        parents = [parent for child, parent in keys if child == name]
        columns: list[Any] = [Column(f"{parent}_id", Integer, nullable=parent < name) for parent in parents]
        for parent in parents:
            info = {ON_DELETE: rules.get(name + parent, "cascade")}
            columns.append(ForeignKeyConstraint([f"{parent}_id"], [f"{parent}.id"], name=name + parent, info=info))
        tables[name] = Table(name, metadata, Column("id", Integer, primary_key=True), *columns)
    return tables


def levels(tables: Mapping[str, Table], root: str) -> list[str]:
    return ["".join(table.name for table in level) for level in graph_of(tables.values()).cascades.levels(tables[root])]


def edges(graph: Graph, table: Table) -> list[tuple[str, str, str, bool, str | None]]:
    return [(e.parent.name, e.column, e.name, e.is_required, e.on_delete) for e in graph.of(table)]


def test_the_packages_own_references_are_told_with_their_rule() -> None:
    tables = {table.name: table for table in domain_tables()}
    graph = graph_of(tables.values())
    assert {(e.child.name, e.parent.name, e.column) for e in graph.edges if e.on_delete == "cascade"} == {
        ("users", "organizations", "organization_id"),
        ("api_keys", "organizations", "organization_id"),
        ("analysis_results", "tenders", "tender_id"),
        ("bid_documents", "tenders", "tender_id"),
        ("tender_notices", "tenders", "tender_id"),
    }
    (to_organization,) = graph.of(Tender.__table__)
    assert (to_organization.column, to_organization.is_required, to_organization.on_delete) == (
        "organization_id",
        True,
        None,
    )
    (of_notice,) = [edge for edge in graph.of(tables["tender_notices"]) if edge.parent is Tender.__table__]
    assert of_notice.pairs == (("organization_id", "organization_id"), ("tender_id", "id"))
    assert [t.name for t in graph.order if graph.to(t)] == ["organizations", "tenders"]
    assert graph.levels(User.__table__) == [[User.__table__]]


def test_a_key_knows_its_table_its_columns_and_what_it_requires() -> None:
    tables = made([("a", "b"), ("b", "a")], ba="set_null")
    graph = graph_of(tables.values())
    assert edges(graph, tables["a"]) == [("b", "b_id", "ab", True, "cascade")]
    assert edges(graph, tables["b"]) == [("a", "a_id", "ba", False, "set_null")]
    (edge,) = graph.to(tables["a"])
    assert str(edge.joins(edge.child, edge.parent)) == "b.a_id = a.id"


def test_the_column_of_a_composite_key_is_not_the_one_that_both_tables_have() -> None:
    metadata = MetaData()
    columns = [Column(name, Integer) for name in ("id", "owner", "parent")]
    key = ForeignKeyConstraint(["parent", "owner"], ["things.id", "things.owner"])
    things = Table("things", metadata, *columns, key)
    (edge,) = graph_of([things]).edges
    assert edge.column == "parent"


def test_a_key_to_a_table_that_is_not_there_is_no_edge() -> None:
    tables = made([("b", "a"), ("c", "b")])
    assert edges(graph_of([tables["b"], tables["c"]]), tables["b"]) == []
    assert len(graph_of([tables["b"], tables["c"]]).edges) == 1


def test_what_goes_with_a_row_comes_after_all_that_it_goes_with() -> None:
    assert levels(made([("b", "a"), ("c", "a"), ("c", "b"), ("d", "a"), ("a", "e")]), "a") == ["a", "bd", "c"]
    assert levels(made([("b", "c"), ("c", "d"), ("b", "d")]), "d") == ["d", "c", "b"]


def test_a_key_without_the_rule_brings_nothing_along() -> None:
    assert levels(made([("b", "a"), ("c", "a"), ("d", "b")], ba="set_null", ca=None), "a") == ["a"]


def test_a_tree_is_one_level() -> None:
    tables = made([("a", "a"), ("b", "a")])
    graph = graph_of(tables.values())
    assert levels(tables, "a") == ["a", "b"]
    assert [table.name for table in tables.values() if graph.refers_to_itself(table)] == ["a"]


def test_the_tables_of_a_cycle_are_one_level_between_what_is_above_and_below_it() -> None:
    tables = made([("d", "h"), ("b", "d"), ("c", "b"), ("d", "c"), ("a", "c"), ("h", "g")])
    graph = graph_of(tables.values())
    assert levels(tables, "h") == ["h", "bcd", "a"]
    assert levels(tables, "c") == ["bcd", "a"]
    assert "".join(table.name for table in graph.order) == "efghbcda"
    assert [table.name for table in tables.values() if graph.refers_to_itself(table)] == ["b", "c", "d"]


def test_a_cycle_that_a_rule_cuts_through_is_none_for_a_deletion() -> None:
    assert levels(made([("a", "b"), ("b", "a")], ba="set_null"), "b") == ["b", "a"]


keys = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), unique=True, max_size=16)


def reached(keys: Keys, root: str) -> set[str]:
    """The tables that refer to one, be it through others, and itself; by looking again until nothing is new."""
    found = {root}
    while new := {child for child, parent in keys if parent in found} - found:
        found |= new
    return found


@given(keys=keys)
def test_every_table_is_after_its_parents_but_those_of_its_own_cycle(keys: Keys) -> None:
    tables = made(keys)
    order = [table.name for table in graph_of(tables.values()).order]
    assert sorted(order) == list(NAMES)
    for child, parent in keys:
        assert order.index(parent) < order.index(child) or parent in reached(keys, child)


@given(keys=keys, root=st.sampled_from(NAMES))
def test_levels_reach_every_table_once_after_its_parents_but_those_of_its_own_cycle(keys: Keys, root: str) -> None:
    found = levels(made(keys), root)
    assert sorted("".join(found)) == sorted(reached(keys, root))
    assert root in found[0]
    place = {name: number for number, level in enumerate(found) for name in level}
    for child, parent in keys:
        if parent in place:
            assert place[parent] < place[child] or (place[parent] == place[child] and parent in reached(keys, child))


@given(keys=keys)
def test_the_order_does_not_depend_on_that_of_the_tables(keys: Keys) -> None:
    tables = made(keys)
    assert graph_of(tables.values()).order == graph_of(reversed(tables.values())).order


@given(keys=keys)
def test_every_key_is_one_edge_from_both_sides(keys: Keys) -> None:
    tables = made(keys)
    graph = graph_of(tables.values())
    assert sorted((edge.child.name, edge.parent.name) for edge in graph.edges) == sorted(keys)
    for table in tables.values():
        assert graph.of(table) == [edge for edge in graph.edges if edge.child is table]
        assert graph.to(table) == [edge for edge in graph.edges if edge.parent is table]


Row = tuple[str, int]
Links = Sequence[tuple[Row, Row]]  # child, parent


def walked(links: Links, first: Row) -> tuple[set[Row], list[str]]:
    """The rows that a walk finds, and the levels that it asked for, in their order."""
    keys = sorted({(child[0], parent[0]) for child, parent in links})
    tables = made(keys)
    asked: list[str] = []

    graph = graph_of(tables.values())
    levels = graph.levels(tables[first[0]])

    def ask(level: int, above: Mapping[Table, Rows]) -> Mapping[Table, Rows]:
        names = {table.name for table in levels[level]}
        asked.append("".join(sorted(names)))
        parents = {(parent.name, row_id) for parent, ids in above.items() for row_id in ids}
        below = [child for child, parent in links if child[0] in names and parent in parents]
        return {tables[name]: {row_id: 0 for of, row_id in below if of == name} for name in names}

    found = graph.walk(tables[first[0]], {first[1]: 0}, ask)
    return {(table.name, row_id) for table, rows in found.items() for row_id in rows}, asked


def test_a_walk_asks_once_for_each_level_whose_parents_have_rows() -> None:
    a, b, c, d = (("a", 1), ("b", 1), ("c", 1), ("d", 1))
    assert walked([(b, a), (c, a), (c, b), (d, a)], a) == ({a, b, c, d}, ["bd", "c"])
    assert walked([(b, a), (d, c), (c, (b[0], 2))], a) == ({a, b}, ["b", "c"])


def test_a_walk_down_a_tree_repeats_its_level_until_nothing_is_left() -> None:
    rows = [("a", number) for number in range(4)]
    tree = list(zip(rows[1:], rows, strict=False))
    assert walked([*tree, (("b", 1), rows[3])], rows[1]) == ({*rows[1:], ("b", 1)}, ["a", "a", "a", "b"])


def test_a_walk_round_a_cycle_of_rows_ends() -> None:
    one, two, itself = ("a", 1), ("b", 1), ("c", 1)
    assert walked([(one, two), (two, one), (itself, itself), (itself, two)], one)[0] == {one, two, itself}


rows = st.tuples(st.sampled_from("abcd"), st.integers(1, 3))


@given(links=st.lists(st.tuples(rows, rows), max_size=20), first=rows)
def test_a_walk_finds_exactly_the_rows_that_belong_to_the_first(links: Links, first: Row) -> None:
    wanted = {first}
    while new := {child for child, parent in links if parent in wanted} - wanted:
        wanted |= new
    found, asked = walked(links, first)
    assert found == wanted
    assert len(asked) <= len(wanted) * len(NAMES)
