"""One function for each path that a value takes; each writes a row in its way, and reads it again."""

import re
from collections.abc import Callable
from copy import deepcopy

import pytest
from pydantic import ValidationError
from sqlmodel import col

from domain import AuditRepository
from domain.errors import InvalidRowsError
from domain.kit.model.base import checked_fields
from domain.transfer import loading
from domain.transfer.archive import row_schema
from tests.matrix.bench import Bench, code, same
from tests.matrix.history import World, about, columns
from tests.matrix.kinds import WORKING, Kind


def construct(bench: Bench, kind: Kind) -> None:
    model = bench.model(kind)
    row = model(code=code(), value=kind.first)
    assert same(row.value, kind.first)
    assert row.maybe is None
    assert same(model.model_validate(row.model_dump(include={"code", "value"}, by_alias=True)).value, kind.first)
    if kind.bad is not None:
        with pytest.raises(ValidationError, match="value"):
            model(code=code(), value=kind.bad)


def assign(bench: Bench, kind: Kind) -> None:
    row_id = bench.added(kind, kind.first)
    with bench.rows(kind) as rows:
        row = rows.require(row_id)
        row.value, row.maybe = kind.second, kind.first
        if kind.bad is not None:
            with pytest.raises(ValidationError):
                row.value = kind.bad
    bench.reread(kind, row_id, kind.second, kind.first)
    with bench.rows(kind) as rows:
        rows.require(row_id).maybe = None
    bench.reread(kind, row_id, kind.second)


def change_in_place(bench: Bench, kind: Kind) -> None:
    """In a row that was read, and in one that is new."""
    assert kind.change is not None
    wanted = deepcopy(kind.first)
    kind.change(wanted)
    read_id = bench.added(kind, deepcopy(kind.first))
    with bench.rows(kind) as rows:
        read, new = rows.require(read_id), rows.add(rows.model(code=code(), value=deepcopy(kind.first)))
        kind.change(read.value)
        kind.change(new.value)
    for row in (read, new):
        bench.reread(kind, row.id, wanted)


def add(bench: Bench, kind: Kind) -> None:
    bench.reread(kind, bench.added(kind, kind.first, maybe=kind.second), kind.first, kind.second)


def put(bench: Bench, kind: Kind) -> None:
    model, name = bench.model(kind), code()
    with bench.rows(kind) as rows:
        row_id = rows.put(model(code=name, value=kind.first)).id
    bench.reread(kind, row_id, kind.first)
    with bench.rows(kind) as rows:
        assert rows.put(model(code=name, value=kind.second, maybe=kind.first)).id == row_id
    bench.reread(kind, row_id, kind.second, kind.first)


def create_many_objects(bench: Bench, kind: Kind) -> None:
    model = bench.model(kind)
    with bench.rows(kind) as rows:
        made = rows.create_many([model(code=code(), value=value) for value in (kind.first, kind.second)])
        ids = [row.id for row in made]
    for row_id, value in zip(ids, (kind.first, kind.second), strict=True):
        bench.reread(kind, row_id, value)


def create_many(bench: Bench, kind: Kind) -> None:
    with bench.rows(kind) as rows:
        whole = [{"code": code(), "value": kind.first, "maybe": kind.second}]
        (one,) = rows.create_many(whole)
        (two,) = rows.create_many([bench.model(kind, "Content")(code=code(), value=kind.second)])
        if kind.bad is not None:
            with pytest.raises(InvalidRowsError, match="value"):
                rows.create_many([{"code": code(), "value": kind.bad}])
    bench.reread(kind, one, kind.first, kind.second)
    bench.reread(kind, two, kind.second)


def upsert_many(bench: Bench, kind: Kind) -> None:
    name = code()
    first = {"code": name, "value": kind.first}
    second = {"code": name, "value": kind.second, "maybe": kind.first}
    for content, counts in ((first, (1, 0, 0)), (first, (0, 0, 1)), (second, (0, 1, 0)), (second, (0, 0, 1))):
        with bench.rows(kind) as rows:
            done = rows.upsert_many([content])
        assert (done.created, done.updated, done.unchanged) == counts
        bench.reread(kind, done.ids[0], content["value"], content.get("maybe"))


def update(bench: Bench, kind: Kind) -> None:
    row_id = bench.added(kind, kind.first, maybe=kind.first)
    with bench.rows(kind) as rows:
        rows.update(row_id, bench.model(kind, "Patch")(value=kind.second))
    bench.reread(kind, row_id, kind.second, kind.first)


def find(bench: Bench, kind: Kind) -> None:
    row_id, other = (bench.added(kind, value) for value in (kind.first, kind.second))
    with bench.rows(kind) as rows:
        model = rows.model
        found = {row.id for row in rows.find(col(model.value) == kind.first, col(model.id).in_([row_id, other]))}
    assert found == {row_id}


def delete_and_restore(bench: Bench, kind: Kind) -> None:
    row_id = bench.added(kind, kind.first)
    with bench.rows(kind) as rows:
        assert rows.soft_delete(row_id)
    with bench.rows(kind) as rows:
        assert rows.get(row_id) is None
    bench.reread(kind, row_id, kind.first, include_deleted=True)
    with bench.rows(kind) as rows:
        assert rows.restore(row_id)
    bench.reread(kind, row_id, kind.first)


def audit(bench: Bench, kind: Kind) -> None:
    row_id = bench.added(kind, kind.first)
    with bench.rows(kind) as rows:
        rows.require(row_id).value = kind.second
    with bench.database.get_session(organization_id=1) as session:
        entry, inserted = AuditRepository(session).page(entity=bench.model(kind), row_id=row_id).items
    assert (inserted.action, entry.action) == ("insert", "update")
    before, after = (side.get("value") if side else None for side in (entry.before, entry.after))
    read = before if kind.said is not None else checked_fields(bench.model(kind), {"value": before})["value"]
    assert read == (kind.first if kind.said is None else kind.said), (before, after)
    assert before != after


def move(bench: Bench, kind: Kind) -> None:
    """As a line of an archive, and back under another id; the row that is there keeps its key."""
    model, row_id = bench.model(kind), bench.added(kind, kind.first, maybe=kind.second)
    schema = row_schema(model.__table__)
    with bench.rows(kind) as rows:
        row = rows.require(row_id)
        line = schema.model_construct(**{name: getattr(row, name) for name in schema.model_fields}).model_dump_json()
    with loading(bench.database, organization_id=1, actor="move") as load:
        (loaded,) = load(model, [{**dict(schema.model_validate_json(line)), "id": row_id + 10**6, "code": code()}])
    bench.reread(kind, loaded, kind.first, kind.second)


def create_all(world: World, kind: Kind) -> None:
    engine = world.bench.database.migration_engine
    wanted = set(world.bench.model(kind).__table__.c.keys())
    assert columns(engine, [world.bench.model(kind).__table__]) == {kind.table: wanted}


def autogenerate(world: World, kind: Kind) -> None:
    assert about(kind, world.differences) == []


def upgrade(world: World, kind: Kind) -> None:
    """What the first revision's table had is there after the second, as it was; the new table works as any."""
    history = world.migrated
    assert history.upgraded[kind.name] == {**history.first[kind.name], "maybe": None}
    history.bench.reread(kind, history.bench.added(kind, kind.first, maybe=kind.second), kind.first, kind.second)


def downgrade(world: World, kind: Kind) -> None:
    """What the second revision's table had is there after it was taken back; after the first no table is."""
    assert world.migrated.downgraded[kind.name] == world.migrated.first[kind.name]
    assert kind.table not in world.migrated.left


def check(world: World, kind: Kind) -> None:
    assert about(kind, world.migrated.differences) == []


def erase(world: World, kind: Kind) -> None:
    assert re.fullmatch(r"'?erased-\d+'?", str(world.aged.deleted_by[kind.name]))


def purge(world: World, kind: Kind) -> None:
    with world.bench.rows(kind) as rows:
        assert rows.get(world.aged.purged[kind.name], include_deleted=True) is None
    world.bench.reread(kind, world.aged.kept[kind.name], kind.first)


OF_ROWS: tuple[Callable[[Bench, Kind], None], ...] = (
    construct,
    assign,
    change_in_place,
    add,
    put,
    create_many_objects,
    create_many,
    upsert_many,
    update,
    find,
    delete_and_restore,
    audit,
    move,
)
OF_TABLES: tuple[Callable[[World, Kind], None], ...] = (
    create_all,
    autogenerate,
    upgrade,
    downgrade,
    check,
    erase,
    purge,
)
PATHS = tuple(path.__name__ for path in (*OF_ROWS, *OF_TABLES))


def cells() -> list[tuple[Kind, str]]:
    """Every kind that works with every path: what can't change in place does not."""
    return [(kind, path) for kind in WORKING for path in PATHS if kind.change or path != "change_in_place"]


def walk(world: World, kind: Kind, name: str) -> None:
    """Take the path."""
    for path in OF_ROWS:
        if path.__name__ == name:
            path(world.bench, kind)
    for of_tables in OF_TABLES:
        if of_tables.__name__ == name:
            of_tables(world, kind)
