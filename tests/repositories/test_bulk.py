"""Writing many rows: all of them or none, told apart by their natural key."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from domain import (
    AnalysisContent,
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    ConstraintError,
    Database,
    DomainModel,
    DuplicateError,
    Organization,
    OrganizationContent,
    OrganizationRepository,
    Tender,
    TenderContent,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    Upserted,
)
from domain.errors import InvalidRowsError
from domain.kit.records import SystemAccess
from domain.kit.repository import Repository

Stored = Callable[[type[Any], int], dict[str, Any]]
Rows = Callable[[type[Any]], list[dict[str, Any]]]
Make = Callable[..., Any]


def titles(rows: list[dict[str, Any]]) -> list[str]:
    return [row["title"] for row in rows]


# -- create_many ------------------------------------------------------------------------------------------------


def test_many_rows_are_created_in_order(domain_db: Database, stored_rows: Rows) -> None:
    with domain_db.get_session() as session:
        created = TenderRepository(session).create_many((Tender(title=f"{n}") for n in range(7)), org_id=2)
        assert [tender.title for tender in created] == [str(n) for n in range(7)]
        assert [tender.id for tender in created] == sorted({tender.id for tender in created})
        assert TenderRepository(session).create_many([]) == []
    rows = stored_rows(Tender)
    assert titles(rows) == [str(n) for n in range(7)]
    assert [row["id"] for row in rows] == [tender.id for tender in created]
    assert {(row["organization_id"], row["version"]) for row in rows} == {(2, 1)}


def test_of_many_rows_with_a_bad_one_none_is_created(domain_db: Database, stored_rows: Rows, tender: Tender) -> None:
    many = [Tender(title="New"), Tender(title="Again", external_id="ocds-1"), Tender(title="Newer")]
    with pytest.raises(DuplicateError), domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).create_many(many)
    assert titles(stored_rows(Tender)) == ["Harbour bridge"]


# -- upsert_many ------------------------------------------------------------------------------------------------


def test_rows_are_created_updated_or_left(domain_db: Database, stored: Stored, make: Make) -> None:
    changed: Tender = make(Tender, external_id="changed", title="Old", location="Bergen", status=TenderStatus.COMPLETE)
    same: Tender = make(Tender, external_id="same", title="Same")
    foreign: Tender = make(Tender, organization_id=2, external_id="new", title="Foreign")
    contents = [
        TenderContent(external_id="new", title="New"),
        TenderContent(external_id="changed", title="Changed", categories=["45221110"]),
        TenderContent(external_id="same", title="Same"),
    ]
    with domain_db.get_session() as session:
        assert TenderRepository(session).upsert_many(iter(contents), org_id=1) == Upserted(1, 1, 1)
        new = TenderRepository(session).get_by_external_id("new")
        assert new is not None
    row = stored(Tender, changed.id)
    assert (row["title"], row["categories"], row["location"]) == ("Changed", ["45221110"], "Bergen")
    assert (row["status"], row["version"]) == (TenderStatus.COMPLETE, 2)
    assert row["updated_at"] > changed.updated_at
    assert (stored(Tender, same.id)["version"], stored(Tender, same.id)["updated_at"]) == (1, same.updated_at)
    assert stored(Tender, new.id)["organization_id"] == 1
    assert (stored(Tender, foreign.id)["title"], stored(Tender, foreign.id)["version"]) == ("Foreign", 1)


def test_a_deleted_row_stays_deleted_and_a_new_one_is_made(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).soft_delete(tender.id)
    before = stored(Tender, tender.id)
    with domain_db.get_session(organization_id=1) as session:
        done = TenderRepository(session).upsert_many([TenderContent(external_id="ocds-1", title="New")])
        assert done == Upserted(created=1, updated=0, unchanged=0)
        assert TenderRepository(session).count() == 1
    assert stored(Tender, tender.id) == before


def test_more_than_one_batch_of_rows(domain_db: Database, stored_rows: Rows) -> None:
    def contents(start: int, stop: int, title: str) -> Iterator[TenderContent]:
        return (TenderContent(external_id=f"{n}", title=title) for n in range(start, stop))

    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).upsert_many(contents(0, 600, "First")) == Upserted(600, 0, 0)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        assert tenders.upsert_many([*contents(0, 500, "First"), *contents(500, 1100, "Second")]) == Upserted(
            500, 100, 500
        )
    rows = stored_rows(Tender)
    assert [row["external_id"] for row in rows] == [str(n) for n in range(1100)]
    assert titles(rows) == ["First"] * 500 + ["Second"] * 600


@pytest.mark.parametrize("bad", ["unwritable", "keyless"])
def test_an_error_names_the_row_and_nothing_is_written(domain_db: Database, stored_rows: Rows, bad: str) -> None:
    keyless = TenderContent(title="No key")
    unwritable = Tender(external_id="x", title="x", organization_id=2)
    contents: list[DomainModel] = [TenderContent(external_id="a", title="A"), TenderContent(external_id="b", title="B")]
    contents.append({"keyless": keyless, "unwritable": unwritable}[bad])
    reason = {"keyless": "row 2: .* external_id", "unwritable": "row 2: organization_id"}[bad]
    with domain_db.get_session(organization_id=1) as session, pytest.raises(ArgumentError, match=reason):
        TenderRepository(session).upsert_many(contents)
    assert stored_rows(Tender) == []


class LooseContent(DomainModel):
    """Looser than the model, as an application's own body may be."""

    external_id: str
    title: str | None = None
    currency: str | None = None


@pytest.mark.parametrize("at", [1, 550])
@pytest.mark.parametrize("fault", ["validation", "database"])
def test_nothing_is_half_written_even_where_the_error_is_caught(
    domain_db: Database, stored_rows: Rows, make: Make, at: int, fault: str
) -> None:
    make(Tender, external_id="0", title="Old")
    contents = [LooseContent(external_id=f"{n}", title="New") for n in range(600)]
    contents[at] = LooseContent(external_id="bad") if fault == "validation" else contents[at]
    if fault == "database":
        contents[at] = LooseContent(external_id="bad", title="No value", currency="EUR")
    expected = InvalidRowsError if fault == "validation" else ConstraintError
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.create(title="Kept")
        with pytest.raises(expected):
            tenders.upsert_many(contents)
        assert tenders.count() == 2
        session.flush()
    assert titles(stored_rows(Tender)) == ["Old", "Kept"]


def test_a_content_may_be_a_patch_or_a_row(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        assert tenders.upsert_many(
            [TenderPatch.model_validate({"external_id": "ocds-1", "location": "Bergen"})]
        ) == Upserted(0, 1, 0)
        assert tenders.upsert_many(
            [Tender(external_id="ocds-1", title="Row"), Tender(external_id="b", title="B")]
        ) == Upserted(1, 1, 0)
    row = stored(Tender, tender.id)
    assert (row["title"], row["location"], row["version"]) == ("Row", "Bergen", 3)


def test_contents_with_a_reference_are_told_apart_by_it(domain_db: Database, stored_rows: Rows, make: Make) -> None:
    analysis: AnalysisResult = make(AnalysisResult, overall_score=5)
    other: Tender = make(Tender)
    foreign: AnalysisResult = make(AnalysisResult, organization_id=2, overall_score=1)
    with domain_db.get_session(organization_id=1) as session:
        analyses = AnalysisRepository(session)
        contents = [
            AnalysisContent(tender_id=n, is_relevant=True, confidence=1, overall_score=9)
            for n in (analysis.tender_id, other.id)
        ]
        assert analyses.upsert_many(contents) == Upserted(1, 1, 0)
        with pytest.raises(ConstraintError):
            analyses.upsert_many([AnalysisContent(tender_id=foreign.tender_id, is_relevant=True, confidence=1)])
        assert analyses.count() == 2
    scores = [(row["tender_id"], row["overall_score"]) for row in stored_rows(AnalysisResult)]
    assert scores == [(analysis.tender_id, 9), (foreign.tender_id, 1), (other.id, 9)]


def test_organizations_are_upserted_across_all_in_a_system_session_only(domain_db: Database, stored_rows: Rows) -> None:
    contents = [OrganizationContent(name="Renamed", slug="second"), OrganizationContent(name="Third", slug="third")]
    with pytest.raises(ArgumentError, match="one organization"), domain_db.get_session(organization_id=1) as session:
        OrganizationRepository(session).upsert_many(contents)
    with domain_db.system_session(actor="tests", reason="upsert") as system:
        assert OrganizationRepository(system).upsert_many(contents) == Upserted(1, 1, 0)
    names = [row["name"] for row in stored_rows(Organization)]
    assert names == ["The first organization", "Renamed", "Third"]


class SystemAccessRepository(Repository[SystemAccess]):
    """A repository of a table that belongs to no organization."""

    model = SystemAccess


def test_a_model_without_a_natural_key_says_how_to_get_one(domain_db: Database) -> None:
    with domain_db.system_session(actor="tests", reason="upsert") as system:
        with pytest.raises(TypeError, match="live_unique"):
            SystemAccessRepository(system).upsert_many([])
        with pytest.raises(TypeError, match="live_unique"):
            SystemAccessRepository(system).put(SystemAccess(actor="a", reason="r"))
        newest = SystemAccessRepository(system).find(limit=1)
        assert [access.reason for access in newest] == ["upsert"]
