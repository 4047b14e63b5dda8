"""Rows that are read straight into a schema: equal to the model's, related rows in one statement, no object kept."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import AfterValidator, BaseModel, model_validator

from domain import (
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    Database,
    DomainModel,
    OrganizationPublic,
    OrganizationRepository,
    Page,
    Tender,
    TenderFilter,
    TenderPublic,
    TenderRepository,
    UserPublic,
    UserRepository,
)
from domain.testing import build
from tests.support.statements import recorded

Make = Callable[..., Any]


class Score(DomainModel):
    """A part of an analysis."""

    overall_score: float | None
    strengths: list[str]


class Line(DomainModel):
    """A tender in a list, with what is known of it."""

    id: int
    title: str
    estimated_value: Decimal | None
    analysis: Score | None


def test_a_schema_has_what_the_object_has(domain_db: Database, make: Make) -> None:
    tender: Tender = make(Tender, title="Bridge", estimated_value=Decimal("1.5"), currency="EUR", categories=["4", "5"])
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        wanted = TenderPublic.model_validate(tenders.require(tender.id), from_attributes=True)
        page = tenders.page(as_=TenderPublic, with_total=True)
        found = [tenders.get(tender.id, as_=TenderPublic), *tenders.find(as_=TenderPublic), *page.items]
        found += tenders.search("bridge", as_=TenderPublic)
        assert found == [wanted] * 4
        assert page.total == 1
        assert all(type(row) is TenderPublic for row in found)
        assert [row.model_dump_json() for row in found if row] == [wanted.model_dump_json()] * 4
        assert {row.model_fields_set == wanted.model_fields_set for row in found if row} == {True}
        assert tenders.get(tender.id + 1, as_=TenderPublic) is None
        tenders.soft_delete(tender.id)
        assert tenders.get(tender.id, as_=TenderPublic) is None
        assert tenders.get(tender.id, as_=TenderPublic, include_deleted=True) is not None


def test_no_object_is_made(domain_db: Database, make: Make) -> None:
    make(Tender)
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).find(as_=TenderPublic)
        UserRepository(session).page(as_=UserPublic)
        assert list(session) == []


def test_a_related_row_comes_in_the_same_statement(domain_db: Database, make: Make) -> None:
    rated, plain = make(Tender, title="Rated", estimated_value=Decimal(7)), make(Tender, title="Plain")
    gone = make(Tender, title="Analysis deleted")
    foreign = make(Tender, organization_id=2)
    make(AnalysisResult, organization_id=2, tender_id=foreign.id, overall_score=9)
    with domain_db.get_session(organization_id=1) as session:
        analyses = AnalysisRepository(session)
        analyses.add(build(AnalysisResult, tender_id=rated.id, overall_score=8, strengths=["near"]))
        analyses.soft_delete(analyses.add(build(AnalysisResult, tender_id=gone.id)).id)
        with recorded(domain_db.engine) as statements:
            lines = TenderRepository(session).find(as_=Line)
        assert len(statements) == 1
        none: dict[str, Any] = {"estimated_value": None, "analysis": None}
        best = Score(overall_score=8, strengths=["near"])
        assert lines == [
            Line(id=gone.id, title="Analysis deleted", **none),
            Line(id=plain.id, title="Plain", **none),
            Line(id=rated.id, title="Rated", estimated_value=Decimal(7), analysis=best),
        ]
        assert TenderRepository(session).find(TenderFilter(min_score=8), as_=Line) == lines[2:]
        assert TenderRepository(session).get(rated.id, as_=Line) == lines[2]


class Shouted(BaseModel):
    """Of other types than the model's, and with a validator."""

    title: Annotated[str, AfterValidator(str.upper)]
    estimated_value: str | None

    @model_validator(mode="before")
    @classmethod
    def as_text(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Write the value out."""
        return {**values, "estimated_value": str(values["estimated_value"])}


def test_what_is_not_as_the_model_has_it_is_validated(domain_db: Database, make: Make) -> None:
    make(Tender, title="Bridge", estimated_value=Decimal("1.5"))
    with domain_db.get_session(organization_id=1) as session:
        (found,) = TenderRepository(session).find(as_=Shouted)
    assert found.title == "BRIDGE"
    assert Decimal(str(found.estimated_value)) == Decimal("1.5")


class Wrong(BaseModel):
    """With a field that no tender has."""

    title: str
    colour: str = "red"


class Unrelated(BaseModel):
    """With a related row that is no schema."""

    analysis: dict[str, str] | None


@pytest.mark.parametrize(("schema", "field"), [(Wrong, "colour"), (Unrelated, "analysis")])
def test_a_field_that_the_model_has_not_is_refused(domain_db: Database, schema: type[BaseModel], field: str) -> None:
    with (
        domain_db.get_session(organization_id=1) as session,
        pytest.raises(ArgumentError, match=f"{schema.__name__}.{field} is no column of Tender"),
    ):
        TenderRepository(session).find(as_=schema)


def test_organizations_are_read_as_a_schema_too(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        (found,) = OrganizationRepository(session).find(as_=OrganizationPublic)
        assert found == OrganizationPublic.model_validate(
            OrganizationRepository(session).require(1), from_attributes=True
        )


def test_a_page_is_served_as_it_is(domain_db: Database, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    make(Tender, title="Bridge")
    app = FastAPI()

    @app.get("/tenders")
    def tenders() -> Page[TenderPublic]:
        with domain_db.get_session(organization_id=1) as session:
            return TenderRepository(session).page(as_=TenderPublic)

    body = TestClient(app).get("/tenders").json()
    assert body["items"][0]["title"] == "Bridge"
    assert "organization_id" not in body["items"][0]
    with domain_db.get_session(organization_id=1) as session:
        assert type(TenderRepository(session).page(as_=TenderPublic)) is Page[TenderPublic]
