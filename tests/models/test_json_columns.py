"""JSON columns: validated on the way in and out, changes in place noticed and checked."""

import pickle
import weakref
from copy import copy, deepcopy
from typing import Any

import pytest
from pydantic import JsonValue, ValidationError
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain import BidDocument, ConstraintError, Database, Tender, TenderNotice, TenderRepository
from domain.testing import build


def stored(database: Database, tender_id: int) -> Tender:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).require(tender_id)


@pytest.fixture
def tender_id(database: Database) -> int:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).create(title="Bridge", categories=["45"]).id


def test_a_list_that_was_changed_in_place_is_saved(database: Database, tender_id: int) -> None:
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).require(tender_id)
        tender.categories.append("71")
        tender.categories[0] = "44"
        assert tender in session.dirty
    assert stored(database, tender_id).categories == ["44", "71"]
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).require(tender_id)
        tender.categories.clear()
    assert stored(database, tender_id).categories == []


def test_an_object_that_was_changed_in_place_is_saved(schema: Engine, tender_id: int) -> None:
    with Session(schema) as session:
        bid = build(BidDocument, organization_id=1, tender_id=tender_id)
        session.add(bid)
        session.flush()
        bid.additional_sections["Quality"] = "ISO 9001"
        session.flush()
        session.expire(bid)
        assert bid.additional_sections == {"Quality": "ISO 9001"}
        assert bid.version == 2


@pytest.mark.parametrize("bad", [7, None, "a\x00b", "a\ud800b", ["45"]])
def test_a_bad_value_put_in_place_is_refused_at_the_flush_and_nothing_is_written(
    database: Database, tender_id: int, bad: Any
) -> None:
    def change() -> None:
        with database.get_session(organization_id=1) as session:
            tender = TenderRepository(session).require(tender_id)
            session.add(build(Tender, title="Another"))
            tender.title = "Tunnel"
            tender.categories.append(bad)

    with pytest.raises(
        ConstraintError, match="a JSON value holds, or was changed in place to, what its column refuses"
    ) as caught:
        change()
    assert isinstance(caught.value.__cause__, ValidationError)
    with database.get_session(organization_id=1) as session:
        assert [row.title for row in TenderRepository(session).find() if row.id >= tender_id] == ["Bridge"]


def test_a_list_keeps_being_watched_after_assignment_refresh_and_reload(database: Database, tender_id: int) -> None:
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).require(tender_id)
        tender.categories = ["1"]
        tender.categories.append("2")
        session.flush()
        session.refresh(tender)
        tender.categories.append("3")
    detached = stored(database, tender_id)
    assert detached.categories == ["1", "2", "3"]
    detached.categories.append("4")
    with database.get_session(organization_id=1) as session:
        session.add(detached)
    assert stored(database, tender_id).categories == ["1", "2", "3", "4"]


def test_a_list_that_was_read_may_outlive_its_row_and_does_not_keep_it(database: Database, tender_id: int) -> None:
    tender = stored(database, tender_id)
    categories, row = tender.categories, weakref.ref(tender)
    del tender
    assert row() is None
    categories.append("71")
    assert categories == ["45", "71"]


def test_a_copy_of_a_list_is_not_watched(database: Database, tender_id: int) -> None:
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).require(tender_id)
        for other in (
            copy(tender.categories),
            deepcopy(tender.categories),
            pickle.loads(pickle.dumps(tender.categories)),
        ):
            other.append("71")
        assert tender not in session.dirty
    assert stored(database, tender_id).categories == ["45"]


def test_a_row_that_was_pickled_keeps_being_watched(database: Database, tender_id: int) -> None:
    loaded: Tender = pickle.loads(pickle.dumps(stored(database, tender_id)))
    with database.get_session(organization_id=1) as session:
        session.add(loaded)
        loaded.categories.append("71")
    assert stored(database, tender_id).categories == ["45", "71"]


def test_a_list_that_another_row_was_given_is_watched_for_it_alone(database: Database, tender_id: int) -> None:
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).require(tender_id)
        other = TenderRepository(session).create(title="Tunnel", categories=tender.categories)
        other.categories.append("71")
        assert tender not in session.dirty
    assert (stored(database, tender_id).categories, stored(database, other.id).categories) == (["45"], ["45", "71"])


def test_a_list_that_was_given_is_not_shared_with_the_caller() -> None:
    mine = ["45"]
    tender = Tender(title="Bridge", categories=mine)
    mine.append("71")
    assert tender.categories == ["45"]
    other = build(Tender)
    other.categories = mine
    mine.append("72")
    assert other.categories == ["45", "71"]


CONTENT: dict[str, JsonValue] = {
    "z": [1, 2.5, None, True, {"deep": [[]]}],
    "a": "NUL \x00 and a bridge 🌉",
    "empty": {},
    "big": 2**70,
}


def test_a_notice_is_kept_as_it_was_received(schema: Engine, tender_id: int) -> None:
    with Session(schema) as session:
        notice = build(TenderNotice, organization_id=1, tender_id=tender_id, content=CONTENT)
        session.add(notice)
        session.flush()
        session.expire(notice)
        assert notice.content == CONTENT
        assert list(notice.content) == ["z", "a", "empty", "big"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_can_t_say_is_refused(schema: Engine, tender_id: int, number: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        build(TenderNotice, content={"deep": [{"x": number}]})
    with Session(schema) as session:
        notice = build(TenderNotice, organization_id=1, tender_id=tender_id)
        session.add(notice)
        session.flush()
        notice.content["x"] = number
        with pytest.raises(ConstraintError, match="finite number"):
            session.flush()


def test_json_of_another_shape_is_not_handed_out(schema: Engine) -> None:
    insert = "INSERT INTO tenders (organization_id, title, status, categories) VALUES (2, 'x', 'pending', :json)"
    with schema.connect() as connection, connection.begin() as transaction:
        connection.execute(text(insert), {"json": '["secret", 5]'})
        with Session(connection) as session, pytest.raises(ValidationError) as caught:
            session.get(Tender, (2, connection.scalar(text("SELECT max(id) FROM tenders"))))
        transaction.rollback()
    assert "secret" not in str(caught.value)


def test_null_is_no_list(schema: Engine) -> None:
    with pytest.raises(ValidationError, match="categories"):
        build(Tender, categories=None)
    statement = "INSERT INTO tenders (organization_id, title, status, categories) VALUES (2, 'x', 'pending', NULL)"
    with pytest.raises(ConstraintError, match="categories must not be empty"), schema.begin() as connection:
        connection.execute(text(statement))
