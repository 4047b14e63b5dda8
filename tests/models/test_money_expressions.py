"""What SQL computes from amounts means the same on both databases, whatever they are stored as."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Float, Numeric, case, cast, literal
from sqlmodel import col, func, select, update

from domain import AnalysisResult, Database, Tender, TenderRepository

VALUE: Any = col(Tender.estimated_value)
A, B, C = Decimal("10.50"), Decimal("20.25"), Decimal("0.0001")
ALL = (A, B, C)

EXPRESSIONS: dict[str, tuple[Any, list[Decimal | None]]] = {
    "itself": (VALUE, [*ALL]),
    "sum": (func.sum(VALUE), [A + B + C]),
    "extremes": (func.max(VALUE) - func.min(VALUE), [B - C]),
    "average": (func.avg(VALUE), [(A + B + C) / 3]),
    "absolute": (func.abs(VALUE - A), [abs(x - A) for x in ALL]),
    "negative": (-VALUE, [-x for x in ALL]),
    "rounded": (func.round(VALUE), [Decimal(round(x)) if x != A else Decimal(11) for x in ALL]),
    "product": (VALUE * VALUE, [x * x for x in ALL]),
    "times a whole number": (VALUE * 3, [x * 3 for x in ALL]),
    "times a decimal": (VALUE * Decimal("1.19"), [x * Decimal("1.19") for x in ALL]),
    "a number times it": (literal(2) * VALUE, [2 * x for x in ALL]),
    "ratio": (VALUE / func.sum(VALUE).over(), [x / sum(ALL) for x in ALL]),
    "plus an amount": (VALUE + Decimal("0.25"), [x + Decimal("0.25") for x in ALL]),
    "plus a product": (VALUE + VALUE * 2, [x * 3 for x in ALL]),
    "coalesced with a number": (func.coalesce(func.nullif(VALUE, A), 7), [Decimal(7), B, C]),
    "coalesced with itself": (func.coalesce(VALUE, VALUE), [*ALL]),
    "in a case": (case((VALUE > 15, VALUE), else_=0), [Decimal(0), B, Decimal(0)]),
    "in a case of amounts": (case((VALUE * 2 > 30, VALUE), else_=VALUE), [*ALL]),
    "as a float": (cast(VALUE, Float), [*ALL]),
    "as a number": (cast(VALUE, Numeric(20, 4)), [*ALL]),
    "counted": (func.count(VALUE), [Decimal(3)]),
}

AVERAGE: Any = select(func.avg(VALUE)).scalar_subquery()
LARGEST: Any = select(func.max(VALUE)).scalar_subquery()
CONDITIONS: dict[str, tuple[Any, list[Decimal]]] = {
    "equal": (VALUE == A, [A]),
    "more than a number": (VALUE > 15, [B]),
    "one of some": (VALUE.in_([A, C]), [A, C]),
    "one of those found": (VALUE.in_(select(VALUE).where(VALUE > 15)), [B]),
    "between": (VALUE.between(C, A), [A, C]),
    "more than the average": (VALUE > AVERAGE, [A, B]),
    "the largest": (VALUE == LARGEST, [B]),
    "half of the largest": (VALUE * 2 < LARGEST, [C]),
    "a product more than a number": (VALUE * 2 > 30, [B]),
    "more than a column of other decimals": (
        select(col(AnalysisResult.processing_cost)).scalar_subquery() < VALUE,
        [B],
    ),
}


def _planted(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        tenders = TenderRepository(session).create_many(
            [Tender(title="T", estimated_value=value, currency="EUR") for value in ALL]
        )
        tender_id = tenders[0].id
        session.add(
            AnalysisResult(tender_id=tender_id, is_relevant=True, confidence=1, processing_cost=Decimal("11.000001"))
        )


def _rounded(values: Any) -> list[str]:
    return sorted(str(None if value is None else round(Decimal(str(value)), 4) + 0) for value in values)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_has_the_value_of_the_amounts(domain_db: Database, name: str) -> None:
    _planted(domain_db)
    expression, wanted = EXPRESSIONS[name]
    with domain_db.get_session(organization_id=1) as session:
        assert _rounded(session.exec(select(expression).select_from(Tender)).all()) == _rounded(wanted)


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_holds_of_the_amounts(domain_db: Database, name: str) -> None:
    _planted(domain_db)
    condition, wanted = CONDITIONS[name]
    with domain_db.get_session(organization_id=1) as session:
        found = [row.estimated_value for row in TenderRepository(session).find(condition)]
    assert _rounded(found) == _rounded(wanted)


def test_an_amount_that_a_statement_computes_is_stored_as_one(domain_db: Database) -> None:
    _planted(domain_db)
    with domain_db.get_session(organization_id=1) as session:
        session.exec(update(Tender).where(VALUE > 15).values(estimated_value=VALUE * Decimal("1.5")))
    with domain_db.get_session(organization_id=1) as session:
        assert _rounded(row.estimated_value for row in TenderRepository(session).find()) == _rounded([A, B * 3 / 2, C])


def test_sums_of_amounts_are_exact(domain_db: Database) -> None:
    large = Decimal("99999999999.9999")
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).create_many([Tender(title="T", estimated_value=large, currency="EUR")] * 1)
        TenderRepository(session).create(title="T", estimated_value=C, currency="EUR")
        assert session.exec(select(func.sum(VALUE))).one() == large + C
