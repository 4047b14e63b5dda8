"""The example application: a story from sign-up to the audit trail, and who may do what."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col

from domain import Database, OrganizationRepository, User, UserRepository, UserRole
from domain.models import OrganizationPlan
from domain.passwords import hash_password
from examples.api import access
from tests.fastapi.conftest import ClientOf

PROBLEM = "application/problem+json"
PASSWORD = "correct horse"
CONTENT = {"executive_summary": "Ours.", "capabilities": "Many.", "approach": "Fast.", "value_proposition": "Cheap."}
MISSING = 999_999
# The least role for each request; where it suffices, the answer is that of a row which is not there.
RIGHTS: dict[tuple[str, str], UserRole] = {
    ("GET", "/tenders"): UserRole.VIEWER,
    ("GET", "/counts"): UserRole.VIEWER,
    ("GET", f"/tenders/{MISSING}"): UserRole.VIEWER,
    ("GET", f"/analyses/{MISSING}"): UserRole.VIEWER,
    ("GET", "/bids"): UserRole.VIEWER,
    ("GET", f"/bids/{MISSING}"): UserRole.VIEWER,
    ("GET", "/usage"): UserRole.VIEWER,
    ("GET", "/organization"): UserRole.VIEWER,
    ("POST", "/tenders"): UserRole.MEMBER,
    ("PATCH", f"/tenders/{MISSING}"): UserRole.MEMBER,
    ("DELETE", f"/tenders/{MISSING}"): UserRole.MEMBER,
    ("POST", f"/tenders/{MISSING}/restore"): UserRole.MEMBER,
    ("POST", "/analyses"): UserRole.MEMBER,
    ("PATCH", f"/analyses/{MISSING}"): UserRole.MEMBER,
    ("POST", "/bids"): UserRole.MEMBER,
    ("PATCH", f"/bids/{MISSING}"): UserRole.MEMBER,
    ("GET", "/users"): UserRole.ADMIN,
    ("POST", "/users"): UserRole.ADMIN,
    ("PATCH", f"/users/{MISSING}"): UserRole.ADMIN,
    ("DELETE", f"/users/{MISSING}"): UserRole.ADMIN,
    ("GET", "/keys"): UserRole.ADMIN,
    ("POST", "/keys"): UserRole.ADMIN,
    ("DELETE", f"/keys/{MISSING}"): UserRole.ADMIN,
    ("GET", "/costs"): UserRole.ADMIN,
    ("GET", "/audit"): UserRole.ADMIN,
    ("PATCH", "/organization"): UserRole.OWNER,
}


def person(name: str) -> dict[str, str]:
    return {"email": f"{name}@example.org", "full_name": name.title(), "password": PASSWORD}


def sign_up(api: TestClient, slug: str = "acme", owner: str = "ann") -> dict[str, Any]:
    body = {"organization": {"name": slug.title(), "slug": slug}, "owner": person(owner)}
    answer = api.post("/sign-up", json=body)
    assert answer.status_code == 201, answer.text
    signed_up: dict[str, Any] = answer.json()
    return signed_up


def logged_in(api: TestClient, name: str = "ann") -> dict[str, str]:
    answer = api.post("/login", json={"email": f"{name.upper()}@example.org", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def made(client: TestClient, path: str, **fields: Any) -> dict[str, Any]:
    answer = client.post(path, json=fields)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def test_from_sign_up_to_the_audit_trail(api: TestClient, domain_db: Database) -> None:
    acme = sign_up(api)
    ann = TestClient(api.app, headers=logged_in(api))
    bob = made(ann, "/users?role=viewer", **person("bob"))
    assert (bob["role"], bob["email"]) == ("viewer", "bob@example.org")
    assert ann.patch(f"/users/{bob['id']}", json={"role": "member"}).json()["role"] == "member"
    key = made(ann, "/keys", name="nightly import")
    program = TestClient(api.app, headers={"X-API-Key": key["key"]})

    tenders = [
        made(program, "/tenders", title=f"Bridge {day}", deadline=f"2027-03-0{day}T12:00:00Z", external_id=f"b-{day}")
        for day in (2, 1, 3)
    ]
    made(program, "/tenders", title="School", estimated_value="10", currency="EUR", published_at="2026-05-31T23:00:00Z")
    asked: dict[str, Any] = {"text": "bridge", "order": "deadline", "limit": 2}
    first = program.get("/tenders", params={**asked, "with_total": True}).json()
    second = program.get("/tenders", params={**asked, "after": first["next_cursor"]}).json()
    assert [row["title"] for row in first["items"] + second["items"]] == ["Bridge 1", "Bridge 2", "Bridge 3"]
    assert (first["total"], second["next_cursor"]) == (3, None)
    counts = program.get("/counts").json()
    assert (counts["status"]["pending"], counts["month"], counts["currency"]) == (
        4,
        {"2026-05-01": 1, "none": 3},
        {"EUR": 1, "none": 3},
    )
    assert program.get("/counts", params={"text": "school"}).json()["currency"] == {"EUR": 1}

    path = f"/tenders/{tenders[0]['id']}"
    etag = {"If-Match": program.get(path).headers["ETag"]}
    assert program.patch(path, json={"title": "Harbour bridge"}).status_code == 428
    changed = program.patch(path, json={"title": "Harbour bridge"}, headers=etag)
    assert (changed.json()["title"], changed.headers["ETag"]) == ("Harbour bridge", 'W/"2"')
    assert program.patch(path, json={"title": "Late"}, headers=etag).status_code == 412

    analysis = {"tender_id": tenders[0]["id"], "is_relevant": True, "confidence": 0.9, "processing_cost": "0.04"}
    analysed = made(program, "/analyses", **analysis)
    assert program.post("/analyses", json=analysis).status_code == 409
    assert ann.get("/usage").json() == {"used": 1, "limit": 100, "remaining": 99, "period": acme["usage_period"]}
    rated = program.patch(f"/analyses/{analysed['id']}", json={"overall_score": 8}, headers={"If-Match": 'W/"1"'})
    assert (rated.json()["overall_score"], rated.json()["version"]) == (8, 2)
    assert [row["id"] for row in program.get("/tenders", params={"min_score": 8}).json()["items"]] == [tenders[0]["id"]]
    bid = made(program, "/bids", **CONTENT, tender_id=tenders[0]["id"], generation_cost="0.31")
    revised = program.patch(f"/bids/{bid['id']}", json={"approach": "Slow."}, headers={"If-Match": 'W/"1"'})
    assert revised.json()["approach"] == "Slow."
    assert {(cost["purpose"], cost["cost_usd"]) for cost in ann.get("/costs").json()} == {
        ("analysis", "0.040000"),
        ("bid", "0.310000"),
    }

    assert program.delete(path).status_code == 204
    assert [program.get(f"{one}").status_code for one in (path, f"/bids/{bid['id']}")] == [404, 404]
    assert program.post(f"{path}/restore").status_code == 204
    assert program.get(f"/bids/{bid['id']}").json()["approach"] == "Slow."
    assert (
        ann.patch("/organization", json={"name": "Acme Ltd"}, headers={"If-Match": '"1"'}).json()["name"] == "Acme Ltd"
    )

    entries = ann.get("/audit", params={"limit": 200, "with_total": True}).json()
    assert entries["total"] == len(entries["items"])
    told = [(entry["entity"], entry["action"], entry["actor"]) for entry in entries["items"]]
    assert {("users", "insert", "sign-up"), ("bid_documents", "restore", f"key:{key['id']}")} <= {*told}
    assert PASSWORD not in str(entries)
    with domain_db.get_session(organization_id=acme["id"]) as session:
        assert {user.full_name: user.role for user in UserRepository(session).find()} == {
            "Ann": "owner",
            "Bob": "member",
        }
        assert OrganizationRepository(session).require(acme["id"]).name == "Acme Ltd"


def test_who_may_do_what(client_of: ClientOf) -> None:
    operations = {
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, operations in client_of(1).get("/openapi.json").json()["paths"].items()
        for method in operations
        if path not in ("/sign-up", "/login")
    }
    listed = {(method, path.replace(str(MISSING), f"{_parameter(path)}_id")) for method, path in RIGHTS}
    assert listed == operations, "a line for each operation"
    for role in UserRole:
        client = client_of(1, role)
        for (method, path), least in RIGHTS.items():
            answer = client.request(method, path, content="{}")
            may = access.RANKS.index(role) <= access.RANKS.index(least)
            assert (answer.status_code != 403) is may, (role, method, path, answer.text)


def _parameter(path: str) -> str:
    return {"tenders": "tender", "analyses": "analysis", "bids": "bid", "users": "user", "keys": "key"}.get(
        path.split("/")[1], ""
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "guessed"},
        {"Authorization": "Bearer guessed"},
        {"Authorization": f"Bearer {access.TOKENS.dumps([1, 1])}x"},
        {"Authorization": f"Bearer {access.TOKENS.dumps([1, MISSING])}"},
        {"Authorization": f"Bearer {access.TOKENS.dumps([1, MISSING, 'x'])}"},
        {"Authorization": "Basic YW5uOmFubg=="},
        {"Authorization": f"Bearer {access.TOKENS.dumps([1, 1])}", "X-API-Key": "guessed"},
    ],
)
def test_who_does_not_say_who_they_are_is_asked_to(headers: dict[str, str], api: TestClient) -> None:
    for method, path in RIGHTS:
        answer = api.request(method, path, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_ends_with_its_user_and_its_time(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_up(api)
    ann = TestClient(api.app, headers=logged_in(api))
    bob = made(ann, "/users", **person("bob"))
    as_bob = logged_in(api, "bob")
    assert api.get("/tenders", headers=as_bob).status_code == 200
    assert ann.patch(f"/users/{bob['id']}", json={"is_active": False}).status_code == 200
    assert api.get("/tenders", headers=as_bob).status_code == 401
    assert api.post("/login", json={"email": "bob@example.org", "password": PASSWORD}).status_code == 401
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: 2_000_000_000)
    assert ann.get("/tenders").status_code == 401


def new_password(database: Database, user: dict[str, Any], password: str) -> None:
    hashed = hash_password(password)
    with database.get_session() as session:
        found = UserRepository(session).get_by_email(user["email"])
        assert found is not None
    with database.get_session(organization_id=found.organization_id) as session:
        UserRepository(session).require(found.id).hashed_password = hashed


def test_a_token_ends_with_its_password_and_with_nothing_else_that_a_user_does(
    api: TestClient, domain_db: Database
) -> None:
    sign_up(api)
    first = logged_in(api)
    second = logged_in(api)
    ann = TestClient(api.app, headers=first)
    (user,) = ann.get("/users").json()["items"]
    assert ann.patch(f"/users/{user['id']}", json={"role": "owner", "is_verified": True}).status_code == 200
    assert [api.get("/users", headers=token).status_code for token in (first, second)] == [200, 200]
    new_password(domain_db, user, "battery staple")
    assert [api.get("/users", headers=token).status_code for token in (first, second)] == [401, 401]
    new_password(domain_db, user, PASSWORD)  # it is the same, with another salt
    assert api.get("/users", headers=first).status_code == 401
    assert api.get("/users", headers=logged_in(api)).status_code == 200


def test_an_organization_that_is_not_active_reads_writes_and_logs_in_no_more(
    api: TestClient, domain_db: Database
) -> None:
    acme = sign_up(api)
    token = logged_in(api)
    key = made(TestClient(api.app, headers=token), "/keys", name="wide", role="owner")["key"]
    callers = [TestClient(api.app, headers=headers) for headers in (token, {"X-API-Key": key})]
    for is_active, status in ((False, 403), (True, 200)):
        with domain_db.get_session(organization_id=acme["id"]) as session:
            plan = OrganizationPlan.model_validate({"is_active": is_active})
            OrganizationRepository(session).update(acme["id"], plan)
        for caller in callers:
            for method, path in RIGHTS:
                answer = caller.request(method, path, content="{}")
                assert (answer.status_code == 403) is not is_active, (method, path, answer.text)
                assert is_active or answer.json()["detail"] == "the organization is not active"
        answer = api.post("/login", json={"email": "ann@example.org", "password": PASSWORD})
        assert answer.status_code == status
        wrong = api.post("/login", json={"email": "ann@example.org", "password": "wrong"})
        assert wrong.status_code == 401


def test_a_key_outlives_who_issued_it_and_says_so(api: TestClient) -> None:
    sign_up(api)
    ann = TestClient(api.app, headers=logged_in(api))
    bob = made(ann, "/users?role=owner", **person("bob"))
    key = made(TestClient(api.app, headers=logged_in(api, "bob")), "/keys", name="wide", role="owner")
    program = TestClient(api.app, headers={"X-API-Key": key["key"]})
    assert ann.patch(f"/users/{bob['id']}", json={"role": "viewer"}).status_code == 200
    assert ann.delete(f"/users/{bob['id']}").status_code == 204
    assert program.get("/audit").status_code == 200
    said = api.get("/openapi.json").json()["paths"]["/keys"]["post"]["description"]
    assert "whatever becomes of the user who issued it" in said
    (listed,) = ann.get("/keys").json()["items"]
    assert (listed["id"], listed["role"]) == (key["id"], "owner")
    assert ann.delete(f"/keys/{listed['id']}").status_code == 204
    assert program.get("/audit").status_code == 401


def test_nobody_gives_or_takes_a_role_wider_than_their_own(client_of: ClientOf) -> None:
    owner, admin = client_of(1), client_of(1, UserRole.ADMIN)
    ann = made(owner, "/users?role=owner", **person("ann"))
    keys = owner.get("/keys").json()["items"]
    refused = (
        admin.post("/users?role=owner", json=person("eve")),
        admin.post("/keys", json={"name": "wide", "role": "owner"}),
        admin.patch(f"/users/{ann['id']}", json={"role": "viewer"}),
        admin.delete(f"/users/{ann['id']}"),
        *(admin.delete(f"/keys/{key['id']}") for key in keys if key["role"] == "owner"),
    )
    assert [answer.status_code for answer in refused] == [403] * 5
    assert owner.get("/users").json()["items"] == [ann]
    assert owner.get("/keys").json()["items"] == keys
    bob = made(admin, "/users?role=admin", **person("bob"))
    assert admin.patch(f"/users/{bob['id']}", json={"role": "owner"}).status_code == 403
    assert admin.delete(f"/users/{bob['id']}").status_code == 204


@pytest.mark.parametrize("change", [{"role": "admin"}, {"is_active": False}, None])
def test_the_last_owner_stays(change: dict[str, Any] | None, client_of: ClientOf) -> None:
    client = client_of(1)
    ann, bob = (made(client, "/users?role=owner", **person(name)) for name in ("ann", "bob"))
    assert client.delete(f"/users/{bob['id']}").status_code == 204
    path = f"/users/{ann['id']}"
    answer = client.delete(path) if change is None else client.patch(path, json=change)
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    assert client.get("/users").json()["items"] == [ann]


def test_one_of_two_owners_stays_who_demote_each_other_at_once(client_of: ClientOf, domain_db: Database) -> None:
    client = client_of(1)
    for number in range(5):
        two = [made(client, "/users?role=owner", **person(f"{name}{number}")) for name in ("ann", "bob")]
        with domain_db.get_session(organization_id=1) as session:
            users = UserRepository(session)
            users.soft_delete_where(col(User.id).not_in([user["id"] for user in two]))
        demote = partial(client.patch, json={"role": "viewer"})
        with ThreadPoolExecutor(2) as threads:
            answers = threads.map(demote, [f"/users/{user['id']}" for user in two])
            assert sorted(answer.status_code for answer in answers) == [200, 409]


def test_two_organizations_see_nothing_of_each_other(api: TestClient) -> None:
    for slug, owner in (("acme", "ann"), ("umbrella", "eve")):
        sign_up(api, slug, owner)
    ann, eve = (TestClient(api.app, headers=logged_in(api, name)) for name in ("ann", "eve"))
    tender = made(ann, "/tenders", title="Secret bridge", external_id="b-1")
    analysis = made(ann, "/analyses", tender_id=tender["id"], is_relevant=True, confidence=1, processing_cost="1")
    bid = made(ann, "/bids", tender_id=tender["id"], **CONTENT)
    key = made(ann, "/keys", name="secret import")
    user = ann.get("/users").json()["items"][0]
    version = {"If-Match": 'W/"1"', "Content-Type": "application/json"}
    rows = (("tenders", tender), ("analyses", analysis), ("bids", bid), ("users", user), ("keys", key))
    for place, row in rows:
        for method in ("GET", "PATCH", "DELETE"):
            answer = eve.request(method, f"/{place}/{row['id']}", content="{}", headers=version)
            assert answer.status_code in (404, 405), (method, place, answer.text)
    assert eve.post(f"/tenders/{tender['id']}/restore").status_code == 404
    assert eve.post("/bids", json={**CONTENT, "tender_id": tender["id"]}).status_code == 422
    made(eve, "/tenders", title="Own", external_id="b-1")
    pages = [eve.get(f"/{place}").text for place in ("tenders", "bids", "users", "keys", "audit", "costs")]
    assert all("ecret" not in page and "ann@" not in page and "Ours." not in page for page in pages)
    assert eve.get("/usage").json()["used"] == 0
    assert ann.get(f"/tenders/{tender['id']}").json() == tender


def test_an_analysis_beyond_the_months_limit_is_a_429_that_stores_nothing(
    client_of: ClientOf, domain_db: Database
) -> None:
    client = client_of(1)
    with domain_db.get_session(organization_id=1) as session:
        OrganizationRepository(session).update(1, OrganizationPlan(monthly_analysis_limit=1))
    made(client, "/analyses", tender_id=made(client, "/tenders", title="A")["id"], is_relevant=True, confidence=1)
    second = {"tender_id": made(client, "/tenders", title="B")["id"], "is_relevant": True, "confidence": 1}
    answer = client.post("/analyses", json=second)
    assert (answer.status_code, answer.headers["content-type"]) == (429, PROBLEM)
    assert client.get("/tenders", params={"has_analysis": True, "with_total": True}).json()["total"] == 1


def test_the_example_is_small() -> None:
    files = sorted(Path(access.__file__).parent.glob("*.*"))
    assert len(files) >= 5
    assert sum(len(file.read_text("utf-8").splitlines()) for file in files) <= 400
