"""One clone for all of these tests: making one takes longer than most of them."""

from collections.abc import Iterator

import pytest

from domain import Database, Organization
from domain.testing import Cluster, postgresql_database
from tests.retention.rows import clear, put


@pytest.fixture(scope="session")
def retained_postgresql(domain_cluster: Cluster) -> Iterator[Database]:
    """The clone."""
    with postgresql_database(domain_cluster) as database:
        yield database


@pytest.fixture
def domain_postgresql(retained_postgresql: Database) -> Database:
    """That clone, emptied, with organizations 1 and 2."""
    clear(retained_postgresql)
    for organization_id, word in enumerate(("first", "second"), 1):
        put(retained_postgresql, Organization, id=organization_id, name=f"The {word} organization", slug=word)
    return retained_postgresql
