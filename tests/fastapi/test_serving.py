"""Pages, conditions and probes: what an application takes from ``domain.fastapi``."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Query, Response
from fastapi.testclient import TestClient
from pydantic import field_serializer, field_validator

from domain import (
    ConfigurationError,
    Database,
    NotFoundError,
    Page,
    TenantHandle,
    Tender,
    TenderContent,
    TenderFilter,
    TenderOrder,
    TenderPatch,
    TenderPublic,
    TenderRepository,
    get_db,
)
from domain.fastapi import CurrentDatabase, IfMatch, PageParams, health_routes, install_errors, with_etag

PROBLEM = "application/problem+json"
app = FastAPI()
install_errors(app)
app.include_router(health_routes())
seen: list[str] = []


class CountedTender(TenderPublic):
    """Counts how often a row is validated and serialized."""

    @field_validator("title")
    @classmethod
    def _validated(cls, title: str) -> str:
        seen.append("validated")
        return title

    @field_serializer("title")
    def _serialized(self, title: str) -> str:
        seen.append("serialized")
        return title


def tenant(db: CurrentDatabase) -> TenantHandle:
    return db.tenant(1, actor="tests")


Tenant = Annotated[TenantHandle, Depends(tenant)]


@app.post("/tenders", status_code=201, response_model=TenderPublic)
def create_tender(body: TenderContent, tenant: Tenant, response: Response) -> Tender:
    with tenant.session() as session:
        return with_etag(response, TenderRepository(session).add(Tender.model_validate(body)))


@app.get("/tenders")
def list_tenders(
    tenant: Tenant,
    page: PageParams,
    wanted: Annotated[TenderFilter, Query()],
    order: TenderOrder = TenderOrder.DEADLINE,
) -> Page[TenderPublic]:
    with tenant.session() as session:
        return TenderRepository(session).page(wanted, order_by=order, as_=TenderPublic, **page)


@app.get("/counted")
def list_counted(tenant: Tenant, page: PageParams) -> Page[CountedTender]:
    with tenant.session() as session:
        return TenderRepository(session).page(as_=CountedTender, **page)


@app.get("/tenders/{tender_id}")
def read_tender(tender_id: int, tenant: Tenant, response: Response) -> TenderPublic:
    with tenant.session() as session:
        found = TenderRepository(session).get(tender_id, as_=TenderPublic)
    if found is None:
        raise NotFoundError(Tender, tender_id)
    return with_etag(response, found)


@app.patch("/tenders/{tender_id}", response_model=TenderPublic)
async def patch_tender(
    tender_id: int, body: TenderPatch, version: IfMatch, tenant: Tenant, response: Response
) -> Tender:
    patched = await tenant.arun(lambda s: TenderRepository(s).update(tender_id, body, expected_version=version))
    return with_etag(response, patched)


@app.put("/tenders/{tender_id}/title")
def put_title(tender_id: int, title: str, version: int, tenant: Tenant) -> None:
    with tenant.session() as session:
        TenderRepository(session).update(tender_id, TenderPatch(title=title), expected_version=version)


@pytest.fixture
def serving(domain_db: Database) -> Iterator[TestClient]:
    app.dependency_overrides[get_db] = lambda: domain_db
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    app.dependency_overrides.clear()


def create(client: TestClient, title: str = "Bridge", **fields: Any) -> dict[str, Any]:
    answer = client.post("/tenders", json={"title": title, **fields})
    assert (answer.status_code, answer.headers["ETag"]) == (201, 'W/"1"')
    created: dict[str, Any] = answer.json()
    return created


def titles(page: dict[str, Any]) -> list[str]:
    return [item["title"] for item in page["items"]]


def test_pages_are_walked_both_ways_beside_a_filter_and_an_order(serving: TestClient) -> None:
    for day in (3, 1, 2):
        create(serving, f"Bridge {day}", source="ted", deadline=f"2027-03-0{day}T12:00:00Z")
    create(serving, "Of another source", source="doffin")
    asked: dict[str, Any] = {"source": "ted", "order": "-deadline", "limit": 2}
    first = serving.get("/tenders", params={**asked, "with_total": True}).json()
    assert (titles(first), first["total"]) == (["Bridge 3", "Bridge 2"], 3)
    second = serving.get("/tenders", params={**asked, "after": first["next_cursor"]}).json()
    assert (titles(second), second["next_cursor"], second["total"]) == (["Bridge 1"], None, None)
    back = serving.get("/tenders", params={**asked, "before": second["previous_cursor"]}).json()
    assert titles(back) == ["Bridge 3", "Bridge 2"]
    assert titles(serving.get("/tenders").json())[:3] == ["Bridge 1", "Bridge 2", "Bridge 3"]


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"with_total": "x"}, {"after": "x"}, {"before": "x"}]
)
def test_a_page_that_there_is_not_is_a_422(params: dict[str, Any], serving: TestClient) -> None:
    assert serving.get("/tenders", params=params).status_code == 422


def test_the_openapi_document_has_the_parameters_of_a_page(serving: TestClient) -> None:
    parameters = serving.get("/openapi.json").json()["paths"]["/counted"]["get"]["parameters"]
    limit = next(one["schema"] for one in parameters if one["name"] == "limit")
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 200, 50)
    assert {one["name"] for one in parameters} == {"after", "before", "limit", "with_total"}
    assert all(one["description"] and not one["required"] for one in parameters)


def test_a_served_page_is_validated_and_serialized_once(serving: TestClient) -> None:
    for number in range(3):
        create(serving, f"Bridge {number}")
    seen.clear()
    assert titles(serving.get("/counted").json()) == ["Bridge 2", "Bridge 1", "Bridge 0"]
    assert sorted(seen) == ["serialized"] * 3 + ["validated"] * 3


@pytest.mark.parametrize("form", ['W/"{}"', '"{}"', ' W/"{}" '])
def test_a_change_goes_on_from_the_etag_that_was_read(form: str, serving: TestClient) -> None:
    path = f"/tenders/{create(serving)['id']}"
    for version in (1, 2):
        assert serving.get(path).headers["ETag"] == f'W/"{version}"'
        changed = serving.patch(path, json={"title": f"Bridge {version}"}, headers={"If-Match": form.format(version)})
        assert (changed.status_code, changed.headers["ETag"]) == (200, f'W/"{version + 1}"')
    assert serving.get(path).json()["title"] == "Bridge 2"


def test_a_stale_etag_is_a_412_that_names_the_version(serving: TestClient) -> None:
    path = f"/tenders/{create(serving)['id']}"
    for version in (7, 1_000_000_000, 2**31 - 1):
        answer = serving.patch(path, json={"title": "Late"}, headers={"If-Match": f'W/"{version}"'})
        assert (answer.status_code, answer.headers["content-type"]) == (412, PROBLEM)
        told = answer.json()
        assert (told["status"], told["title"], told["seen"], told["current"]) == (
            412,
            "Precondition Failed",
            version,
            1,
        )
    assert serving.get(path).json()["title"] == "Bridge"


def test_a_stale_version_by_other_means_is_a_conflict(serving: TestClient) -> None:
    path = f"/tenders/{create(serving)['id']}/title"
    assert serving.put(path, params={"title": "Late", "version": 7}).status_code == 409


@pytest.mark.parametrize("etag", [None, "*", " * "])
def test_a_change_without_an_etag_is_a_428(etag: str | None, serving: TestClient) -> None:
    path = f"/tenders/{create(serving)['id']}"
    answer = serving.patch(path, json={"title": "Blind"}, headers={"If-Match": etag} if etag else {})
    assert (answer.status_code, answer.headers["content-type"]) == (428, PROBLEM)
    assert answer.json() == {
        "type": "about:blank",
        "title": "Precondition Required",
        "status": 428,
        "detail": "send If-Match with the ETag of the row that was read",
    }
    assert serving.get(path).json()["title"] == "Bridge"


@pytest.mark.parametrize(
    "etag",
    [
        *("1", 'w/"1"', '"1', '"0"', '"-1"', '"01"', '"1", "2"', '"abc"', '""', '"\u00b2"', "\xff"),
        *('"2147483648"', '"9999999999"', '"10000000000"'),
    ],
)
def test_an_etag_of_no_row_is_a_412(etag: str, serving: TestClient) -> None:
    path = f"/tenders/{create(serving)['id']}"
    answer = serving.patch(path, json={"title": "Blind"}, headers={b"If-Match": etag.encode("latin-1")})
    assert (answer.status_code, answer.headers["content-type"]) == (412, PROBLEM)
    assert serving.get(path).json()["title"] == "Bridge"


def test_only_an_operation_with_a_condition_documents_its_answers(serving: TestClient) -> None:
    paths = serving.get("/openapi.json").json()["paths"]
    patch = paths["/tenders/{tender_id}"]["patch"]
    header = next(one for one in patch["parameters"] if one["in"] == "header")
    assert (header["name"], header["required"]) == ("If-Match", False)
    for status in ("412", "428"):
        assert patch["responses"][status]["content"][PROBLEM]["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert status not in paths["/tenders/{tender_id}"]["get"]["responses"]
        assert status not in paths["/counted"]["get"]["responses"]


def test_without_the_handlers_a_missing_etag_is_still_a_428(domain_sqlite: Database) -> None:
    plain = FastAPI()

    @plain.patch("/")
    def patch(version: IfMatch) -> int:
        return version

    client = TestClient(plain)
    assert client.patch("/").status_code == 428
    assert client.patch("/", headers={"If-Match": '"3"'}).json() == 3


def test_a_process_that_may_take_requests_is_ready(serving: TestClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = serving.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert path not in serving.get("/openapi.json").json()["paths"]


def _unmigrated() -> Database:
    return Database("sqlite://")


def _unreachable() -> Database:
    return Database("postgresql://shop:zx7731@127.0.0.1:1/shop")


@pytest.mark.parametrize(("make", "reason"), [(_unmigrated, "domain db upgrade"), (_unreachable, "database")])
def test_one_that_may_not_is_alive_and_says_why_without_a_secret(
    make: Callable[[], Database], reason: str, serving: TestClient
) -> None:
    with make() as database:
        app.dependency_overrides[get_db] = lambda: database
        assert serving.get("/healthz").status_code == 200
        answer = serving.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    told = answer.json()
    assert (told["title"], told["status"]) == ("Not ready", 503)
    assert reason in told["detail"]
    assert "zx7731" not in answer.text


def test_one_that_has_no_database_yet_is_alive(serving: TestClient) -> None:
    def none() -> Database:
        raise ConfigurationError("no database yet")

    app.dependency_overrides[get_db] = none
    assert [serving.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 500]
