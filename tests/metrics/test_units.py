"""Units of work are counted by how they ended, and again for each time that they are run again."""

from collections.abc import Callable
from functools import partial

import pytest
from prometheus_client import CollectorRegistry

from domain import Database, OutcomeUnknownError, TenantSession, TenderRepository, TimeLimits, UnavailableError
from domain.metrics import instrument
from tests.faults.proxy import Cut, is_commit, proxy
from tests.metrics.scraping import Scrape

LIMITS = TimeLimits(lock_timeout_seconds=0.02)


def refuse(error: BaseException, session: TenantSession) -> None:
    """A unit that writes, and then raises."""
    TenderRepository(session).create(title="lost")
    raise error


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


@pytest.mark.usefixtures("measured")
def test_a_unit_is_counted_by_its_outcome(domain_db: Database, scrape: Callable[[], Scrape]) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="kept")
    domain_db.tenant(1).run(lambda session: TenderRepository(session).get(tender.id))
    domain_db.start(lambda session: session.is_bound)
    with domain_db.system_session(actor="tests", reason="look"):
        pass
    for error in (RuntimeError("mine"), UnavailableError("busy", retryable=False), OutcomeUnknownError(), SystemExit()):
        with pytest.raises(type(error)):
            domain_db.run(partial(refuse, error), organization_id=1)
    assert scrape().units == {("committed",): 4, ("rolled_back",): 2, ("unavailable",): 1, ("unknown",): 1}


@pytest.mark.usefixtures("measured")
def test_an_outcome_that_was_not_met_is_shown_as_0(scrape: Callable[[], Scrape]) -> None:
    outcomes = {s.labels["outcome"]: s.value for s in scrape().samples if s.name == "db_units_total"}
    assert outcomes == {"committed": 0, "rolled_back": 0, "unavailable": 0, "unknown": 0}


def test_a_commit_without_an_answer_has_an_unknown_outcome(
    domain_postgresql: Database, registry: CollectorRegistry, scrape: Callable[[], Scrape]
) -> None:
    with proxy(domain_postgresql.engine.url) as line:
        url = domain_postgresql.engine.url.set(host="127.0.0.1", port=line.port)
        with Database(url.render_as_string(hide_password=False)) as remote:
            instrument(remote, registry=registry)
            line.once(is_commit, Cut.AFTER)
            with pytest.raises(OutcomeUnknownError), remote.get_session(organization_id=1) as session:
                TenderRepository(session).create(title="who knows")
    assert scrape().units == {("unknown",): 1}
    (error,) = scrape().values("db_connection_errors_total")
    assert error[0] == "application"


def test_a_unit_that_waits_for_a_lock_in_vain_is_counted_as_run_again(
    domain_db: Database, registry: CollectorRegistry, scrape: Callable[[], Scrape]
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="contended")
    holder = domain_db.get_session(organization_id=1)
    TenderRepository(holder.__enter__()).update(tender.id, title="held")
    calls: list[int] = []

    def unit(session: TenantSession) -> None:
        calls.append(1)
        if len(calls) == 3:
            holder.__exit__(None, None, None)
        TenderRepository(session).update(tender.id, title="changed")

    with Database(url_of(domain_db), time_limits=LIMITS) as impatient:
        instrument(impatient, registry=registry)
        impatient.run(unit, organization_id=1)
    error = "OperationalError" if domain_db.is_sqlite else "LockNotAvailable"
    assert scrape().values("db_unit_retries_total") == {(error,): 2}
    assert scrape().units == {("unavailable",): 2, ("committed",): 1}


@pytest.mark.usefixtures("measured")
def test_an_error_that_may_not_be_repeated_is_no_retry(domain_db: Database, scrape: Callable[[], Scrape]) -> None:
    def unit(session: TenantSession) -> None:
        raise UnavailableError("read-only", retryable=False)

    with pytest.raises(UnavailableError):
        domain_db.run(unit, organization_id=1)
    assert scrape().values("db_unit_retries_total") == {}
    assert scrape().units == {("unavailable",): 1}
