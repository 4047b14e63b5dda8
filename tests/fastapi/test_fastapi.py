"""The package's classes as request and response types of a FastAPI application."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.pool import PoolProxiedConnection

from domain import Database, Tender, TenderRepository, UserRepository
from domain.fastapi import install_errors
from domain.passwords import verify_password
from tests.fastapi.conftest import ClientOf

ANN = {"email": "Ann@Example.org", "full_name": "Ann", "password": "correct horse"}
FIRST = {"If-Match": 'W/"1"'}


def _create(client: TestClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/tenders", json={"title": "Bridge", **fields})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def test_a_tender_is_created_read_patched_and_listed(client: TestClient, domain_db: Database) -> None:
    created = _create(client, estimated_value="1250.50", currency="EUR", deadline="2027-03-01T12:00:00+02:00")
    path = f"/tenders/{created['id']}"
    assert client.get(path).json() == created
    assert created["deadline"] == "2027-03-01T10:00:00Z"
    patched = client.patch(path, headers=FIRST, json={"title": "Harbour bridge"})
    assert patched.status_code == 200
    assert patched.json()["version"] == 2
    assert patched.json()["estimated_value"] == created["estimated_value"]
    page = client.get("/tenders", params={"with_total": True}).json()
    assert [item["title"] for item in page["items"]] == ["Harbour bridge"]
    assert page["total"] == 1
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).require(created["id"]).title == "Harbour bridge"


def test_pages_follow_each_other_by_their_cursor(client: TestClient) -> None:
    titles = [_create(client, title=f"Bridge {number}")["title"] for number in range(3)]
    first = client.get("/tenders", params={"limit": 2}).json()
    second = client.get("/tenders", params={"limit": 2, "after": first["next_cursor"]}).json()
    assert [item["title"] for item in first["items"] + second["items"]] == titles[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("field", ["id", "organization_id", "status", "role", "version", "is_deleted", "surprise"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_body_may_not_carry_what_is_not_the_clients_to_write(client: TestClient, method: str, field: str) -> None:
    created = _create(client)
    path = "/tenders" if method == "POST" else f"/tenders/{created['id']}"
    answer = client.request(method, path, headers=FIRST, json={"title": "Forged", field: 2})
    assert answer.status_code == 422
    assert [line["loc"] for line in answer.json()["detail"]] == [["body", field]]
    assert client.get(f"/tenders/{created['id']}").json() == created


@pytest.mark.parametrize("field", ["role", "hashed_password", "is_verified", "last_login_at"])
def test_a_user_may_not_give_themselves_rights(client: TestClient, field: str) -> None:
    body = {**ANN, field: "admin"}
    answer = client.post("/users", json=body)
    assert answer.status_code == 422
    assert [line["loc"] for line in answer.json()["detail"]] == [["body", field]]


def test_the_password_hash_is_in_no_answer_and_not_in_the_openapi_document(
    client: TestClient, domain_db: Database
) -> None:
    created = client.post("/users", json=ANN)
    assert created.status_code == 201
    texts = [created.text, client.get("/users").text, json.dumps(client.get("/openapi.json").json())]
    assert "ann@example.org" in texts[0]
    for text in texts:
        assert "hashed_password" not in text
        assert "argon2" not in text
        assert ANN["password"] not in text
    with domain_db.get_session(organization_id=1) as session:
        (user,) = UserRepository(session).list_by_organization()
        assert verify_password(ANN["password"], user.hashed_password) == (True, None)


def test_a_patch_refuses_null_where_the_column_does_and_takes_it_elsewhere(client: TestClient) -> None:
    created = _create(client, url="https://example.org/1")
    path = f"/tenders/{created['id']}"
    assert client.patch(path, headers=FIRST, json={"title": None}).status_code == 422
    assert client.patch(path, headers=FIRST, json={"url": None}).json()["url"] is None


def test_another_organizations_tender_is_not_found(client: TestClient, client_of: ClientOf) -> None:
    created = _create(client)
    answer = client_of(2).get(f"/tenders/{created['id']}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Bridge" not in answer.text


def test_a_duplicate_is_a_conflict_and_a_stale_version_a_failed_precondition(client: TestClient) -> None:
    created = _create(client, external_id="ocds-1")
    duplicate = client.post("/tenders", json={"title": "Again", "external_id": "ocds-1"})
    assert duplicate.status_code == 409
    assert duplicate.json()["detail"] == "Tender: another live row has the same external_id"
    stale = client.patch(f"/tenders/{created['id']}", headers={"If-Match": 'W/"7"'}, json={"title": "Late"})
    assert stale.status_code == 412


def test_a_foreign_cursor_and_a_wrong_limit_are_refused(client: TestClient) -> None:
    assert client.get("/tenders", params={"after": "nonsense"}).status_code == 422
    answer = client.get("/tenders", params={"limit": 500})
    assert answer.status_code == 422
    assert "200" in answer.json()["detail"][0]["msg"]


def test_a_row_that_the_commit_refuses_is_no_success(domain_db: Database) -> None:
    app = FastAPI()
    install_errors(app)

    @app.post("/", status_code=202)
    def queue() -> None:
        with domain_db.get_session(organization_id=1) as session:
            session.add(Tender(title="Bridge", external_id="ocds-1"))  # sent by the COMMIT, at the end of the block

    client = TestClient(app, raise_server_exceptions=False)
    assert [client.post("/").status_code for _ in range(2)] == [202, 409]
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).count() == 1


def test_a_commit_that_fails_is_no_success(
    client: TestClient, domain_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect = domain_db.engine.dialect

    def fail(connection: PoolProxiedConnection) -> None:
        if not domain_db.is_sqlite:  # PostgreSQL ends a transaction whose COMMIT it refuses, SQLite does not
            connection.rollback()
        raise dialect.loaded_dbapi.OperationalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(dialect, "do_commit", fail)
        answer = client.post("/tenders", json={"title": "Bridge"})
    assert answer.status_code in {500, 503}
    assert client.get("/tenders").json()["items"] == []
