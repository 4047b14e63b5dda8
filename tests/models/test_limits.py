"""Every limit of an entity is held twice: by the class, and by the database against whatever else writes to it."""

from typing import NamedTuple

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain import AnalysisResult, BidDocument, ConstraintError, Entity, Organization, Tender, TenderNotice, User
from domain.kit.records import PurgeRecord, SystemAccess
from domain.testing import build


class Limit(NamedTuple):
    model: type[Entity]
    column: str
    bad: object
    rule: str = "length"

    @property
    def constraint(self) -> str:
        return f"ck_{self.model.__table__.name}_{self.column}_{self.rule}"

    def __repr__(self) -> str:
        return f"{self.model.__name__}.{self.column}={str(self.bad)[:8]!r}"


SCORES = (
    "overall_score",
    "strategic_fit",
    "financial_attractiveness",
    "win_probability",
    "resource_requirements",
)
TOO_LONG = [
    Limit(Organization, "name", "x" * 256),
    Limit(Organization, "slug", "x" * 101),
    Limit(User, "email", "a@" + "x" * 254),
    Limit(User, "full_name", "x" * 256),
    Limit(User, "hashed_password", "x" * 256),
    Limit(Tender, "external_id", "x" * 256),
    Limit(Tender, "source", "x" * 101),
    Limit(Tender, "title", "x" * 501),
    Limit(Tender, "organization_name", "x" * 256),
    Limit(Tender, "currency", "EURO"),
    Limit(Tender, "url", "x" * 1001),
    Limit(Tender, "location", "x" * 256),
    Limit(Tender, "notice_status", "x" * 51),
    Limit(TenderNotice, "release_id", "x" * 1001),
    Limit(TenderNotice, "digest", "x" * 65),
    Limit(AnalysisResult, "llm_model", "x" * 101),
    Limit(BidDocument, "llm_model", "x" * 101),
    Limit(SystemAccess, "actor", "x" * 256),
    Limit(SystemAccess, "reason", "x" * 1001),
    Limit(PurgeRecord, "actor", "x" * 256),
    Limit(PurgeRecord, "reason", "x" * 1001),
    Limit(PurgeRecord, "table_name", "x" * 256),
]
OTHERS = [
    *(Limit(Organization, column, "") for column in ("name", "slug")),
    *(Limit(Organization, "slug", slug, "words") for slug in ("Acme", "acme corp", "-acme", "acme-", "a--b", "acmé")),
    Limit(Organization, "subscription_tier", "gold", "values"),
    *(Limit(Organization, "monthly_analysis_limit", number, "range") for number in (-1,)),
    *(Limit(Organization, "monthly_analysis_count", number, "range") for number in (-1,)),
    *(Limit(User, column, "") for column in ("full_name", "hashed_password")),
    Limit(User, "role", "root", "values"),
    Limit(Tender, "title", ""),
    Limit(Tender, "currency", "EU"),
    *(Limit(Tender, "currency", code, "capitals") for code in ("eur", "E1R", "ÉÉÉ", "   ")),
    Limit(Tender, "status", "done", "values"),
    Limit(Tender, "estimated_value", -1, "range"),
    Limit(Tender, "processing_time", -0.1, "range"),
    Limit(TenderNotice, "digest", "x" * 63),
    *(Limit(AnalysisResult, "confidence", number, "range") for number in (-0.1, 1.1)),
    *(Limit(AnalysisResult, score, number, "range") for score in SCORES for number in (-0.1, 10.1)),
    Limit(AnalysisResult, "processing_cost", -1, "range"),
    *(
        Limit(BidDocument, column, "")
        for column in ("executive_summary", "capabilities", "approach", "value_proposition")
    ),
    Limit(BidDocument, "generation_cost", -1, "range"),
    *(Limit(SystemAccess, column, "") for column in ("actor", "reason")),
]
REQUIRED = [
    *(Limit(Organization, column, None) for column in ("name", "slug", "subscription_tier", "monthly_analysis_limit")),
    *(Limit(User, column, None) for column in ("organization_id", "email", "full_name", "role", "hashed_password")),
    *(Limit(Tender, column, None) for column in ("organization_id", "title", "status", "categories")),
    *(Limit(TenderNotice, column, None) for column in ("organization_id", "tender_id", "content", "digest")),
    *(Limit(AnalysisResult, column, None) for column in ("tender_id", "is_relevant", "confidence", "strengths")),
    *(Limit(BidDocument, column, None) for column in ("tender_id", "capabilities", "additional_sections")),
    *(Limit(SystemAccess, column, None) for column in ("actor", "reason")),
]


@pytest.fixture(scope="module")
def rows(schema: Engine) -> dict[type[Entity], int]:
    """The id of a good row of every table."""
    tender = build(Tender, organization_id=1, estimated_value=5, currency="EUR")
    records = [build(SystemAccess), build(PurgeRecord)]
    made: list[Entity] = [tender, build(Organization), *records, build(User, organization_id=1)]
    with Session(schema) as session:
        session.add_all(made)
        session.flush()
        children = (TenderNotice, AnalysisResult, BidDocument)
        made += [build(child, organization_id=1, tender_id=tender.id) for child in children]
        session.add_all(made)
        session.flush()
        ids = {type(row): row.id for row in made}
        session.commit()
    return ids


def overwrite(schema: Engine, rows: dict[type[Entity], int], limit: Limit) -> None:
    statement = f"UPDATE {limit.model.__table__.name} SET {limit.column} = :bad WHERE id = :id"
    with schema.begin() as connection:
        connection.execute(text(statement), {"bad": limit.bad, "id": rows[limit.model]})


@pytest.mark.parametrize("limit", [*TOO_LONG, *OTHERS, *REQUIRED], ids=repr)
def test_the_class_refuses_it(limit: Limit) -> None:
    with pytest.raises(ValidationError) as caught:
        build(limit.model, **{limit.column: limit.bad})
    assert {line["loc"][0] for line in caught.value.errors()} == {limit.column}


@pytest.mark.parametrize("limit", OTHERS, ids=repr)
def test_the_database_refuses_it_by_the_name_of_the_rule(
    schema: Engine, rows: dict[type[Entity], int], limit: Limit
) -> None:
    with pytest.raises(ConstraintError, match=limit.constraint) as caught:
        overwrite(schema, rows, limit)
    assert caught.value.constraint == limit.constraint


@pytest.mark.parametrize("limit", TOO_LONG, ids=repr)
def test_the_database_refuses_what_is_too_long(schema: Engine, rows: dict[type[Entity], int], limit: Limit) -> None:
    with pytest.raises(ConstraintError) as caught:
        overwrite(schema, rows, limit)
    # PostgreSQL's VARCHAR refuses it before the CHECK is asked, and names no rule.
    name = limit.constraint if schema.dialect.name == "sqlite" else None
    assert caught.value.constraint == name


@pytest.mark.parametrize("limit", REQUIRED, ids=repr)
def test_the_database_refuses_a_missing_value(schema: Engine, rows: dict[type[Entity], int], limit: Limit) -> None:
    with pytest.raises(ConstraintError, match=f"{limit.column} must not be empty"):
        overwrite(schema, rows, limit)


def test_the_database_refuses_an_email_that_is_not_lower_case(schema: Engine, rows: dict[type[Entity], int]) -> None:
    with pytest.raises(ConstraintError, match="ck_users_email_lower_case"):
        overwrite(schema, rows, Limit(User, "email", "Ann@example.org"))


def test_a_currency_without_a_value_is_refused_by_the_database_alone(
    schema: Engine, rows: dict[type[Entity], int]
) -> None:
    # Not by the class: of two fields that are assigned one after the other, the first would be refused.
    assert Tender(title="Bridge", currency="EUR").currency == "EUR"
    with pytest.raises(ConstraintError, match="ck_tenders_currency_needs_value"):
        overwrite(schema, rows, Limit(Tender, "estimated_value", None))


@pytest.mark.parametrize("column", ["monthly_analysis_limit", "monthly_analysis_count"])
def test_a_count_beyond_its_column_is_refused(schema: Engine, rows: dict[type[Entity], int], column: str) -> None:
    with pytest.raises(ValidationError, match=column):
        build(Organization, **{column: 2**31})
    with pytest.raises(ConstraintError):
        overwrite(schema, rows, Limit(Organization, column, 2**31))
