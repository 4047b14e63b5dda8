"""Every type and form that people write in a table class, on every path, on both engines: it works, or it is refused.

``python -m tests.matrix`` says how many cells there are, and writes docs/types.md.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from domain import Database, DomainError
from domain.kit.model.registry import REGISTRY
from domain.kit.repository.bulk_statements import insert_rows
from domain.testing import Cluster
from domain.testing.fixtures import ENGINES
from tests.matrix.history import World, world
from tests.matrix.kinds import REFUSED, WORKING, Kind, made
from tests.matrix.paths import cells, walk

CELLS = [pytest.param(kind, path, id=f"{kind.name}-{path}") for kind, path in cells()]


@pytest.fixture(scope="module", params=ENGINES)
def engine_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The tables of every kind, once for each engine."""
    folder = tmp_path_factory.mktemp("matrix")
    with ExitStack() as closing:
        if request.param == "sqlite":
            databases = [Database(f"sqlite:///{folder}/{name}.db") for name in ("created", "migrated")]
            names: list[str] = []
        else:
            cluster: Cluster = request.getfixturevalue("domain_cluster")
            names = [cluster.create(), cluster.create()]
            for name in names:
                closing.callback(cluster.drop, name)
            databases = [cluster.database(name) for name in names]

        def grant() -> None:
            for name in names:
                request.getfixturevalue("domain_cluster").grant(name)

        created, to_migrate = (closing.enter_context(database) for database in databases)
        yield closing.enter_context(world(created, to_migrate, folder / "alembic", grant))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "path"), CELLS)
def test_a_type_that_works_does_on_every_path(engine_world: World, kind: Kind, path: str) -> None:
    walk(engine_world, kind, path)


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in REFUSED])
def test_what_is_refused_is_when_the_class_is_made_with_what_to_write_instead(kind: Kind) -> None:
    before = set(REGISTRY.metadata.tables)
    with pytest.raises(TypeError) as refused:
        made(kind)
    assert str(refused.value).startswith((f"{kind.title}.", f"{kind.title}:"))
    assert kind.refused in str(refused.value)
    assert set(REGISTRY.metadata.tables) == before


def nothing(*_arguments: object, **_options: object) -> bool:
    """Stand in for what writes."""
    return True


def unchecked(_model: Any, given: Any, **_options: object) -> Any:
    return given


def without_the_optional(session: Any, model: Any, rows: Any, *rest: Any) -> Any:
    return insert_rows(session, model, [{**row, "maybe": None} for row in rows], *rest)


MUTATIONS: dict[str, tuple[str, Callable[..., Any], str, str]] = {
    "changes look like none": ("domain.kit.model.types.JSONOf.dumped", lambda *_: b"", "model", "change_in_place"),
    "a list keeps silent": ("domain.kit.model.types.TrackedList.changed", nothing, "list_int", "change_in_place"),
    "a column is left out": ("domain.kit.repository.bulk.insert_rows", without_the_optional, "date", "create_many"),
    "no row is updated": ("domain.kit.repository.bulk.update_rows", nothing, "decimal", "upsert_many"),
    "nothing is restored": ("domain.kit.repository.repository.restore_batch", nothing, "uuid", "delete_and_restore"),
    "nothing is checked": ("domain.kit.model.base.checked_fields", unchecked, "int", "assign"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_path_that_is_broken_makes_its_cells_red(
    engine_world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place, broken, kind_name, path = MUTATIONS[name]
    (kind,) = (kind for kind in WORKING if kind.name == kind_name)
    walk(engine_world, kind, path)
    monkeypatch.setattr(place, broken)
    with pytest.raises((AssertionError, DomainError, pytest.fail.Exception)):
        walk(engine_world, kind, path)
