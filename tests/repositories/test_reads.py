"""Reading, the same for every tenant model: one row, listings, counts and streams."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

import domain
from domain import (
    AnalysisRepository,
    ArgumentError,
    Database,
    NotFoundError,
    TenantRequiredError,
    TenantScopeError,
    TenantSession,
    Tender,
    TenderRepository,
    TenderStatus,
)
from domain.models import CostReservation, PurgedTender
from domain.testing import build
from tests.support.calls import TENANT_KINDS

Make = Callable[..., Any]
Repo = Any  # the class of a TenantRepository, of whatever model


def test_there_is_a_repository_for_every_tenant_model() -> None:
    models = {
        model
        for model in (vars(domain) | vars(domain.models)).values()
        if isinstance(model, type) and issubclass(model, domain.TenantEntity) and "__table__" in vars(model)
    }
    assert len(models) >= 5
    by_library = {CostReservation, PurgedTender}  # written by the methods of others
    assert {kind.model for kind in TENANT_KINDS} == models - by_library


@pytest.mark.parametrize("kind", TENANT_KINDS)
def test_a_row_is_found_by_its_id_while_it_lives(domain_db: Database, make: Make, kind: Repo) -> None:
    row = make(kind.model)
    with domain_db.get_session() as session:
        repository = kind(session)
        found = repository.get(row.id, org_id=1)
        assert found is not None
        assert found == repository.require(row.id)
        assert {name: getattr(found, name) for name in kind.model.model_fields} == {
            name: getattr(row, name) for name in kind.model.model_fields
        }
        assert repository.get(row.id + 1) is None
        with pytest.raises(NotFoundError, match=f"{kind.model.__name__} {row.id + 1} not found") as unknown:
            repository.require(row.id + 1)
        assert (unknown.value.model, unknown.value.entity_id) == (kind.model, row.id + 1)
        repository.soft_delete(row.id)
        assert repository.get(row.id) is None
        with pytest.raises(NotFoundError):
            repository.require(row.id)
        assert repository.get(row.id, include_deleted=True) is found
        assert repository.require(row.id, include_deleted=True).is_deleted


@pytest.mark.parametrize("kind", TENANT_KINDS)
def test_listings_leave_out_deleted_and_foreign_rows(domain_db: Database, make: Make, kind: Repo) -> None:
    ids = [make(kind.model).id for _ in range(4)]
    make(kind.model, organization_id=2)
    columns = kind.model
    with domain_db.get_session() as session:
        repository = kind(session)
        repository.soft_delete(ids[1], org_id=1)
        live, every = [ids[3], ids[2], ids[0]], ids[::-1]

        def found(*where: Any, **options: Any) -> list[int]:
            return [row.id for row in repository.find(*where, **options)]

        assert found() == live
        assert found(include_deleted=True) == every
        assert found(limit=2, offset=1) == live[1:]
        assert found(columns.id > ids[0], columns.id < ids[3]) == [ids[2]]
        assert found(columns.id == ids[1]) == []
        assert found(columns.id == ids[1], include_deleted=True) == [ids[1]]
        assert (repository.count(), repository.count(include_deleted=True)) == (3, 4)
        assert repository.count(columns.id <= ids[1]) == 1
        assert repository.exists()
        assert not repository.exists(columns.id == ids[1])
        assert repository.exists(columns.id == ids[1], include_deleted=True)
        assert [row.id for row in repository.stream()] == live
        assert [row.id for row in repository.stream(columns.id < ids[3], batch_size=1)] == live[1:]
        page = repository.page(with_total=True)
        assert ([row.id for row in page.items], page.total) == (live, 3)


def test_slices_follow_each_other_without_gaps(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.create_many(build(Tender, title="Bridge", status=s) for s in list(TenderStatus)[:2] * 30)
        for tender in tenders.find(limit=3, offset=20):
            tenders.soft_delete(tender.id)
        every = list(tenders.stream())
        pending = [tender for tender in every if tender.status is TenderStatus.PENDING]
        assert [t for offset in (0, 20, 40) for t in tenders.find(limit=20, offset=offset)] == every
        assert [
            tender
            for offset in (0, 20)
            for tender in tenders.list_by_organization(status=TenderStatus.PENDING, limit=20, offset=offset)
        ] == pending
    with domain_db.get_session(organization_id=2) as session:
        assert TenderRepository(session).find(offset=20) == []


def test_a_stream_holds_a_batch_at_a_time_of_any_number_of_rows(domain_db: Database) -> None:
    number = 1200
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).create_many([build(Tender, title=f"{n}") for n in range(number)])
    with domain_db.get_session(organization_id=1) as session:
        seen: list[str] = []
        references: list[weakref.ref[Tender]] = []
        alive = 0
        for tender in TenderRepository(session).stream(batch_size=100):
            seen.append(tender.title)
            references.append(weakref.ref(tender))
            if len(seen) == number:
                del tender
                gc.collect()
                alive = sum(reference() is not None for reference in references)
    assert seen == [str(n) for n in reversed(range(number))]
    assert alive <= 200


def test_a_stream_is_refused_where_it_is_asked_for(domain_db: Database) -> None:
    with domain_db.get_session() as session, pytest.raises(TenantRequiredError):
        TenderRepository(session).stream()
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(TenantScopeError):
            TenderRepository(session).stream(org_id=2)
        for batch_size in (0, -1):
            with pytest.raises(ArgumentError, match="batch_size"):
                TenderRepository(session).stream(batch_size=batch_size)


@pytest.mark.parametrize("ends", [TenantSession.commit, TenantSession.rollback])
@pytest.mark.parametrize("batch_size", [1, 4, 10])
def test_a_stream_goes_on_after_a_commit_and_after_a_rollback(
    domain_db: Database, ends: Callable[[TenantSession], None], batch_size: int
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).create_many([build(Tender, title=f"{n}") for n in range(10)])
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        seen: list[str] = []
        for tender in tenders.stream(col(Tender.title) != "3", batch_size=batch_size):
            seen.append(tender.title)
            assert tenders.update_status(tender.id, TenderStatus.COMPLETE)
            ends(session)
    assert seen == [str(n) for n in reversed(range(10)) if n != 3]
    with domain_db.get_session(organization_id=1) as session:
        done = TenderRepository(session).count_by_status()[TenderStatus.COMPLETE]
        assert done == (9 if ends is TenantSession.commit else 0)


def test_rows_may_be_written_while_they_are_streamed(domain_db: Database, make: Make) -> None:
    ids = [make(Tender).id for _ in range(6)]
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        for number, tender in enumerate(tenders.stream(batch_size=2)):
            if number % 2:
                assert tenders.soft_delete(tender.id)
            else:
                assert tenders.update_status(tender.id, TenderStatus.COMPLETE)
                assert tender.status is TenderStatus.COMPLETE
        assert [tender.id for tender in tenders.find()] == [ids[5], ids[3], ids[1]]
        assert tenders.count_by_status()[TenderStatus.COMPLETE] == 3


def test_what_was_returned_stays_readable_after_the_session(domain_db: Database, make: Make) -> None:
    tender: Tender = make(Tender, external_id="ocds-1")
    analysis = make(domain.AnalysisResult, tender_id=tender.id, overall_score=8)
    with domain_db.get_session(organization_id=1) as session:
        tenders, analyses = TenderRepository(session), AnalysisRepository(session)
        kept: list[Any] = [tenders.require(tender.id), analyses.require(analysis.id)]
        tenders.update_status(tender.id, TenderStatus.ERROR, "Timed out.")
        analyses.update_rating(tender.id, 9)
        kept += [
            tenders.put(Tender(external_id="ocds-1", title="Put")),
            tenders.put(Tender(external_id="2", title="P")),
        ]
        kept += [analyses.upsert(tender_id=tender.id, is_relevant=True, confidence=1)]
        kept += [tenders.update(tender.id, domain.TenderPatch(title="Patched"))]
        kept += [tenders.create(title="Created"), *tenders.create_many([Tender(title="Many")])]
        kept += [*tenders.find(), *tenders.page().items, *tenders.stream(), *tenders.search("")]
        kept += [*analyses.get_high_score_tenders(), *tenders.list_with_related()]
        tenders.soft_delete(tender.id)
        tenders.restore(tender.id)
        organizations = domain.OrganizationRepository(session)
        kept += [organizations.require(1), organizations.find()[0]]
        organizations.update_usage(1)
    assert len(kept) > 15
    for row in kept:
        assert row.id
        assert row.model_dump().keys() == row.__class__.model_fields.keys()
    assert (kept[0].title, kept[0].status, kept[0].is_deleted) == ("Patched", TenderStatus.ERROR, False)
    assert kept[1].overall_score == 9


def test_a_row_changed_elsewhere_is_seen_by_a_new_session(domain_db: Database, make: Make) -> None:
    tender: Tender = make(Tender, title="Old")
    with domain_db.migration_engine.begin() as connection:
        connection.execute(update(Tender).where(Tender.__table__.c.id == tender.id).values(title="New"))
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).require(tender.id).title == "New"
