"""Errors of endpoints: what the client is told, and what the log says."""

import logging
import re
from collections.abc import Callable

import psycopg2
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select, update
from starlette.responses import PlainTextResponse, Response

from domain import (
    ArgumentError,
    ConfigurationError,
    ConstraintError,
    Database,
    DomainError,
    DuplicateError,
    NotFoundError,
    Organization,
    OrganizationRepository,
    OutcomeUnknownError,
    StaleVersionError,
    TenantSession,
    Tender,
    TenderContent,
    TenderPublic,
    TenderRepository,
    UnavailableError,
)
from domain.errors import (
    HardDeletionError,
    InvalidRowsError,
    LegalHoldError,
    MisuseError,
    OrganizationDeletedError,
    TenantRequiredError,
    TenantScopeError,
)
from domain.fastapi import install_errors
from domain.kit.database.translate import failed
from domain.kit.records import SystemAccess

SECRET = "zx7731"
PROBLEM = "application/problem+json"


def raising(raise_it: Callable[[], object], *, response_model: type[BaseModel] | None = None) -> TestClient:
    """A client of an application whose one endpoint is this function."""
    app = FastAPI()
    install_errors(app)

    @app.get("/things/{secret}", response_model=response_model)
    def endpoint(secret: str) -> object:
        return raise_it()

    return TestClient(app, raise_server_exceptions=False)


def throw(error: Exception) -> Callable[[], object]:
    def raise_it() -> object:
        raise error

    return raise_it


def test_a_problem_has_the_facts_as_members() -> None:
    answers: dict[DomainError, tuple[int, dict[str, object]]] = {
        NotFoundError(Tender, 7): (404, {"entity": "Tender", "entity_id": 7}),
        DuplicateError("Tender", ["external_id"], constraint="ux", holder_id=3): (
            409,
            {"entity": "Tender", "fields": ["external_id"], "constraint": "ux", "holder_id": 3},
        ),
        StaleVersionError("Tender", 7, seen=2, current=None): (
            409,
            {"entity": "Tender", "entity_id": 7, "seen": 2, "current": None},
        ),
        ConstraintError("no", constraint="ck", entity="Tender", fields=("currency",)): (
            422,
            {"entity": "Tender", "fields": ["currency"], "constraint": "ck"},
        ),
        InvalidRowsError("Tender", {1: "no"}): (422, {"entity": "Tender", "reasons": {"1": "no"}}),
    }
    for error, (status, facts) in answers.items():
        answer = raising(throw(error)).get("/things/1")
        assert answer.status_code == status
        assert answer.headers["content-type"] == PROBLEM
        told = answer.json()
        assert told.pop("title")
        assert told == {"type": "about:blank", "status": status, "detail": str(error), **facts}


@pytest.mark.parametrize(
    "error",
    [
        OrganizationDeletedError(1),
        TenantRequiredError("Tender"),
        TenantScopeError(bound=1, asked=2),
        TenantScopeError(bound=1, asked=None),
        LegalHoldError(1),
        failed(),
        NotFoundError(Tender, 7),
        DuplicateError("Tender", ["external_id"], constraint="ux", holder_id=3),
        StaleVersionError("Tender", 7, seen=2, current=None),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_client_is_told_what_a_developer_should_do(error: DomainError) -> None:
    answer = raising(throw(error)).get("/things/1")
    assert answer.status_code < 500
    told = answer.json()["detail"]
    assert len(told) > 5
    assert re.search(r"\w\(|=|Repository|session|roll back|domain\.|[0-9]{2}", told) is None


def test_an_organization_that_is_deleted_is_told_without_advice(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        assert OrganizationRepository(session).soft_delete(1)
    answer = raising(lambda: domain_db.tenant(1).run(lambda s: TenderRepository(s).count())).get("/things/1")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "the organization is deleted"


def _by_a_function_over_all(session: TenantSession) -> object:
    return session.exec(select(Tender).where(col(Tender.categories).like("x"))).all()


def _two_organizations(session: TenantSession) -> None:
    session.add_all(Organization(name=slug, slug=slug) for slug in ("one", "other"))
    session.flush()


def _a_managed_column(session: TenantSession) -> object:
    return session.exec(update(Tender).values(version=7))


def _the_systems_own(session: TenantSession) -> object:
    return session.exec(select(SystemAccess)).all()


@pytest.mark.parametrize(
    "unit",
    [_by_a_function_over_all, _two_organizations, _a_managed_column, _the_systems_own],
    ids=lambda unit: unit.__name__,
)
def test_a_statement_that_is_written_wrong_is_no_clients_fault(
    unit: Callable[[TenantSession], object], domain_db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    answer = raising(lambda: domain_db.tenant(1).run(unit)).get("/things/1")
    assert answer.status_code == 500
    assert "detail" not in answer.json()
    assert "MisuseError" in Logged(caplog).text


def test_a_rule_of_the_database_is_told_with_its_fields(domain_db: Database) -> None:
    def endpoint() -> None:
        with domain_db.get_session(organization_id=1) as session:
            TenderRepository(session).create(title="Bridge", currency="EUR")

    told = raising(endpoint).get("/things/1").json()
    assert told["status"] == 422
    assert (told["entity"], told["constraint"]) == ("Tender", "ck_tenders_currency_needs_value")
    assert told["fields"] == ["currency", "estimated_value"]


class Logged:
    """What the package's logger said, as a handler prints it."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.records = [record for record in caplog.records if record.name.startswith("domain.fastapi")]
        formatter = logging.Formatter("%(levelname)s %(message)s")
        self.text = "\n".join(formatter.format(record) for record in self.records)


UNAVAILABLE = UnavailableError("busy", retryable=True)
GONE = UnavailableError("gone", retryable=False)


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (UNAVAILABLE, 503, "1"),
        (GONE, 503, "30"),
        (OutcomeUnknownError(), 500, None),
        (ConfigurationError(f"run this, {SECRET}-free"), 500, None),
        (HardDeletionError("Tender"), 500, None),
        (MisuseError("write it as select(Tender)"), 500, None),
        (DomainError("of an application's own"), 500, None),
        (SQLAlchemyError("something"), 500, None),
        (RuntimeError("a programmer's mistake"), 500, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_is_no_clients_fault_is_logged_with_its_cause_and_the_requests_id(
    error: Exception, status: int, retry_after: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    def endpoint() -> None:
        raise error from psycopg2.OperationalError("the disk is full")

    answer = raising(endpoint).get(f"/things/{SECRET}", headers={"X-Request-ID": "r1"})
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json().keys() == {"type", "title", "status", "request_id"}
    assert answer.json()["request_id"] == "r1"
    logged = Logged(caplog)
    assert len(logged.records) == 1
    assert f"ERROR GET /things/{{secret}}: {status}, request r1" in logged.text
    assert f"{type(error).__name__}: {error}" in logged.text
    assert "OperationalError: the disk is full" in logged.text
    assert 'raise error from psycopg2.OperationalError("the disk is full")' in logged.text
    assert f"/things/{SECRET}" not in logged.text


def test_an_answer_of_the_applications_own_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    answer = raising(throw(HTTPException(502, "upstream is away"))).get("/things/1")
    assert (answer.status_code, answer.headers["content-type"]) == (502, PROBLEM)
    told = {"type": "about:blank", "title": "Bad Gateway", "status": 502, "detail": "upstream is away"}
    assert answer.json() == told
    assert "502" in Logged(caplog).text
    caplog.clear()
    assert raising(throw(HTTPException(418))).get("/things/1").status_code == 418
    assert Logged(caplog).records == []


def test_a_status_that_has_no_phrase_is_answered_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    answer = raising(throw(HTTPException(499, "client closed"))).get("/things/1")
    told = {"type": "about:blank", "title": "Error", "status": 499, "detail": "client closed"}
    assert (answer.status_code, answer.json()) == (499, told)
    assert Logged(caplog).records == []


def test_a_method_that_there_is_not_is_told_which_there_are() -> None:
    app = FastAPI()
    install_errors(app)
    for method in ("GET", "PATCH"):
        app.api_route("/things/{thing_id}", methods=[method])(throw(HTTPException(404)))
    app.post("/things")(throw(HTTPException(404)))
    answer = TestClient(app).delete("/things/1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PATCH")
    assert answer.json() == {"type": "about:blank", "title": "Method Not Allowed", "status": 405}


def test_a_clients_fault_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert raising(throw(ArgumentError("limit must be from 1 to 200"))).get("/things/1").status_code == 422
    assert Logged(caplog).records == []


class Theirs(BaseModel):
    """A model of an application's own: of what a language model answered, say."""

    score: int


def test_no_value_reaches_the_log(domain_postgresql: Database, caplog: pytest.LogCaptureFixture) -> None:
    own_engine = create_engine(domain_postgresql.engine.url)  # without our translation, and with parameters in errors

    def broken_syntax() -> None:
        with domain_postgresql.engine.connect() as connection:
            connection.execute(text("SELEKT :secret"), {"secret": SECRET})

    def another_engine() -> None:
        with own_engine.connect() as connection:
            connection.execute(text("SELECT CAST(:secret AS int)"), {"secret": SECRET})

    def both() -> None:
        try:
            another_engine()
        except SQLAlchemyError:
            raise UNAVAILABLE  # noqa: B904  # what was being handled is logged as well

    def an_answer_that_is_not_read() -> None:
        Theirs.model_validate({"score": SECRET})

    def refused_by_its_own_answer() -> None:
        try:
            an_answer_that_is_not_read()
        except ValueError as error:
            raise GONE from error

    endpoints = [broken_syntax, another_engine, both, an_answer_that_is_not_read, refused_by_its_own_answer]
    applications = [*map(raising, endpoints), raising(lambda: {"id": SECRET}, response_model=TenderPublic)]
    for application in applications:
        caplog.clear()
        answer = application.get("/things/1")
        assert answer.status_code >= 500
        logged = Logged(caplog)
        assert len(logged.records) == 1
        assert "Traceback" in logged.text
        assert SECRET not in logged.text + answer.text
    own_engine.dispose()


def test_a_model_that_an_endpoint_makes_of_bad_values_is_a_422() -> None:
    answer = raising(lambda: Tender(title="")).get("/things/1")
    assert answer.status_code == 422
    (line,) = answer.json()["detail"]
    assert line == {"type": "string_too_short", "loc": ["title"], "msg": "String should have at least 1 character"}
    patched = raising(lambda: TenderContent.model_validate({"title": SECRET * 200})).get("/things/1")
    assert patched.status_code == 422
    assert SECRET not in patched.text


def test_a_model_of_an_answer_is_no_clients_fault(caplog: pytest.LogCaptureFixture) -> None:
    answer = raising(lambda: TenderPublic.model_validate({"title": ""})).get("/things/1")
    assert answer.status_code == 500
    assert "TenderPublic: ('title',): string_too_short" in Logged(caplog).text
    refused = raising(lambda: {"title": ""}, response_model=TenderContent).get("/things/1")
    assert refused.status_code == 500


def test_handlers_of_the_application_stay() -> None:
    async def own(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse("mine", 499)

    before = FastAPI(exception_handlers={HTTPException: own, DomainError: own})
    install_errors(before)
    after = FastAPI()
    install_errors(after)
    after.add_exception_handler(HTTPException, own)
    after.add_exception_handler(NotFoundError, own)
    for app in (before, after):
        app.get("/http")(throw(HTTPException(404)))
        app.get("/domain")(throw(NotFoundError(Tender, 7)))
        client = TestClient(app)
        assert [client.get(path).status_code for path in ("/http", "/domain")] == [499, 499]


def test_the_openapi_document_lists_the_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["components"]["schemas"]["Problem"]["required"] == ["title", "status"]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) >= 8
    for operation in operations:
        responses = operation["responses"]
        assert {"403", "404", "409", "422", "500", "503"} <= responses.keys()
        for status in ("404", "409", "422", "503"):
            schema = responses[status]["content"][PROBLEM]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}
    create = document["paths"]["/tenders"]["post"]["responses"]["422"]["content"]
    assert create["application/json"]["schema"] == {"$ref": "#/components/schemas/HTTPValidationError"}


def test_routes_that_come_later_are_documented_too() -> None:
    app = FastAPI(responses={404: {"description": "Nothing there"}})
    install_errors(app)
    assert app.openapi()["paths"] == {}
    app.get("/late")(lambda: 1)
    responses = app.openapi()["paths"]["/late"]["get"]["responses"]
    assert responses["404"]["description"] == "Nothing there"
    assert PROBLEM in responses["404"]["content"]
    assert app.openapi() is app.openapi()
