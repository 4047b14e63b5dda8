"""A session is bound to one organization for its whole life."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm.attributes import set_attribute

from domain import (
    ArgumentError,
    Database,
    DuplicateError,
    Organization,
    OrganizationRepository,
    TenantScopeError,
    TenantSession,
    Tender,
    TenderRepository,
)
from domain.testing import build

Use = Callable[[TenantSession], object]


def commit(session: TenantSession) -> None:
    session.commit()


def rollback(session: TenantSession) -> None:
    session.rollback()


def roll_back_to_a_savepoint(session: TenantSession) -> None:
    with session.begin_nested() as savepoint:
        savepoint.rollback()


def fail_in_a_savepoint(session: TenantSession) -> None:
    key = str(uuid4())
    TenderRepository(session).create(title="First", external_id=key)
    with pytest.raises(DuplicateError), session.begin_nested():
        TenderRepository(session).create(title="Second", external_id=key)


def fail(session: TenantSession) -> None:
    key = str(uuid4())
    TenderRepository(session).create(title="First", external_id=key)
    with pytest.raises(DuplicateError):
        TenderRepository(session).create(title="Second", external_id=key)
    session.rollback()


@pytest.mark.parametrize("interrupt", [commit, rollback, roll_back_to_a_savepoint, fail_in_a_savepoint, fail])
@pytest.mark.parametrize("by", ["argument", "repository"])
def test_a_session_stays_bound_through(database: Database, interrupt: Use, by: str) -> None:
    with database.get_session(organization_id=2 if by == "argument" else None) as session:
        tenders = TenderRepository(session)
        tender = tenders.create(title="Bridge", organization_id=2)
        session.commit()
        interrupt(session)
        assert session.organization_id == 2
        assert tenders.require(tender.id).title == "Bridge"
        with pytest.raises(TenantScopeError):
            tenders.get(tender.id, org_id=1)
        assert tenders.create(title="Tunnel").organization_id == 2
    with database.get_session(organization_id=2) as session:
        assert TenderRepository(session).require(tender.id).title == "Bridge"
        session.rollback()
        assert TenderRepository(session).require(tender.id).title == "Bridge"


@pytest.mark.parametrize("key", [(1,), {"id": 1}, 1, [1]], ids=str)
def test_an_organization_is_got_by_its_key_in_every_form(database: Database, key: Any) -> None:
    with database.get_session(organization_id=1) as session:
        found = session.get(Organization, key)
        assert found is not None
        assert found.id == 1
    with database.get_session(organization_id=2) as session, pytest.raises(TenantScopeError) as caught:
        session.get(Organization, key)
    assert caught.value.asked == 1


@pytest.mark.parametrize("key", [5, "15", (5,), (1, 5, 5), {"id": 5}, {"organization_id": 1}, None], ids=str)
def test_what_is_no_key_of_a_tenant_table_is_refused_in_words(database: Database, key: Any) -> None:
    with (
        database.get_session(organization_id=1) as session,
        pytest.raises(ArgumentError, match=r"the key of Tender is \(organization_id, id\), not"),
    ):
        session.get(Tender, key)


def test_a_tender_is_got_by_its_key_in_every_form(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Bridge")
        for key in ((1, tender.id), [1, tender.id], {"organization_id": 1, "id": tender.id}):
            assert session.get(Tender, key) is tender


@pytest.fixture
def theirs(database: Database) -> Tender:
    """A tender of organization 2, detached."""
    with database.get_session(organization_id=2) as session:
        return TenderRepository(session).create(title="Theirs")


def _new(session: TenantSession, _theirs: Tender) -> None:
    session.add(build(Tender, organization_id=2))


def _changed(session: TenantSession, theirs: Tender) -> None:
    session.add(theirs)
    theirs.title = "Taken"


def _taken_over(session: TenantSession, theirs: Tender) -> None:
    session.add(theirs)
    set_attribute(theirs, "organization_id", 1)


def _taken_over_beforehand(session: TenantSession, theirs: Tender) -> None:
    set_attribute(theirs, "organization_id", 1)  # past the model, which refuses it
    session.add(theirs)


def _expired(session: TenantSession, theirs: Tender) -> None:
    session.add(theirs)
    session.expire(theirs)
    theirs.title = "Taken"


def _deleted(session: TenantSession, theirs: Tender) -> None:
    session.add(theirs)
    session.delete(theirs)


def _given_away(session: TenantSession, _theirs: Tender) -> None:
    set_attribute(TenderRepository(session).create(title="Ours"), "organization_id", 2)


FOREIGN = [_new, _changed, _taken_over, _taken_over_beforehand, _expired, _deleted, _given_away]


@pytest.mark.parametrize("put", FOREIGN)
def test_another_organizations_object_is_not_flushed(
    database: Database, theirs: Tender, put: Callable[[TenantSession, Tender], None]
) -> None:
    def attempt() -> None:
        with database.get_session(organization_id=1) as session:
            put(session, theirs)

    with pytest.raises(TenantScopeError) as caught:
        attempt()
    assert (caught.value.bound, caught.value.asked) == (1, 2)
    identity = inspect(theirs).identity
    assert identity is not None
    with database.get_session(organization_id=2) as session:
        row = TenderRepository(session).require(identity[1])
        assert (row.title, row.version) == ("Theirs", 1)


def test_another_organization_is_not_renamed(database: Database) -> None:
    with database.get_session(organization_id=2) as session:
        organization = OrganizationRepository(session).require(2, org_id=2)

    def rename() -> None:
        with database.get_session(organization_id=1) as session:
            session.add(organization)
            organization.name = "Taken"

    with pytest.raises(TenantScopeError):
        rename()
    with database.get_session(organization_id=2) as session:
        assert OrganizationRepository(session).require(2, org_id=2).name == "The second organization"


def test_a_new_object_gets_the_sessions_organization(database: Database) -> None:
    with database.get_session(organization_id=2) as session:
        tender = build(Tender)
        session.add(tender)
        session.flush()
        assert tender.organization_id == 2


def test_two_sessions_of_one_thread_have_an_organization_each(database: Database, theirs: Tender) -> None:
    with database.get_session(organization_id=1) as one, database.get_session(organization_id=2) as two:
        assert TenderRepository(one).get(theirs.id) is None
        assert TenderRepository(two).get(theirs.id) is not None
        assert TenderRepository(one).get(theirs.id) is None
