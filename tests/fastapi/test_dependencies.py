"""What an application's dependencies are made of, and what is refused as one."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient

from domain import AuditRepository, ConfigurationError, Database, Tender, get_db_session
from domain.fastapi import RequestId
from domain.fastapi.dependencies import request_id
from domain.repositories import ApiKeyRepository


@pytest.mark.parametrize("name", ["get_db_session", "get_session", "tenant", "system_session"])
def test_what_names_an_organization_or_an_actor_is_refused_as_a_dependency(name: str, domain_sqlite: Database) -> None:
    dependency: Callable[..., Any] = getattr(domain_sqlite, name, get_db_session)
    app = FastAPI()
    with pytest.raises(ConfigurationError, match=r"no dependency: .*write one that returns db\.tenant"):
        app.get("/", dependencies=[Depends(dependency)])(lambda: None)

    def endpoint(given: Annotated[Any, Depends(dependency)]) -> None:
        """Never called."""

    with pytest.raises(ConfigurationError, match="no dependency"):
        app.get("/")(endpoint)
    assert app.openapi()["paths"] == {}


@pytest.fixture(scope="module")
def ids() -> TestClient:
    app = FastAPI()

    @app.get("/")
    def endpoint(
        request: Request, first: RequestId, again: Annotated[str, Depends(request_id, use_cache=False)]
    ) -> str:
        assert first == again == request.state.request_id
        return first

    return TestClient(app)


@pytest.mark.parametrize("given", ["r1", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a.b:c/d+e=@_-", "x" * 128])
def test_a_sane_request_id_is_kept(ids: TestClient, given: str) -> None:
    assert ids.get("/", headers={"X-Request-ID": given}).json() == given


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", "line\tbreak", "né", "\x7f", "'; DROP"])
def test_another_is_replaced(ids: TestClient, given: str) -> None:
    made = [ids.get("/", headers={b"X-Request-ID": given.encode()}).json() for _ in range(2)]
    assert given not in made
    assert len({UUID(each) for each in made}) == 2


def test_one_that_a_middleware_has_set_is_kept() -> None:
    app = FastAPI()

    @app.middleware("http")
    async def correlate(request: Request, call_next: Callable[[Request], Any]) -> Any:
        request.state.request_id = "from the middleware"
        return await call_next(request)

    @app.get("/")
    def endpoint(found: RequestId) -> str:
        return found

    assert TestClient(app).get("/").json() == "from the middleware"


def test_the_audit_trail_names_the_request(client: TestClient, domain_db: Database) -> None:
    created = client.post("/tenders", json={"title": "Bridge"}, headers={"X-Request-ID": "r1"})
    assert created.status_code == 201
    with domain_db.get_session(organization_id=1) as session:
        (entry,) = AuditRepository(session).page(entity=Tender, row_id=created.json()["id"]).items
        (key,) = ApiKeyRepository(session).find()
    assert (entry.request_id, entry.actor) == ("r1", f"key:{key.id}")
