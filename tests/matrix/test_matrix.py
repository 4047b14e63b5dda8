"""Every type and form that people write in a table class, on every path, on both engines: it works, or it is refused.

``python -m tests.matrix`` says how many cells there are, and writes docs/types.md.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from domain import Database
from domain.kit.model.registry import REGISTRY
from domain.testing import Cluster
from domain.testing.fixtures import ENGINES
from tests.matrix.history import World, world
from tests.matrix.kinds import REFUSED, Kind, made
from tests.matrix.paths import cells, walk

CELLS = [pytest.param(kind, path, id=f"{kind.name}-{path}") for kind, path in cells()]


@pytest.fixture(scope="module", params=ENGINES)
def engine_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The tables of every kind, once for each engine."""
    folder = tmp_path_factory.mktemp("matrix")
    with ExitStack() as closing:
        if request.param == "sqlite":
            databases = [Database(f"sqlite:///{folder}/{name}.db") for name in ("created", "migrated")]
            grants: list[Callable[[], None]] = []
        else:
            cluster: Cluster = request.getfixturevalue("domain_cluster")
            names = [cluster.create(), cluster.create()]
            for name in names:
                closing.callback(cluster.drop, name)
            databases = [cluster.database(name) for name in names]
            grants = [lambda name=name: cluster.grant(name) for name in names]
        created, to_migrate = (closing.enter_context(database) for database in databases)
        yield closing.enter_context(world(created, to_migrate, folder / "alembic", lambda: [g() for g in grants]))


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
