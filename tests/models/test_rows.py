"""Objects that stand for rows: what a refused value, loading, expiry, commit and closing leave of them."""

from collections.abc import Callable
from copy import copy, deepcopy

import pytest
from pydantic import BaseModel, ValidationError
from sqlmodel import SQLModel

from domain import Database, DuplicateError, Tender, TenderPatch, TenderPublic, TenderRepository, TenderStatus


@pytest.fixture
def tender(database: Database) -> Tender:
    """A tender of organization 1; its session is closed."""
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).create(title="Bridge", description="Two spans.", categories=["45"])


def stored(database: Database, tender_id: int) -> Tender:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).require(tender_id)


@pytest.mark.parametrize(
    ("field", "bad"), [("title", ""), ("status", "done"), ("estimated_value", -1), ("categories", [1])]
)
def test_a_refused_assignment_leaves_the_old_value_and_an_object_that_can_be_saved(
    database: Database, tender: Tender, field: str, bad: object
) -> None:
    with database.get_session(organization_id=1) as session:
        row = TenderRepository(session).require(tender.id)
        before = getattr(row, field)
        with pytest.raises(ValidationError):
            setattr(row, field, bad)
        assert getattr(row, field) == before
        assert row not in session.dirty
        row.description = "Three spans."
    after = stored(database, tender.id)
    assert (getattr(after, field), after.description, after.version) == (before, "Three spans.", 2)


def test_a_refused_update_keeps_nothing_of_the_refused_field(database: Database, tender: Tender) -> None:
    with database.get_session(organization_id=1) as session:
        row = TenderRepository(session).require(tender.id)
        with pytest.raises(ValidationError):
            row.sqlmodel_update({"title": ""})
    assert stored(database, tender.id).version == 1


def test_an_unchanged_assignment_writes_nothing(database: Database, tender: Tender) -> None:
    with database.get_session(organization_id=1) as session:
        row = TenderRepository(session).require(tender.id)
        row.title = "Bridge"
        row.categories = ["45"]
    assert stored(database, tender.id).version == 1


def test_a_patch_of_a_row_writes_what_was_set(database: Database, tender: Tender) -> None:
    with database.get_session(organization_id=1) as session:
        TenderRepository(session).require(tender.id).sqlmodel_update(TenderPatch.model_validate({"description": None}))
    after = stored(database, tender.id)
    assert (after.title, after.description, after.categories) == ("Bridge", None, ["45"])


def test_loading_does_not_validate(database: Database, tender: Tender, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise AssertionError("validated")

    monkeypatch.setattr(Tender, "__init__", refuse)
    monkeypatch.setattr("domain.kit.model.base._draft", refuse)
    monkeypatch.setattr("domain.kit.model.base.checked_fields", refuse)
    assert stored(database, tender.id).title == "Bridge"


def test_an_expired_object_takes_a_value_refuses_a_bad_one_and_is_saved(database: Database, tender: Tender) -> None:
    with database.get_session(organization_id=1) as session:
        row = TenderRepository(session).require(tender.id)
        session.expire(row)
        with pytest.raises(ValidationError):
            row.title = ""
        row.title = "Tunnel"
        session.flush()
        session.expire(row)
        row.description = "Four spans."
    after = stored(database, tender.id)
    assert (after.title, after.description, after.version) == ("Tunnel", "Four spans.", 3)


def test_a_detached_object_is_changed_and_saved_in_another_session(database: Database, tender: Tender) -> None:
    tender.title = "Tunnel"
    with pytest.raises(ValidationError):
        tender.title = ""
    with database.get_session(organization_id=1) as session:
        session.add(tender)
    assert stored(database, tender.id).title == "Tunnel"


def test_every_column_stays_readable_after_commit_and_close(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Bridge")
        session.commit()
        tender.status = TenderStatus.PROCESSING
        session.commit()
        tender.title = "Tunnel"
    values = {name: getattr(tender, name) for name in Tender.model_fields}
    assert values == tender.model_dump() == stored(database, tender.id).model_dump()
    assert (tender.version, tender.organization_id) == (3, 1)
    assert TenderPublic.model_validate(tender).title == "Tunnel"


def test_a_loaded_row_is_validated_into_another_class_and_back(database: Database, tender: Tender) -> None:
    row = stored(database, tender.id)
    again = Tender.model_validate(row)
    assert again is not row
    assert again.model_dump() == row.model_dump()
    assert Tender.model_validate(row, update={"title": "Tunnel"}).title == "Tunnel"


def _deep_model_copy(row: Tender) -> Tender:
    return row.model_copy(deep=True)


COPYING: list[Callable[[Tender], Tender]] = [copy, deepcopy, Tender.model_copy, _deep_model_copy]


@pytest.mark.parametrize("duplicate", COPYING)
def test_a_copy_is_a_new_row_and_leaves_the_original_alone(
    database: Database, tender: Tender, duplicate: Callable[[Tender], Tender]
) -> None:
    row = stored(database, tender.id)
    twin = duplicate(row)
    twin.title = "Tunnel"
    twin.categories.append("71")
    assert (row.title, row.categories) == ("Bridge", ["45"])
    with pytest.raises(DuplicateError), database.get_session(organization_id=1) as session:
        session.add(twin)
    assert stored(database, tender.id).version == 1


def test_a_copy_with_another_identity_is_saved_beside_the_original(database: Database, tender: Tender) -> None:
    twin = stored(database, tender.id).model_copy(update={"id": None, "title": "Tunnel"})
    with database.get_session(organization_id=1) as session:
        session.add(twin)
    with database.get_session(organization_id=1) as session:
        titles = [TenderRepository(session).require(row.id).title for row in (tender, twin)]
    assert titles == ["Bridge", "Tunnel"]


def test_an_unsaved_object_can_be_copied() -> None:
    tender = Tender(title="Bridge", categories=["45"])
    assert copy(tender).model_dump() == tender.model_dump()
    assert Tender.model_validate(tender).title == "Bridge"


def test_an_object_starts_with_what_sqlmodel_and_pydantic_give_it() -> None:
    """``DomainModel.__new__`` sets their slots itself: should they come to set more, so must it."""
    new, theirs = Tender.__new__(Tender), SQLModel.__new__(Tender)
    slots = [slot for slot in BaseModel.__slots__ if hasattr(theirs, slot)]
    assert set(slots) >= {"__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"}
    assert {slot: getattr(new, slot) for slot in slots} == {slot: getattr(theirs, slot) for slot in slots}
