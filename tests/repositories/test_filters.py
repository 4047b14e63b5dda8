"""Filters: each field is a condition, alike on both databases; the same object is an API's query parameters."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query
from fastapi.testclient import TestClient
from pydantic import Field
from sqlmodel import col

from domain import (
    AnalysisResult,
    ArgumentError,
    Database,
    Page,
    Tender,
    TenderContent,
    TenderFilter,
    TenderOrder,
    TenderPublic,
    TenderRepository,
    TenderStatus,
    Text,
)
from domain.repositories import Filter, Matches

Make = Callable[..., Any]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

FOUND: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"bridge", "tunnel", "empty"}),
    ({"status": [TenderStatus.COMPLETE]}, {"bridge"}),
    ({"status": [TenderStatus.COMPLETE, TenderStatus.PENDING]}, {"bridge", "tunnel", "empty"}),
    ({"source": "ted"}, {"bridge"}),
    ({"currency": "NOK"}, {"tunnel"}),
    ({"category": "45"}, {"bridge", "tunnel"}),
    ({"category": "4"}, set()),
    ({"buyer": "bergen"}, {"bridge"}),
    ({"buyer": "100%"}, {"tunnel"}),
    ({"buyer": "1__%"}, set()),
    ({"location": "OSLO"}, {"tunnel"}),
    ({"min_value": Decimal("9.5")}, {"bridge", "tunnel"}),
    ({"min_value": Decimal("9.5001")}, {"tunnel"}),
    ({"max_value": Decimal("9.5")}, {"bridge"}),
    ({"min_value": Decimal("9.50001")}, {"bridge", "tunnel"}),  # rounded as an amount is
    ({"max_value": Decimal("9.49999")}, {"bridge"}),
    ({"max_value": 0}, set()),
    ({"deadline_from": NOON}, {"bridge", "tunnel"}),
    ({"deadline_from": NOON, "deadline_before": NOON + timedelta(1)}, {"bridge"}),
    ({"published_from": NOON}, {"tunnel"}),
    ({"published_before": NOON}, {"bridge"}),
    ({"has_analysis": True}, {"bridge"}),
    ({"has_analysis": False}, {"tunnel", "empty"}),
    ({"min_score": 7}, {"bridge"}),
    ({"min_score": 7.5}, set()),
    ({"text": "harbour Bergen"}, {"bridge"}),
    ({"text": " "}, {"bridge", "tunnel", "empty"}),
]


@pytest.fixture
def tenders(make: Make) -> None:
    """Three tenders, one without most values; and another organization's."""
    common: dict[str, Any] = {"categories": ["45", "451"]}
    bridge = make(
        Tender,
        external_id="bridge",
        title="Harbour bridge",
        status=TenderStatus.COMPLETE,
        source="ted",
        currency="EUR",
        organization_name="City of Bergen",
        estimated_value=Decimal("9.5"),
        deadline=NOON,
        published_at=NOON - timedelta(1),
        **common,
    )
    make(
        Tender,
        external_id="tunnel",
        title="Tunnel",
        currency="NOK",
        organization_name="100% Ltd",
        location="Oslo",
        estimated_value=Decimal(20),
        deadline=NOON + timedelta(1),
        published_at=NOON,
        **common,
    )
    make(Tender, external_id="empty", title="Empty")
    make(AnalysisResult, tender_id=bridge.id, overall_score=7)
    foreign = make(Tender, organization_id=2, external_id="foreign", title="Harbour bridge Bergen", source="ted")
    make(AnalysisResult, organization_id=2, tender_id=foreign.id, overall_score=9)


@pytest.mark.usefixtures("tenders")
@pytest.mark.parametrize(("given", "expected"), FOUND, ids=[str(n) for n in range(len(FOUND))])
def test_each_field_is_a_condition(domain_db: Database, given: dict[str, Any], expected: set[str]) -> None:
    wanted = TenderFilter(**given)
    with domain_db.get_session(organization_id=1) as session:
        repository = TenderRepository(session)
        assert {row.external_id for row in repository.find(wanted)} == expected
        page = repository.page(wanted, order_by=TenderOrder.HIGHEST_VALUE, as_=TenderPublic, with_total=True)
        assert ({row.external_id for row in page.items}, page.total) == (expected, len(expected))
        assert (repository.count(wanted), repository.exists(wanted)) == (len(expected), bool(expected))
        assert {row.external_id for row in repository.stream(wanted)} == expected


def test_every_field_is_tried() -> None:
    assert {name for given, _ in FOUND for name in given} == set(TenderFilter.model_fields)
    for name, field in TenderFilter.model_fields.items():
        assert any(isinstance(part, Matches) for part in field.metadata), name
        assert field.description, name


@pytest.mark.usefixtures("tenders")
def test_many_rows_are_deleted_by_a_filter(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        repository = TenderRepository(session)
        with pytest.raises(ArgumentError, match="would delete every row"):
            repository.soft_delete_where(TenderFilter())
        deletion = repository.soft_delete_where(TenderFilter(source="ted"))
        assert (deletion.rows, repository.count()) == (1, 2)
    with domain_db.get_session(organization_id=2) as session:
        assert TenderRepository(session).count() == 1


@pytest.mark.usefixtures("tenders")
def test_a_filter_is_the_query_parameters_of_an_api(domain_db: Database) -> None:
    app = FastAPI()

    @app.get("/tenders")
    def tenders(wanted: Annotated[TenderFilter, Query()], order: TenderOrder = TenderOrder.DEADLINE) -> list[str]:
        with domain_db.get_session(organization_id=1) as session:
            page: Page[TenderContent] = TenderRepository(session).page(wanted, order_by=order, as_=TenderContent)
            return [str(row.external_id) for row in page.items]

    client = TestClient(app)
    assert client.get("/tenders").json() == ["bridge", "tunnel", "empty"]
    assert client.get("/tenders?order=-estimated_value").json() == ["tunnel", "bridge", "empty"]
    assert client.get("/tenders?status=complete&status=pending&min_value=10").json() == ["tunnel"]
    assert client.get("/tenders?deadline_from=2026-05-01T14:00:00%2B02:00&has_analysis=true").json() == ["bridge"]
    wrong_ones = ("order=title", "min_score=11", "status=done", "currency=euro", "deadline_from=2026-05-01T12:00")
    for wrong in wrong_ones:
        assert client.get(f"/tenders?{wrong}").status_code == 422, wrong
    parameters = app.openapi()["paths"]["/tenders"]["get"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == {*TenderFilter.model_fields, "order"}


class TitleFilter(Filter):
    """Of an application's own."""

    starts_with: Annotated[Text | None, Matches(lambda start: col(Tender.title).startswith(start))] = None
    ids: Annotated[list[int], Matches(lambda ids: col(Tender.id).in_(ids))] = Field(default=[])
    sources: Annotated[frozenset[str], Matches(lambda these: col(Tender.source).in_(these))] = frozenset()


@pytest.mark.usefixtures("tenders")
def test_an_application_writes_filters_of_its_own(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        repository = TenderRepository(session)
        assert [row.title for row in repository.find(TitleFilter(starts_with="Tun"))] == ["Tunnel"]
        ids = [row.id for row in repository.find()]
        both = repository.find(TitleFilter(ids=ids[:2]), TenderFilter(min_value=Decimal(1)), col(Tender.id) > 0)
        assert [row.title for row in both] == ["Tunnel"]


def test_a_field_that_would_be_passed_over_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Inside\.title is no condition: write title: Annotated"):

        class Inside(Filter):  # pyright: ignore[reportUnusedClass]
            title: Annotated[Text, Matches(lambda title: col(Tender.title) == title)] | None = None

    with pytest.raises(TypeError, match=r"Bare\.title is no condition"):

        class Bare(TenderFilter):  # pyright: ignore[reportUnusedClass]
            title: str | None = None
