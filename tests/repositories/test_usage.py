"""Metering under load and at the month's end, and giving usage back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import select

from domain import ArgumentError, Database, Organization, OrganizationPublic, OrganizationRepository
from domain.organizations.model import OrganizationPlan
from domain.repositories import Usage
from domain.testing import make_organization

Stored = Callable[[type[Any], int], dict[str, Any]]
PERIOD = "domain.organizations.repository.current_period"
OCTOBER, NOVEMBER = date(2099, 10, 1), date(2099, 11, 1)  # later than the month that the row was made in


def limited(database: Database, limit: int) -> int:
    """The id of a new organization with this monthly limit."""
    return make_organization(database, monthly_analysis_limit=limit).id


def used(database: Database, org_id: int) -> tuple[date, int]:
    """The month and its count, as stored."""
    columns = Organization.__table__.c
    with database.migration_engine.connect() as connection:
        statement = select(columns.usage_period, columns.monthly_analysis_count).where(columns.id == org_id)
        period, number = connection.execute(statement).one()
    return period, number


def granted_by_threads(database: Database, org_id: int, *, threads: int, calls: int) -> int:
    """How often threads that all begin at once are granted one analysis, a transaction each."""
    together = Barrier(threads)

    def ask(_: int) -> int:
        granted = 0
        together.wait(60)
        with database.get_session(organization_id=org_id) as session:
            for _ in range(calls):
                granted += OrganizationRepository(session).update_usage(org_id)
                session.commit()
        return granted

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(ask, range(threads)))


def test_sixteen_threads_are_granted_a_thousand_each_month_through_the_months_end(
    domain_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id = limited(domain_postgresql, 1000)
    numbers = count()
    # The month ends after 1,050 calls have looked at the clock: by then a thousand are granted, and none is left.
    monkeypatch.setattr(PERIOD, lambda: OCTOBER if next(numbers) < 1050 else NOVEMBER)
    assert granted_by_threads(domain_postgresql, org_id, threads=16, calls=132) == 2000
    assert used(domain_postgresql, org_id) == (NOVEMBER, 1000)


def test_no_thread_goes_over_the_limit_on_sqlite(domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    org_id = limited(domain_sqlite, 100)
    monkeypatch.setattr(PERIOD, lambda: OCTOBER)
    assert granted_by_threads(domain_sqlite, org_id, threads=16, calls=8) == 100
    assert used(domain_sqlite, org_id) == (OCTOBER, 100)


def test_what_threads_use_and_give_back_adds_up(domain_db: Database, stored: Stored) -> None:
    org_id = limited(domain_db, 6)
    together = Barrier(8)

    def use_and_return(_: int) -> int:
        kept = 0
        together.wait(60)
        for attempt in range(6):
            with domain_db.get_session(organization_id=org_id) as session:
                organizations = OrganizationRepository(session)
                if organizations.update_usage(org_id):
                    kept += 1
                    if attempt % 2:
                        assert organizations.return_usage(org_id)
                        kept -= 1
        return kept

    with ThreadPoolExecutor(8) as pool:
        kept = sum(pool.map(use_and_return, range(8)))
    assert 0 < kept <= 6
    assert stored(Organization, org_id)["monthly_analysis_count"] == kept


def test_what_was_given_back_can_be_used_again(domain_db: Database, stored: Stored) -> None:
    org_id = limited(domain_db, 3)
    before = stored(Organization, org_id)
    with domain_db.get_session() as session:
        organizations = OrganizationRepository(session)
        held = organizations.require(org_id)
        assert organizations.update_usage(org_id, 3)
        assert organizations.return_usage(org_id, amount=2) is True
        assert held.monthly_analysis_count == 1
        assert organizations.update_usage(org_id, 2)
        assert not organizations.update_usage(org_id)
    assert stored(Organization, org_id) == {**before, "monthly_analysis_count": 3}


def test_no_more_is_given_back_than_was_used(domain_db: Database, stored: Stored) -> None:
    org_id = limited(domain_db, 9)
    with domain_db.get_session() as session:
        organizations = OrganizationRepository(session)
        assert organizations.return_usage(org_id) is False
        organizations.update_usage(org_id, 2)
        assert organizations.return_usage(org_id, 3) is False
        assert organizations.return_usage(org_id, 2) is True
        assert organizations.return_usage(org_id, 2**31 - 1) is False
    assert stored(Organization, org_id)["monthly_analysis_count"] == 0


def test_usage_of_an_earlier_month_is_not_given_back(
    domain_db: Database, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id = limited(domain_db, 9)
    monkeypatch.setattr(PERIOD, lambda: OCTOBER)
    with domain_db.get_session() as session:
        OrganizationRepository(session).update_usage(org_id, 5)
    monkeypatch.setattr(PERIOD, lambda: NOVEMBER)
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).return_usage(org_id) is False
    assert stored(Organization, org_id)["monthly_analysis_count"] == 5
    last_moment = datetime(2099, 11, 1, tzinfo=UTC) - timedelta(microseconds=1)
    with domain_db.get_session() as session:
        organizations = OrganizationRepository(session)
        organizations.update_usage(org_id, 2)
        assert organizations.return_usage(org_id, used_at=last_moment) is False
        assert organizations.return_usage(org_id, used_at=last_moment + timedelta(microseconds=1)) is True
    assert stored(Organization, org_id)["monthly_analysis_count"] == 1
    monkeypatch.setattr(PERIOD, lambda: OCTOBER)  # a clock that is behind
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).return_usage(org_id) is False


def test_a_reset_with_a_clock_that_is_behind_does_not_turn_the_month_back(
    domain_db: Database, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    for period in (NOVEMBER, OCTOBER):
        monkeypatch.setattr(PERIOD, lambda period=period: period)
        with domain_db.get_session() as session:
            assert OrganizationRepository(session).reset_monthly_usage(1)
    assert stored(Organization, 1)["usage_period"] == NOVEMBER


def test_an_inactive_organization_gets_its_usage_back_and_a_deleted_one_does_not(
    domain_db: Database, stored: Stored
) -> None:
    with domain_db.get_session() as session:
        organizations = OrganizationRepository(session)
        organizations.update_usage(1, 5)
        organizations.update(1, OrganizationPlan(is_active=False))
        assert organizations.return_usage(1) is True
        assert organizations.soft_delete(1)
        assert organizations.return_usage(1) is False
    assert stored(Organization, 1)["monthly_analysis_count"] == 4


@pytest.mark.parametrize("amount", [-1, 0, 2**31])
def test_an_amount_out_of_range_is_refused(domain_db: Database, amount: int) -> None:
    with domain_db.get_session() as session, pytest.raises(ArgumentError, match="amount must be from 1 to"):
        OrganizationRepository(session).return_usage(1, amount)


def test_a_time_without_a_zone_is_refused(domain_db: Database) -> None:
    with domain_db.get_session() as session, pytest.raises(ArgumentError, match="used_at needs a time zone"):
        OrganizationRepository(session).return_usage(1, used_at=datetime(2099, 11, 1))  # noqa: DTZ001


def test_usage_is_the_current_months_before_it_is_metered(domain_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    org_id = limited(domain_db, 5)
    monkeypatch.setattr(PERIOD, lambda: OCTOBER)
    with domain_db.get_session(organization_id=org_id) as session:
        organizations = OrganizationRepository(session)
        assert organizations.update_usage(org_id, 3)
        assert organizations.usage(org_id) == Usage(3, 5, 2, OCTOBER)
        monkeypatch.setattr(PERIOD, lambda: NOVEMBER)
        monkeypatch.setattr("domain.organizations.model.current_period", lambda: NOVEMBER)
        assert organizations.usage(org_id) == Usage(0, 5, 5, NOVEMBER)
        shown = OrganizationPublic.model_validate(organizations.require(org_id))
    assert (shown.monthly_analysis_count, shown.usage_period) == (0, NOVEMBER)
    assert used(domain_db, org_id) == (OCTOBER, 3)
