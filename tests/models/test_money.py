"""Amounts are exact decimals on both engines, rounded half-even; what does not fit is refused with the reason."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import ColumnElement, Engine, func, text
from sqlmodel import Session, col, select

from domain import AnalysisResult, ConstraintError, Database, Tender, TenderContent, TenderRepository
from domain.testing import build

INT64_MAX = 2**63 - 1
EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def amount(value: object) -> Decimal:
    made = TenderContent.model_validate({"title": "Bridge", "estimated_value": value}).estimated_value
    assert made is not None
    return made


@given(st.decimals(min_value=0, max_value=10**16 - 1, places=9))
def test_an_amount_is_rounded_half_even_to_four_decimals(value: Decimal) -> None:
    exact = Fraction(value) * 10**4
    below = exact.numerator // exact.denominator
    ties_to_even = round(exact)
    made = amount(value)
    assert made == Decimal(ties_to_even).scaleb(-4)
    assert ties_to_even in (below, below + 1)
    assert made.as_tuple().exponent == -4


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        ("0.00005", "0.0000"),
        ("0.00015", "0.0002"),
        ("0.00025", "0.0002"),
        ("-0.00001", "0.0000"),
        ("9999999999999999.99994", "9999999999999999.9999"),
        (0.1, "0.1000"),
        (7, "7.0000"),
        ("1e3", "1000.0000"),
        ("1e-999999999", "0.0000"),
        (f"0.{'9' * 90}", "1.0000"),
    ],
)
def test_an_amount_is_kept_as(given_value: object, kept: str) -> None:
    assert str(amount(given_value)) == kept


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("NaN", "finite"),
        (Decimal("sNaN"), "finite"),
        ("Infinity", "finite"),
        (float("-inf"), "finite"),
        (True, "not true or false"),
        ("1" * 40, "must be a number below 10000000000000000"),
        ("9999999999999999.99995", "must be a number below 10000000000000000"),
        ("1e999999999", "must be a number below"),
        ("-1e999999999", "must be a number below"),
        (-1, "greater than or equal to 0"),
        ("", "valid decimal"),
        ("1,5", "valid decimal"),
        ([1], "Decimal input should be"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_reason(bad: object, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        amount(bad)


@pytest.mark.parametrize("cost", ["99999999.9999995", "1e8", "NaN", True])
def test_a_cost_has_its_own_limit(cost: object) -> None:
    with pytest.raises(ValidationError, match="processing_cost"):
        build(AnalysisResult, processing_cost=cost)
    assert build(AnalysisResult, processing_cost="99999999.9999994").processing_cost == Decimal("99999999.999999")


def write_and_read(schema: Engine, *values: Decimal) -> list[Decimal | None]:
    """The values as the database gives them back, in a transaction that is rolled back."""
    with Session(schema) as session:
        tenders = [build(Tender, organization_id=1, estimated_value=value) for value in values]
        session.add_all(tenders)
        session.flush()
        session.expire_all()
        return [tender.estimated_value for tender in tenders]


@EXAMPLES
@given(st.decimals(min_value=0, max_value=Decimal(INT64_MAX).scaleb(-4), places=4))
def test_an_amount_comes_back_exactly(schema: Engine, value: Decimal) -> None:
    assert write_and_read(schema, value) == [value]


def test_sixteen_digits_before_the_point_come_back_exactly_from_postgresql(domain_postgresql: Database) -> None:
    value = Decimal("9999999999999999.9999")
    with domain_postgresql.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Bridge", estimated_value=value)
    with domain_postgresql.get_session(organization_id=1) as session:
        assert TenderRepository(session).require(tender.id).estimated_value == value


def test_sqlite_refuses_what_it_can_t_hold_and_says_up_to_where_it_can(domain_sqlite: Database) -> None:
    limit = Decimal(INT64_MAX).scaleb(-4)
    with domain_sqlite.get_session(organization_id=1) as session:
        session.add(Tender(title="Bridge", estimated_value=limit))
    with (
        pytest.raises(ConstraintError, match=r"SQLite holds amounts up to 922337203685477\.5807"),
        domain_sqlite.get_session(organization_id=1) as session,
    ):
        session.add(Tender(title="Bridge", estimated_value=limit + Decimal("0.0001")))
    with domain_sqlite.get_session(organization_id=1) as session:
        assert [tender.estimated_value for tender in TenderRepository(session).find()] == [limit]


@EXAMPLES
@given(st.lists(st.decimals(min_value=0, max_value=10**9, places=4), min_size=3, max_size=5))
def test_comparing_ordering_and_adding_up_agree_with_python(schema: Engine, values: list[Decimal]) -> None:
    value = col(Tender.estimated_value)
    pivot = sorted(values)[1]
    with Session(schema) as session:
        tenders = [build(Tender, organization_id=1, estimated_value=each) for each in values]
        session.add_all(tenders)
        session.flush()
        mine = col(Tender.id).in_([tender.id for tender in tenders])

        def chosen(condition: ColumnElement[bool]) -> list[Decimal | None]:
            found = session.exec(select(Tender).where(mine, condition).order_by(value)).all()
            return [tender.estimated_value for tender in found]

        assert chosen(value >= pivot) == sorted(each for each in values if each >= pivot)
        assert chosen(value < pivot) == sorted(each for each in values if each < pivot)
        assert chosen(value == pivot) == [each for each in values if each == pivot]
        assert chosen(value.between(pivot, pivot + 1)) == sorted(v for v in values if pivot <= v <= pivot + 1)
        total, most = session.exec(select(func.sum(value), func.max(value)).where(mine)).one()
        twice, half = session.exec(select(func.sum(value) * 2, func.sum(value) / 2).where(mine)).one()
    assert (total, most, twice) == (sum(values), max(values), 2 * sum(values))
    assert half == pytest.approx(sum(values) / 2)


def test_sqlite_stores_scaled_integers_and_postgresql_numeric(schema: Engine) -> None:
    kind = "typeof" if schema.dialect.name == "sqlite" else "pg_typeof"
    with schema.connect() as connection, connection.begin() as transaction:
        connection.execute(Tender.__table__.insert(), [{"organization_id": 1, "title": "x", "estimated_value": "12.5"}])
        stored = connection.execute(text(f"SELECT {kind}(estimated_value), estimated_value FROM tenders")).first()
        transaction.rollback()
    expected = ("integer", 125000) if schema.dialect.name == "sqlite" else ("numeric", Decimal("12.5000"))
    assert stored == expected
