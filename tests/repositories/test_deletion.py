"""Soft deletion: a row and what belongs to it go, and come back, as one."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlmodel import select

import domain
from domain import (
    AnalysisRepository,
    AnalysisResult,
    BidDocument,
    BidDocumentRepository,
    ConflictError,
    Database,
    DuplicateError,
    Entity,
    OrganizationRepository,
    TenantSession,
    Tender,
    TenderNotice,
    TenderNoticeRepository,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    User,
    UserRepository,
)
from domain.errors import OrganizationDeletedError
from domain.kit.database.one_message import OneMessageConnection
from domain.kit.session import deleted_organizations as organizations
from tests.support.calls import TENANT_KINDS

Stored = Callable[[type[Any], int], dict[str, Any]]
Rows = Callable[[type[Any]], list[dict[str, Any]]]
Make = Callable[..., Any]
Repo = Any  # the class of a TenantRepository, of whatever model
STATE = ("is_deleted", "deleted_at", "deletion_id", "deleted_by")


def state(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in STATE)


@pytest.mark.parametrize("kind", TENANT_KINDS)
def test_a_deleted_row_keeps_its_values_and_comes_back(
    domain_db: Database, stored: Stored, make: Make, kind: Repo
) -> None:
    row = make(kind.model)
    before = stored(kind.model, row.id)
    with domain_db.get_session(actor="user:12") as session:
        held = kind(session).require(row.id, org_id=1)
        assert kind(session).soft_delete(row.id, org_id=1) is True
        assert kind(session).soft_delete(row.id) is False
        assert (held.is_deleted, held.deleted_by, held.version) == (True, "user:12", 2)
        shown = state(vars(cast(Entity, held)))
    deleted = stored(kind.model, row.id)
    assert state(deleted) == shown
    assert {name for name in deleted if deleted[name] != before[name]} == {*STATE, "updated_at", "version"}
    assert deleted["deleted_at"] == deleted["updated_at"] <= datetime.now(UTC)
    assert deleted["deletion_id"] == held.deletion_id is not None
    with domain_db.get_session() as session:
        held = kind(session).require(row.id, include_deleted=True, org_id=1)
        assert kind(session).restore(row.id, org_id=1) is True
        assert kind(session).restore(row.id) is False
        assert (held.is_deleted, held.deleted_at, held.deletion_id, held.version) == (False, None, None, 3)
    restored = stored(kind.model, row.id)
    assert {name for name in restored if restored[name] != before[name]} == {"updated_at", "version"}


def test_a_tender_goes_with_what_belongs_to_it(domain_db: Database, stored: Stored, make: Make, tender: Tender) -> None:
    rows: list[Any] = [
        make(model, tender_id=tender.id) for model in (AnalysisResult, BidDocument, TenderNotice, TenderNotice)
    ]
    others: list[Any] = [make(model) for model in (AnalysisResult, BidDocument, TenderNotice)]
    with domain_db.get_session(organization_id=1) as session:
        held = AnalysisRepository(session).require(rows[0].id)
        assert TenderRepository(session).soft_delete(tender.id)
        assert held.is_deleted
        for kind in (AnalysisRepository, BidDocumentRepository, TenderNoticeRepository):
            assert kind(session).count() == 1
    one = state(stored(Tender, tender.id))
    assert one[0] is True
    assert [state(stored(row.__class__, row.id)) for row in rows] == [one] * 4
    assert {stored(row.__class__, row.id)["version"] for row in rows} == {2}
    assert [state(stored(row.__class__, row.id)) for row in others] == [(False, None, None, None)] * 3


def test_restoring_brings_back_exactly_what_went_with_it(
    domain_db: Database, stored: Stored, make: Make, tender: Tender
) -> None:
    kept: list[Any] = [make(model, tender_id=tender.id) for model in (AnalysisResult, BidDocument, TenderNotice)]
    gone_before: TenderNotice = make(TenderNotice, tender_id=tender.id)
    other: Tender = make(Tender)
    with domain_db.get_session(organization_id=1) as session:
        TenderNoticeRepository(session).soft_delete(gone_before.id)
        TenderRepository(session).soft_delete(other.id)
        TenderRepository(session).soft_delete(tender.id)
    before = state(stored(TenderNotice, gone_before.id))
    with domain_db.get_session(organization_id=1) as session:
        held = TenderNoticeRepository(session).require(kept[2].id, include_deleted=True)
        assert TenderRepository(session).restore(tender.id) is True
        assert not held.is_deleted
    alive = (False, None, None, None)
    assert [state(stored(row.__class__, row.id)) for row in [*kept, tender]] == [alive] * 4
    assert state(stored(TenderNotice, gone_before.id)) == before
    assert stored(Tender, other.id)["is_deleted"]
    with domain_db.get_session(organization_id=1) as session:
        assert TenderNoticeRepository(session).restore(gone_before.id) is True


def test_a_part_deleted_alone_leaves_the_whole(domain_db: Database, stored: Stored, make: Make, tender: Tender) -> None:
    analysis: AnalysisResult = make(AnalysisResult, tender_id=tender.id)
    with domain_db.get_session(organization_id=1) as session:
        assert AnalysisRepository(session).soft_delete(analysis.id)
    assert not stored(Tender, tender.id)["is_deleted"]
    with domain_db.get_session(organization_id=1) as session:
        assert AnalysisRepository(session).restore(analysis.id)
    assert not stored(AnalysisResult, analysis.id)["is_deleted"]


@pytest.mark.parametrize("alone", [True, False])
def test_a_part_of_a_deleted_whole_is_not_restored(
    domain_db: Database, stored: Stored, make: Make, tender: Tender, alone: bool
) -> None:
    analysis: AnalysisResult = make(AnalysisResult, tender_id=tender.id)
    with domain_db.get_session(organization_id=1) as session:
        if alone:
            AnalysisRepository(session).soft_delete(analysis.id)
        TenderRepository(session).soft_delete(tender.id)
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(ConflictError, match="its Tender is deleted"):
            AnalysisRepository(session).restore(analysis.id)
        assert AnalysisRepository(session).count() == 0
    assert stored(AnalysisResult, analysis.id)["is_deleted"]
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).restore(tender.id)
        assert AnalysisRepository(session).restore(analysis.id) is alone


def test_a_tender_whose_external_id_was_taken_is_not_restored(
    domain_db: Database, stored_rows: Rows, make: Make, tender: Tender
) -> None:
    make(AnalysisResult, tender_id=tender.id)
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).soft_delete(tender.id)
    taker: Tender = make(Tender, external_id="ocds-1")
    before = stored_rows(Tender), stored_rows(AnalysisResult)
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(DuplicateError) as refused:
            TenderRepository(session).restore(tender.id)
        assert (refused.value.entity, refused.value.fields) == ("Tender", ("external_id",))
        assert refused.value.holder_id == taker.id
        assert str(taker.id) in str(refused.value)
        assert TenderRepository(session).get(tender.id) is None
    assert (stored_rows(Tender), stored_rows(AnalysisResult)) == before


def test_a_replaced_analysis_is_not_restored(domain_db: Database, stored: Stored, make: Make, tender: Tender) -> None:
    first: AnalysisResult = make(AnalysisResult, tender_id=tender.id)
    with domain_db.get_session(organization_id=1) as session:
        AnalysisRepository(session).soft_delete(first.id)
    second: AnalysisResult = make(AnalysisResult, tender_id=tender.id)
    with domain_db.get_session(organization_id=1) as session, pytest.raises(DuplicateError):
        AnalysisRepository(session).restore(first.id)
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).soft_delete(tender.id)
        assert TenderRepository(session).restore(tender.id)
    assert stored(AnalysisResult, first.id)["is_deleted"]
    assert not stored(AnalysisResult, second.id)["is_deleted"]


def test_what_was_changed_but_not_flushed_is_saved_first(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id)
        held.title = "Renamed"
        assert TenderRepository(session).soft_delete(tender.id)
        assert (held.title, held.version) == ("Renamed", 3)
    assert (stored(Tender, tender.id)["title"], stored(Tender, tender.id)["is_deleted"]) == ("Renamed", True)


def test_a_deleted_row_takes_no_write(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.soft_delete(tender.id)
        assert tenders.update_status(tender.id, TenderStatus.COMPLETE) is False
        with pytest.raises(domain.NotFoundError):
            tenders.update(tender.id, TenderPatch(title="Renamed"))
        assert tenders.upsert_many([TenderPatch(external_id="ocds-1", title="New")]).created == 1
    assert (stored(Tender, tender.id)["title"], stored(Tender, tender.id)["version"]) == ("Harbour bridge", 2)


def test_a_deletion_that_is_rolled_back_deleted_nothing(
    domain_db: Database, stored: Stored, make: Make, tender: Tender
) -> None:
    analysis: AnalysisResult = make(AnalysisResult, tender_id=tender.id)

    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).soft_delete(tender.id)
        session.rollback()
    assert not stored(Tender, tender.id)["is_deleted"]
    assert not stored(AnalysisResult, analysis.id)["is_deleted"]


def test_a_preview_says_what_would_go(domain_db: Database, stored: Stored, make: Make, tender: Tender) -> None:
    for model in (AnalysisResult, TenderNotice, TenderNotice):
        make(model, tender_id=tender.id)
    gone_before: TenderNotice = make(TenderNotice, tender_id=tender.id)
    foreign: Tender = make(Tender, organization_id=2)
    with domain_db.get_session(organization_id=1) as session:
        TenderNoticeRepository(session).soft_delete(gone_before.id)
        tenders = TenderRepository(session)
        assert tenders.preview_delete(tender.id) == {"Tender": 1, "AnalysisResult": 1, "TenderNotice": 2}
        assert tenders.preview_delete(foreign.id) == tenders.preview_delete(tender.id + 1000) == {}
        assert tenders.soft_delete(tender.id)
        assert tenders.preview_delete(tender.id) == {}
    assert not stored(Tender, foreign.id)["is_deleted"]


def test_an_object_that_another_session_changed_is_read_again_when_it_is_deleted(
    domain_db: Database, tender: Tender
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id)
        session.commit()
        with domain_db.get_session(organization_id=1) as other:
            TenderRepository(other).update(tender.id, TenderPatch(title="Renamed"))
        assert TenderRepository(session).soft_delete(tender.id)
        assert (held.title, held.is_deleted, held.version) == ("Renamed", True, 3)


def test_a_deletion_that_a_savepoint_undid_is_not_shown(domain_db: Database, make: Make, tender: Tender) -> None:
    analysis: AnalysisResult = make(AnalysisResult, tender_id=tender.id)
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id), AnalysisRepository(session).require(analysis.id)
        savepoint = session.begin_nested()
        assert TenderRepository(session).soft_delete(tender.id)
        assert [row.is_deleted for row in held] == [True, True]
        savepoint.rollback()
        assert [row.is_deleted for row in held] == [False, False]
        held[0].title = "Renamed"  # and it can be saved
        session.flush()
        assert held[0].version == 2


def test_a_row_that_is_in_no_deletion_does_not_come_back(domain_db: Database, stored: Stored, tender: Tender) -> None:
    table = Tender.__table__
    with domain_db.migration_engine.begin() as connection:
        connection.execute(table.update().where(table.c.id == tender.id).values(is_deleted=True))
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).restore(tender.id) is False
    assert stored(Tender, tender.id)["is_deleted"]


def test_a_key_that_another_organization_took_is_named_without_the_row(
    domain_db: Database, make: Make, stored: Stored
) -> None:
    ann = make(User, email="ann@example.org")
    with domain_db.get_session(organization_id=1) as session:
        UserRepository(session).soft_delete(ann.id)
    make(User, organization_id=2, email="ann@example.org")
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(DuplicateError) as refused:
            UserRepository(session).restore(ann.id)
        assert (refused.value.fields, refused.value.holder_id) == (("email",), None)
    assert stored(User, ann.id)["is_deleted"]


def test_a_session_for_a_deleted_organization_is_refused(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).soft_delete(1)
    with pytest.raises(OrganizationDeletedError) as refused, domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).update_status(tender.id, TenderStatus.COMPLETE)
    assert refused.value.organization_id == 1
    with pytest.raises(OrganizationDeletedError), domain_db.get_session() as session:
        TenderRepository(session).count(org_id=1)
    with pytest.raises(OrganizationDeletedError), domain_db.get_session(organization_id=1) as session:
        session.exec(select(Tender)).all()
    looks: list[Callable[[TenantSession], object]] = [
        lambda session: TenderRepository(session).count(),
        lambda session: session.exec(select(Tender)).all(),
        lambda session: session.get(Tender, (1, tender.id)),
    ]
    for look in looks:
        with domain_db.get_session() as session:
            assert OrganizationRepository(session).get_by_id(1) is None  # does not raise, and binds
            with pytest.raises(OrganizationDeletedError):
                look(session)
            session.rollback()
    with domain_db.get_session(organization_id=2) as session:
        assert TenderRepository(session).count() == 0
    assert stored(Tender, tender.id)["status"] == "pending"
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).restore(1)
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).count() == 1


def test_a_session_is_refused_after_it_deleted_its_organization(domain_db: Database, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).count() == 1
        assert OrganizationRepository(session).soft_delete(1)
        session.commit()
        with pytest.raises(OrganizationDeletedError):
            TenderRepository(session).count()
        session.rollback()
    with domain_db.system_session(actor="tests", reason="what is left") as system, system.as_organization(1) as inside:
        assert TenderRepository(inside).count() == 1


def test_an_organization_that_was_just_read_is_not_looked_at_again(
    domain_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []

    def note(_connection: object, question: str, _sent: object) -> None:
        questions.append(question)

    monkeypatch.setattr(OneMessageConnection, "run_before_next_statement", note)
    organizations.forget_live(1)
    with domain_postgresql.get_session() as session:
        found = OrganizationRepository(session).get_by_slug("first")
        assert found is not None
        assert TenderRepository(session).count(org_id=found.id) == 0
    assert questions == []
    organizations.forget_live(1)
    with domain_postgresql.get_session(organization_id=1) as session:
        assert TenderRepository(session).count() == 0
    assert len(questions) == 1


@contextmanager
def deleting(database: Database, how: str) -> Generator[None]:
    """A transaction that has deleted organization 1, and will be committed."""
    if how == "lent":
        with database.system_session(actor="tests", reason="delete") as system:
            with system.as_organization(1) as inside:
                OrganizationRepository(inside).soft_delete(1)
                inside.commit()
            yield
    else:
        with database.get_session(organization_id=1) as session:
            OrganizationRepository(session).soft_delete(1)
            if how == "a savepoint after it":
                session.begin_nested().commit()
            yield


@pytest.mark.parametrize("how", ["alone", "a savepoint after it", "lent"])
def test_an_organization_that_was_seen_live_until_its_deletion_was_committed_is_refused(
    domain_postgresql: Database, how: str
) -> None:
    with deleting(domain_postgresql, how):
        for _ in range(2):
            with domain_postgresql.get_session(organization_id=1) as session:
                assert TenderRepository(session).count() == 0
    with domain_postgresql.get_session(organization_id=1) as session:
        with pytest.raises(OrganizationDeletedError):
            TenderRepository(session).count()
        session.rollback()


def test_a_deletion_that_was_rolled_back_is_not_remembered_at_the_next_commit(
    domain_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with domain_postgresql.get_session(organization_id=1) as session:
        OrganizationRepository(session).soft_delete(1)
        session.rollback()
        forgotten: list[int] = []
        monkeypatch.setattr("domain.kit.session.sessions.forget_live", forgotten.append)
        TenderRepository(session).create(title="Bridge")
        session.commit()
    assert forgotten == []


def test_an_id_beyond_every_bigint_is_not_found(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        for tender_id in (2**63, -(2**63) - 1, 10**30):
            assert not TenderRepository(session).soft_delete(tender_id)
