"""The example application over the test's database."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from domain import Database, get_db
from examples.shop import app


@pytest.fixture
def client(domain_db: Database) -> Iterator[TestClient]:
    app.dependency_overrides[get_db] = lambda: domain_db
    with TestClient(app, raise_server_exceptions=False, headers={"X-Organization": "1"}) as client:
        yield client
    app.dependency_overrides.clear()
