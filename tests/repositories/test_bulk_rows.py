"""Bulk writes of contents and mappings: which rows are refused, what is told of each, how many statements are sent."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import (
    ConstraintError,
    Database,
    DomainModel,
    DuplicateError,
    TenantSession,
    Tender,
    TenderContent,
    TenderNotice,
    TenderNoticeRepository,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    Upserted,
    User,
    UserRepository,
)
from domain.errors import InvalidRowsError
from domain.kit.repository import RowOutcome

Rows = Callable[[type[Any]], list[dict[str, Any]]]
Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]
Statements = list[tuple[str, Any]]

FULL: dict[str, object] = {
    "external_id": "ocds-1",
    "title": "Harbour 'bridge' \\ \"two\" {spans}, 100 %s",
    "description": "x" * 3000,
    "deadline": "2027-03-01T13:00:00+01:00",
    "estimated_value": "1250000.00005",
    "currency": "EUR",
    "categories": ["45221110", 'a"b\\c,{}'],
    "location": None,
}


def test_a_mapping_is_stored_as_the_model_object_would_be(domain_db: Database, stored_rows: Rows) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        ids = tenders.create_many([FULL, TenderContent(title="Ferry quay", categories=[])])
        TenderRepository(session).create_many([Tender.model_validate({**FULL, "external_id": "ocds-2"})])
    by_mapping, by_content, by_object = stored_rows(Tender)
    assert [by_mapping["id"], by_content["id"]] == ids
    different = {"id", "external_id", "created_at", "updated_at"}
    assert {k: v for k, v in by_mapping.items() if k not in different} == {
        k: v for k, v in by_object.items() if k not in different
    }
    assert (by_content["title"], by_content["categories"], by_content["status"]) == ("Ferry quay", [], "pending")
    assert by_content["created_at"] == by_content["updated_at"] == by_mapping["created_at"]


@pytest.mark.parametrize("method", ["create_many", "upsert_many"])
def test_every_bad_row_is_named_and_none_is_written(domain_db: Database, stored_rows: Rows, method: str) -> None:
    rows: list[Any] = [{"title": "Good", "external_id": f"{n}"} for n in range(40)]
    rows[3] = {"title": "", "external_id": "3", "currency": "euro"}
    rows[7] = {"title": "x", "external_id": "7", "version": 9}
    rows[9] = 5
    rows[20:40] = [{"external_id": f"{n}"} for n in range(20, 40)]
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(InvalidRowsError) as refused:
            getattr(TenderRepository(session), method)(rows)
        assert TenderRepository(session).count() == 0
    reasons = refused.value.reasons
    early = {3: "title", 7: "version", 9: "int"}
    assert reasons.keys() == (early.keys() if method == "upsert_many" else {*early, *range(20, 40)})
    for position, name in early.items():
        assert name in reasons[position]
        assert f"row {position}: " in str(refused.value)
    assert "euro" not in str(refused.value)
    assert len(str(refused.value)) < 1500
    assert stored_rows(Tender) == []


def test_an_error_about_a_user_carries_no_secret(domain_sqlite: Database) -> None:
    with domain_sqlite.get_session(organization_id=1) as session, pytest.raises(InvalidRowsError) as refused:
        UserRepository(session).create_many([{"email": "a@b.org", "full_name": "", "hashed_password": "s3cret" * 99}])
    assert {"full_name", "hashed_password"} <= set(refused.value.reasons[0].replace(":", "").split())
    assert "s3cret" not in f"{refused.value} {vars(refused.value)}"


def test_rows_with_different_fields_change_only_theirs(domain_db: Database, stored: Stored, make: Make) -> None:
    one: Tender = make(Tender, external_id="1", title="One", location="Bergen", status=TenderStatus.COMPLETE)
    two: Tender = make(Tender, external_id="2", title="Two", location="Oslo")
    rows: list[DomainModel | Mapping[str, object]] = [
        {"external_id": "1", "location": None},
        TenderPatch(external_id="2", title="Second"),
        TenderContent(external_id="3", title="Three"),
        {"external_id": "1", "title": "First"},
        {"external_id": "2", "title": "Second", "location": "Oslo"},
    ]
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        held = tenders.require(one.id)
        done = tenders.upsert_many(rows, source="ted_europa")
        assert (held.title, held.version) == ("First", 2)
        again = tenders.upsert_many(rows, source="ted_europa")
    assert done == Upserted(1, 2, 0)
    new = done.ids[2]
    assert list(done.ids) == [one.id, two.id, new, one.id, two.id]
    assert done.outcomes == [RowOutcome.UPDATED, RowOutcome.UPDATED, RowOutcome.CREATED, *[RowOutcome.UPDATED] * 2]
    assert (again, list(again.ids)) == (Upserted(0, 0, 3), list(done.ids))
    rows_now = [stored(Tender, n) for n in (one.id, two.id, new)]
    assert [(row["title"], row["location"], row["version"], row["source"]) for row in rows_now] == [
        ("First", "Bergen", 2, "ted_europa"),
        ("Second", "Oslo", 2, "ted_europa"),
        ("Three", None, 1, "ted_europa"),
    ]
    assert rows_now[0]["status"] == TenderStatus.COMPLETE


def test_rows_refer_to_live_rows_of_the_own_organization(domain_db: Database, stored_rows: Rows, make: Make) -> None:
    own, foreign, gone = make(Tender), make(Tender, organization_id=2), make(Tender)

    def row(tender_id: int) -> dict[str, object]:
        return {"tender_id": tender_id, "digest": f"{tender_id:064}", "content": {"\ud800": "\x00"}}

    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).soft_delete(gone.id)
        notices = TenderNoticeRepository(session)
        for parent in (foreign.id, gone.id):
            for write in (notices.create_many, notices.upsert_many):
                with pytest.raises(ConstraintError):
                    write([row(own.id), row(parent)])
        assert notices.upsert_many([row(own.id)]).created == 1
        assert notices.upsert_many([row(own.id)]).unchanged == 1
    assert [notice["content"] for notice in stored_rows(TenderNotice)] == [{"\ud800": "\x00"}]


def test_another_organizations_login_is_not_taken_over(domain_db: Database, stored: Stored, make: Make) -> None:
    ann: User = make(User, email="ann@example.org")
    before = stored(User, ann.id)
    row = {"email": "ANN@example.org", "full_name": "Thief", "hashed_password": "x"}
    for method in ("create_many", "upsert_many"):
        with domain_db.get_session(organization_id=2) as session:
            with pytest.raises(DuplicateError):
                getattr(UserRepository(session), method)([row])
            assert UserRepository(session).count(include_deleted=True) == 0
    assert stored(User, ann.id) == before


@pytest.mark.parametrize("number", [10, 3000])
def test_the_statements_are_as_many_as_the_batches(domain_db: Database, statements: Statements, number: int) -> None:
    batches = -(-number // 2500)
    rows = [{"external_id": f"{n}", "title": "Old"} for n in range(number)]
    more = [{"external_id": f"{n}", "title": "New"} for n in range(number // 2, number + number // 2)]
    is_sqlite = domain_db.engine.dialect.name == "sqlite"
    inserts = 10 if is_sqlite else batches  # SQLite takes so many parameters at once

    def sent() -> Mapping[str, int]:
        texts = [text for text, _ in statements if not text.startswith(("SAVEPOINT", "RELEASE"))]
        return {word: sum(f"{word} " in text and "tenders" in text for text in texts) for word in ("INSERT", "UPDATE")}

    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).count()
        statements.clear()
        assert len(TenderRepository(session).create_many(rows)) == number
        assert 1 <= sent()["INSERT"] <= inserts
        assert len(statements) <= inserts + 2
        statements.clear()
        done = TenderRepository(session).upsert_many(more)
        assert done == Upserted(number // 2, number - number // 2, 0)
        assert len(statements) <= 2 + 2 * batches + inserts
        statements.clear()
        assert TenderRepository(session).upsert_many(more) == Upserted(0, 0, number)
        assert len(statements) <= 2 + batches


KEYS = st.sampled_from(["a", "b", "c", "d"])
FIELDS = st.fixed_dictionaries(
    {"external_id": KEYS, "title": st.sampled_from(["x", "y"])},
    optional={
        "location": st.sampled_from([None, "p", "q"]),
        "categories": st.sampled_from([[], ["1"]]),
        "estimated_value": st.sampled_from([None, "1.00005", "2"]),
    },
)
STEPS = st.lists(st.one_of(st.lists(FIELDS, max_size=6), KEYS), min_size=1, max_size=6)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_any_batches_agree_with_a_dictionary(domain_db: Database, steps: list[Any]) -> None:
    model: dict[str, dict[str, Any]] = {}
    with TenantSession(domain_db.engine, organization_id=1) as session:
        tenders = TenderRepository(session)
        for step in steps:
            if isinstance(step, str):
                if step in model:
                    assert tenders.soft_delete(model.pop(step)["id"])
                continue
            done = tenders.upsert_many(step)
            wanted = {row["external_id"]: row for row in step}
            outcomes: dict[str, RowOutcome] = {}
            for key, row in wanted.items():
                valid = TenderContent.model_validate(row)
                fields = {name: getattr(valid, name) for name in row}
                held = model.setdefault(key, {"location": None, "categories": [], "estimated_value": None})
                if not held.get("version"):
                    outcomes[key] = RowOutcome.CREATED
                elif all(held[n] == v for n, v in fields.items()):
                    outcomes[key] = RowOutcome.UNCHANGED
                else:
                    outcomes[key] = RowOutcome.UPDATED
                held.update(fields)
                held["version"] = held.get("version", 0) + (outcomes[key] is not RowOutcome.UNCHANGED)
            for row, tender_id in zip(step, done.ids, strict=True):
                assert model[row["external_id"]].setdefault("id", tender_id) == tender_id
            assert list(done.outcomes) == [outcomes[row["external_id"]] for row in step]
            counts = Counter(outcomes.values())
            created, updated, unchanged = (counts[outcome] for outcome in RowOutcome)
            assert done == Upserted(created, updated, unchanged)
        session.expunge_all()
        names = ("id", "external_id", "title", "location", "categories", "estimated_value", "version")
        found = {tender.external_id: {name: getattr(tender, name) for name in names} for tender in tenders.find()}
        assert found == model
        session.rollback()
