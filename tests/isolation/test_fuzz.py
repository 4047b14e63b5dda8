"""An answer depends neither on the rows that others have nor on those that the organization has deleted."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from unittest.mock import patch

import pytest

from domain import Database, TenantSession
from domain.kit.session.options import Wanted
from domain.testing import Cluster, postgresql_database, sqlite_database
from tests.attack.layers import Layer, switched_off
from tests.isolation.statements import Side, differences, plant

STATEMENTS = int(os.environ.get("DOMAIN_TEST_STATEMENTS", "500"))  # in each of the four kinds of worlds
SIDES = (Side(deleted=False, others=False), Side(deleted=True, others=False), Side(deleted=True, others=True))

Worlds = dict[Side, Database]


@pytest.fixture(scope="module", params=["sqlite", "sqlite without views", "postgresql", "postgresql without policies"])
def worlds(request: pytest.FixtureRequest) -> Iterator[Worlds]:
    """Databases that differ in what organization 1 must not see."""
    made: Worlds = {}
    with ExitStack() as stack:
        for side in SIDES:
            if "sqlite" in request.param:
                template: Path = request.getfixturevalue("domain_sqlite_template")
                made[side] = stack.enter_context(sqlite_database(template))
            else:
                cluster: Cluster = request.getfixturevalue("domain_cluster")
                made[side] = stack.enter_context(postgresql_database(cluster))
            plant(made[side], side)
            if "without" in request.param:
                stack.enter_context(switched_off(made[side], {Layer.POLICIES}))
        yield made


def _with_deleted(_live: bool, itself: frozenset[str], purging: bool) -> Wanted:
    return Wanted(live=False, itself=itself, purging=purging)


def opened(database: Database) -> AbstractContextManager[TenantSession]:
    return database.get_session(organization_id=1)


def test_every_world_gives_the_same_answers(worlds: Worlds) -> None:
    first = int(os.environ.get("DOMAIN_TEST_SEED", "0"))
    assert differences(worlds, opened, seeds=range(first, first + STATEMENTS)) == []


@pytest.mark.parametrize("worlds", ["sqlite without views"], indirect=True)
def test_it_goes_red_where_the_compiler_leaves_the_organization_out(worlds: Worlds) -> None:
    with switched_off(worlds[SIDES[0]], {Layer.GUARD}):
        assert len(differences(worlds, opened, seeds=range(100))) > 10


@pytest.mark.parametrize("worlds", ["sqlite without views"], indirect=True)
def test_it_goes_red_where_deleted_rows_are_not_left_out(worlds: Worlds) -> None:
    with patch("domain.kit.session.guard.Wanted", _with_deleted):
        assert len(differences(worlds, opened, seeds=range(100))) > 10
