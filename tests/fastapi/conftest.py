"""The example application over the test's database."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from domain import Database, UserRole, get_db
from examples.api import app
from tests.fastapi.serving import key_of

ClientOf = Callable[..., TestClient]


@pytest.fixture
def api(domain_db: Database) -> Iterator[TestClient]:
    """It sends no key."""
    app.dependency_overrides[get_db] = lambda: domain_db
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    app.dependency_overrides.clear()


@pytest.fixture
def client_of(api: TestClient, domain_db: Database) -> ClientOf:
    """A client with an API key of an organization."""

    def client_of(organization_id: int, role: UserRole = UserRole.OWNER) -> TestClient:
        headers = key_of(domain_db, organization_id, role)
        return TestClient(api.app, raise_server_exceptions=False, headers=headers)

    return client_of


@pytest.fixture
def client(client_of: ClientOf) -> TestClient:
    """Organization 1's own."""
    return client_of(1)
