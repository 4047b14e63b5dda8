"""Every time is an aware one in UTC, on both engines, whatever zone the server or the caller is in."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from domain import ConstraintError, Database, Tender, TenderRepository, utcnow
from domain.testing import build

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
A_YEAR = timedelta(days=366)
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
OFFSETS = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
MOMENTS = st.datetimes((FIRST + A_YEAR).replace(tzinfo=None), (LAST - A_YEAR).replace(tzinfo=None), timezones=OFFSETS)
EXAMPLES = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def reread(schema: Engine, deadline: datetime) -> datetime:
    """The time as the database gives it back, in a transaction that is rolled back."""
    with Session(schema) as session:
        tender = build(Tender, organization_id=1, deadline=deadline)
        session.add(tender)
        session.flush()
        session.expire(tender)
        assert tender.deadline is not None
        return tender.deadline


@pytest.mark.parametrize("naive", [NOON.replace(tzinfo=None), "2026-05-01T12:00:00", "2026-05-01"])
def test_a_time_without_an_offset_is_refused(naive: object) -> None:
    with pytest.raises(ValidationError, match="needs a time zone offset"):
        build(Tender, deadline=naive)
    with pytest.raises(ValidationError, match="needs a time zone offset"):
        build(Tender, created_at=naive)


@EXAMPLES
@given(MOMENTS)
def test_a_time_of_any_offset_comes_back_as_the_same_instant_in_utc(schema: Engine, moment: datetime) -> None:
    kept = reread(schema, moment)
    assert kept == moment
    assert kept.utcoffset() == timedelta(0)
    assert kept.tzinfo is UTC


@pytest.mark.parametrize("edge", [FIRST, FIRST + timedelta(microseconds=1), LAST - timedelta(days=1), LAST])
def test_the_first_and_the_last_moment_come_back(schema: Engine, edge: datetime) -> None:
    assert reread(schema, edge) == edge


def test_a_time_that_utc_can_t_say_is_refused() -> None:
    for beyond in (
        LAST.replace(tzinfo=timezone(timedelta(hours=-1))),
        FIRST.replace(tzinfo=timezone(timedelta(hours=1))),
    ):
        with pytest.raises(ValidationError, match="out of range in UTC"):
            build(Tender, deadline=beyond)


def test_an_hour_that_the_clock_shows_twice_stays_two_hours() -> None:
    zone = ZoneInfo("Europe/Oslo")
    first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=zone, fold=fold) for fold in (0, 1))
    kept = [build(Tender, deadline=moment).deadline for moment in (first, second)]
    assert kept == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]


def test_the_server_of_these_tests_is_not_in_utc_and_our_connections_are(domain_postgresql: Database) -> None:
    with domain_postgresql.engine.connect() as connection:
        assert connection.scalar(text("SHOW TIME ZONE")) == "UTC"
        assert connection.scalar(text("SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'")) != "UTC"


def test_the_times_that_the_library_fills_in_are_now_in_utc(database: Database) -> None:
    before = utcnow()
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Bridge")
    with database.get_session(organization_id=1) as session:
        row = TenderRepository(session).require(tender.id)
        assert before <= row.created_at <= utcnow()
        created = row.created_at
        row.title = "Tunnel"
        session.flush()
        assert created < row.updated_at <= utcnow()
        assert row.created_at == created
        assert row.updated_at.utcoffset() == timedelta(0)


def test_the_database_fills_in_the_same_times_for_raw_sql(schema: Engine) -> None:
    before = utcnow() - timedelta(milliseconds=2)  # in which SQLite's clock counts
    with schema.connect() as connection, connection.begin() as transaction:
        connection.execute(text("INSERT INTO system_access (actor, reason) VALUES ('raw', 'sql')"))
        row = connection.execute(text("SELECT created_at, version, is_deleted FROM system_access")).one()
        transaction.rollback()
    made = row.created_at if isinstance(row.created_at, datetime) else datetime.fromisoformat(row.created_at)
    assert before <= made.replace(tzinfo=made.tzinfo or UTC) <= utcnow()
    assert (row.version, bool(row.is_deleted)) == (1, False)


def test_a_naive_time_in_a_condition_is_refused(schema: Engine) -> None:
    with Session(schema) as session, pytest.raises(ConstraintError, match="a time needs its offset"):
        session.exec(select(Tender).where(col(Tender.deadline) < NOON.replace(tzinfo=None))).all()


def test_a_condition_in_another_zone_finds_the_same_rows(schema: Engine) -> None:
    with Session(schema) as session:
        session.add(build(Tender, organization_id=1, deadline=NOON))
        session.flush()
        zone = timezone(timedelta(hours=5, minutes=45))
        for same in (NOON, NOON.astimezone(zone)):
            assert len(session.exec(select(Tender).where(col(Tender.deadline) == same)).all()) == 1
            assert not session.exec(select(Tender).where(col(Tender.deadline) < same)).all()
