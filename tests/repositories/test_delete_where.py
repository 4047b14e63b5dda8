"""Many rows deleted as one deletion, and brought back by its id."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlmodel import col, exists, select

from domain import (
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    ConflictError,
    Database,
    DuplicateError,
    Organization,
    OrganizationRepository,
    TenantRequiredError,
    TenantScopeError,
    Tender,
    TenderRepository,
    TenderStatus,
    UserRepository,
)
from domain.retention import purge
from domain.testing import build
from tests.repositories.test_own_models import Currency, CurrencyRepository

StoredRows = Callable[[type[Any]], list[dict[str, Any]]]
Make = Callable[..., Any]

WITHOUT_ANALYSIS = ~exists().where(col(AnalysisResult.tender_id) == Tender.id)


@pytest.fixture
def titles(domain_db: Database, make: Make) -> None:
    """Three tenders of organization 1, the first two with an analysis; one of organization 2."""
    for title in ("Old bridge", "Old ferry", "New quay"):
        tender = make(Tender, title=title)
        if title != "New quay":
            make(AnalysisResult, tender_id=tender.id)
    make(Tender, organization_id=2, title="Old tunnel")


def live(stored_rows: StoredRows) -> list[object]:
    return [row["title"] for row in stored_rows(Tender) if not row["is_deleted"]]


@pytest.mark.usefixtures("titles")
def test_the_rows_go_with_what_belongs_to_them_and_come_back_by_the_deletions_id(
    domain_db: Database, stored_rows: StoredRows
) -> None:
    with domain_db.get_session(organization_id=1, actor="user:1") as session:
        deletion = TenderRepository(session).soft_delete_where(col(Tender.title).startswith("Old"))
        assert (bool(deletion), deletion.rows) == (True, 2)
        assert TenderRepository(session).count() == 1
    gone = [row for model in (Tender, AnalysisResult) for row in stored_rows(model) if row["is_deleted"]]
    assert [(row["deletion_id"], row["deleted_by"], row["version"]) for row in gone] == [
        (deletion.deletion_id, "user:1", 2)
    ] * 4
    assert len({row["deleted_at"] for row in gone}) == 1
    assert live(stored_rows) == ["New quay", "Old tunnel"]
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).restore_deletion(deletion.deletion_id)
        assert not TenderRepository(session).restore_deletion(deletion.deletion_id)
    rows = [row for model in (Tender, AnalysisResult) for row in stored_rows(model)]
    assert [row["deletion_id"] for row in rows] == [None] * 6
    assert [row["is_deleted"] for row in rows] == [False] * 6


@pytest.mark.usefixtures("titles")
def test_any_of_the_rows_brings_back_all_of_them(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        ids = [tender.id for tender in tenders.find()]
        assert tenders.soft_delete_where(col(Tender.id).in_(ids)).rows == 3
        assert tenders.restore(ids[0])
        assert tenders.count() == 3


@pytest.mark.usefixtures("titles")
def test_conditions_may_ask_of_other_tables_and_mean_the_organizations_live_rows(
    domain_db: Database, stored_rows: StoredRows
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).soft_delete_where(WITHOUT_ANALYSIS).rows == 1
    assert live(stored_rows) == ["Old bridge", "Old ferry", "Old tunnel"]
    with domain_db.get_session(organization_id=1) as session:
        deletion = TenderRepository(session).soft_delete_where(
            col(Tender.id) == AnalysisResult.tender_id, col(Tender.id) == AnalysisResult.tender_id
        )
        assert deletion.rows == 2
    assert live(stored_rows) == ["Old tunnel"]


@pytest.mark.usefixtures("titles")
def test_where_no_row_meets_the_conditions_it_says_so_and_writes_nothing(
    domain_db: Database, stored_rows: StoredRows
) -> None:
    before = stored_rows(Tender)
    with domain_db.get_session(organization_id=1) as session:
        for where in (col(Tender.title) == "Old tunnel", col(Tender.title) == "None"):
            deletion = TenderRepository(session).soft_delete_where(where)
            assert (bool(deletion), deletion.rows) == (False, 0)
            assert not TenderRepository(session).restore_deletion(deletion.deletion_id)
    assert stored_rows(Tender) == before


@pytest.mark.usefixtures("titles")
@pytest.mark.parametrize("where", [(), (True,), (col(Tender.title) == "Old bridge", True)])
def test_nobody_means_all_rows(domain_db: Database, stored_rows: StoredRows, where: Any) -> None:
    with domain_db.get_session(organization_id=1) as session, pytest.raises(ArgumentError, match="every row"):
        TenderRepository(session).soft_delete_where(*where)
    assert len(live(stored_rows)) == 4


def test_organizations_are_deleted_one_at_a_time(domain_db: Database) -> None:
    with domain_db.system_session(actor="tests", reason="try") as system:
        organizations = OrganizationRepository(system)
        with pytest.raises(ArgumentError, match="one at a time"):
            organizations.soft_delete_where(col(Organization.slug) == "first")
        assert organizations.count() == 2


def test_an_organizations_deletion_comes_back_by_its_id(domain_db: Database, make: Make) -> None:
    user = make(build_user := UserRepository.model)
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).soft_delete(1)
    with domain_db.system_session(actor="tests", reason="bring it back") as system:
        row = OrganizationRepository(system).require(1, include_deleted=True)
        assert row.deletion_id is not None
        assert OrganizationRepository(system).restore_deletion(row.deletion_id)
    with domain_db.get_session(organization_id=1) as session:
        assert UserRepository(session).get(user.id) is not None
        assert isinstance(user, build_user)


def test_a_table_of_no_organization_has_it_too(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session() as session:
        currencies = CurrencyRepository(session)
        currencies.create_many([{"code": code} for code in ("EUR", "NOK", "SEK")])
        deletion = currencies.soft_delete_where(col(Currency.code).in_(["NOK", "SEK"]))
        assert deletion.rows == 2
        assert [row.code for row in currencies.find()] == ["EUR"]
        assert currencies.restore_deletion(deletion.deletion_id)
        assert currencies.count() == 3


@pytest.mark.usefixtures("titles")
def test_another_organizations_deletion_is_not_found(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session(organization_id=1) as session:
        deletion_id = TenderRepository(session).soft_delete_where(col(Tender.title) == "Old bridge").deletion_id
    before = stored_rows(Tender)
    with domain_db.get_session(organization_id=2) as session:
        assert not TenderRepository(session).restore_deletion(deletion_id)
        with pytest.raises(TenantScopeError):
            TenderRepository(session).restore_deletion(deletion_id, org_id=1)
    with domain_db.get_session() as session, pytest.raises(TenantRequiredError):
        TenderRepository(session).restore_deletion(deletion_id)
    assert stored_rows(Tender) == before


@pytest.mark.usefixtures("titles")
def test_a_part_of_a_deletion_does_not_come_back_alone(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session(organization_id=1) as session:
        deletion_id = TenderRepository(session).soft_delete_where(col(Tender.title).startswith("Old")).deletion_id
        with pytest.raises(ConflictError, match="AnalysisResult: its Tender is deleted; restore that first"):
            AnalysisRepository(session).restore_deletion(deletion_id)
        assert not UserRepository(session).restore_deletion(deletion_id)
    assert [row["is_deleted"] for row in stored_rows(AnalysisResult)] == [True, True]


@pytest.mark.usefixtures("titles")
def test_of_rows_of_several_parents_none_comes_back_while_one_parent_is_deleted(
    domain_db: Database, stored_rows: StoredRows
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        analyses, tenders = AnalysisRepository(session), TenderRepository(session)
        first, second = session.exec(select(AnalysisResult).order_by(col(AnalysisResult.id))).all()
        deletion = analyses.soft_delete_where(col(AnalysisResult.id) > 0)
        tenders.soft_delete(second.tender_id)
        with pytest.raises(ConflictError, match="its Tender is deleted"):
            analyses.restore(first.id)
        with pytest.raises(ConflictError, match="its Tender is deleted"):
            analyses.restore_deletion(deletion.deletion_id)
        tenders.restore(second.tender_id)
        assert analyses.restore(first.id)
    assert [row["is_deleted"] for row in stored_rows(AnalysisResult)] == [False, False]


def test_a_unique_value_that_was_taken_meanwhile_holds_all_of_them(
    domain_db: Database, make: Make, stored_rows: StoredRows
) -> None:
    for number in (1, 2):
        make(Tender, title="Old", external_id=f"o-{number}")
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        deletion = tenders.soft_delete_where(Tender.title == "Old")
        holder = tenders.create(title="New", external_id="o-2")
        with pytest.raises(DuplicateError) as refused:
            tenders.restore_deletion(deletion.deletion_id)
        assert refused.value.holder_id == holder.id
    assert [row["is_deleted"] for row in stored_rows(Tender)] == [True, True, False]


@pytest.mark.usefixtures("titles")
def test_objects_that_the_session_holds_show_it(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        held = list(TenderRepository(session).find())
        deletion = TenderRepository(session).soft_delete_where(Tender.status == TenderStatus.PENDING)
        assert [(row.is_deleted, row.deletion_id, row.version) for row in held] == [(True, deletion.deletion_id, 2)] * 3
        TenderRepository(session).restore_deletion(deletion.deletion_id)
        assert [(row.is_deleted, row.deletion_id, row.version) for row in held] == [(False, None, 3)] * 3


def test_an_unknown_deletion_is_not_found(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        for deletion_id in (uuid4(), UUID(int=0)):
            assert not TenderRepository(session).restore_deletion(deletion_id)


@pytest.mark.parametrize("removals", range(1, 5))
def test_a_purge_that_is_stopped_leaves_no_part_to_restore(
    domain_db: Database, make: Make, stored_rows: StoredRows, removals: int
) -> None:
    for _ in range(4):
        make(Tender, title="Old bridge")
    with domain_db.get_session(organization_id=1) as session:
        deletion = TenderRepository(session).soft_delete_where(col(Tender.title) == "Old bridge")
    left = iter(range(removals - 1))

    def stop(_removed: object) -> None:
        if next(left, None) is None:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        purge(domain_db, actor="tests", older_than_days=0, batch_size=1, progress=stop)
    with domain_db.get_session(organization_id=1) as session:
        assert not TenderRepository(session).restore_deletion(deletion.deletion_id)
    assert all(row["is_deleted"] for row in stored_rows(Tender))
    purge(domain_db, actor="tests", older_than_days=0)
    assert stored_rows(Tender) == []


@pytest.mark.slow
def test_thousands_of_rows_are_one_deletion(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        ids = tenders.create_many([{"title": "Old"} for _ in range(40_000)])
        AnalysisRepository(session).create_many([build(AnalysisResult, tender_id=n) for n in ids[:2]])
        deletion = tenders.soft_delete_where(Tender.title == "Old")
        assert (deletion.rows, tenders.count(), AnalysisRepository(session).count()) == (40_000, 0, 0)
        assert tenders.restore_deletion(deletion.deletion_id)
        assert (tenders.count(), AnalysisRepository(session).count()) == (40_000, 2)
