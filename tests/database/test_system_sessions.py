"""Across organizations by one way alone, which is on record before it is open."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from domain import (
    ArgumentError,
    ConfigurationError,
    Database,
    NotFoundError,
    Organization,
    OrganizationRepository,
    SystemSession,
    TenantRequiredError,
    TenantScopeError,
    TenantSession,
    TenderRepository,
    utcnow,
)
from domain.kit.records import SystemAccess
from tests.support.statements import recorded


class OutOfPaperError(Exception):
    """An application's own error."""


def records(schema: Engine, actor: str) -> list[SystemAccess]:
    with Session(schema) as session:
        return list(session.exec(select(SystemAccess).where(col(SystemAccess.actor) == actor)).all())


def titles(database: Database, organization_id: int) -> list[str]:
    with database.get_session(organization_id=organization_id) as session:
        return [tender.title for tender in TenderRepository(session).find(limit=200)]


def test_who_and_why_and_when_are_committed_before_the_session_is_handed_out(
    database: Database, schema: Engine
) -> None:
    before = utcnow()
    with database.system_session(actor="nightly", reason="new month") as system:
        (record,) = records(schema, "nightly")
        assert isinstance(system, SystemSession)
        assert not isinstance(system, TenantSession)
        assert system.actor == "nightly"
    assert (record.reason, record.version) == ("new month", 1)
    assert before <= record.created_at <= utcnow()


def test_the_record_stays_when_the_work_fails(database: Database, schema: Engine) -> None:
    def fail() -> None:
        with database.system_session(actor="failing", reason="bad luck") as system:
            OrganizationRepository(system).create(name="Undone", slug="undone")
            raise OutOfPaperError

    with pytest.raises(OutOfPaperError):
        fail()
    assert [record.reason for record in records(schema, "failing")] == ["bad luck"]
    with database.get_session() as session:
        assert OrganizationRepository(session).get_by_slug("undone") is None


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), ("who", ""), ("x" * 256, "why"), ("who", "\x00")])
def test_nobody_goes_across_without_saying_who_and_why(database: Database, actor: str, reason: str) -> None:
    with recorded(database.engine) as statements, pytest.raises(ValidationError):
        database.system_session(actor=actor, reason=reason).__enter__()
    assert statements == []


def test_it_sees_every_organization_and_reads_tenant_data_as_one_at_a_time(database: Database) -> None:
    with database.system_session(actor="tests", reason="both") as system:
        slugs = {organization.slug for organization in OrganizationRepository(system).list_active(limit=200)}
        assert {"first", "second"} <= slugs
        with pytest.raises(TenantRequiredError, match="as_organization"):
            untyped(TenderRepository, system).list_by_organization()
        for number in (1, 2):
            with system.as_organization(number) as session:
                assert session.organization_id == number
                assert session.actor == "tests"
                TenderRepository(session).create(title=f"of {number}")
                with pytest.raises(TenantScopeError):
                    TenderRepository(session).find(org_id=3 - number)
    assert "of 1" in titles(database, 1)
    assert "of 2" in titles(database, 2)
    assert "of 2" not in titles(database, 1)


def untyped(make: Callable[..., TenderRepository], *arguments: object) -> TenderRepository:
    """What a type checker would refuse."""
    return make(*arguments)


def test_it_commits_with_the_system_session_and_is_undone_with_it(database: Database) -> None:
    key = str(uuid4())

    def fail() -> None:
        with database.system_session(actor="tests", reason="undone") as system:
            with system.as_organization(1) as session:
                TenderRepository(session).create(title=key)
            raise OutOfPaperError

    with pytest.raises(OutOfPaperError):
        fail()
    assert key not in titles(database, 1)


def test_an_error_as_one_organization_undoes_its_part_alone(database: Database) -> None:
    first, undone, third = (str(uuid4()) for _ in range(3))

    def fail(system: SystemSession) -> None:
        with system.as_organization(2) as session:
            TenderRepository(session).create(title=undone)
            raise OutOfPaperError

    with database.system_session(actor="tests", reason="a part") as system:
        with system.as_organization(1) as session:
            TenderRepository(session).create(title=first)
        with pytest.raises(OutOfPaperError):
            fail(system)
        with system.as_organization(2) as session:
            TenderRepository(session).create(title=third)
        made = OrganizationRepository(system).create(name="Fifth", slug=f"fifth-{third[:8]}")
    assert first in titles(database, 1)
    assert third in titles(database, 2)
    assert undone not in titles(database, 2)
    with database.get_session() as session:
        assert OrganizationRepository(session).get_by_slug(made.slug) is not None


def test_the_system_session_reaches_every_organization_again_after_an_error_as_one(database: Database) -> None:
    everyone = select(func.count()).select_from(Organization)
    with database.system_session(actor="tests", reason="errors") as system:
        count = system.scalar(everyone)
        assert (count or 0) >= 2
        with pytest.raises(NotFoundError), system.as_organization(1) as session:
            TenderRepository(session).require(10**9)
        assert system.scalar(everyone) == count


def test_one_organization_at_a_time_is_lent_a_session(database: Database) -> None:
    with database.system_session(actor="tests", reason="two at once") as system, system.as_organization(1) as session:
        with pytest.raises(ArgumentError, match="one organization at a time"), system.as_organization(2):
            pytest.fail("lent")
        assert session.organization_id == 1
        TenderRepository(session).count()


def test_what_was_not_flushed_yet_is_seen_as_an_organization(database: Database) -> None:
    with database.system_session(actor="tests", reason="flush") as system:
        organization = OrganizationRepository(system).require(1)
        organization.name = "Renamed"
        with system.as_organization(1) as session:
            assert OrganizationRepository(session).require(1, org_id=1).name == "Renamed"
        organization.name = "The first organization"


def test_what_it_returned_stays_readable(database: Database) -> None:
    with database.system_session(actor="tests", reason="read") as system, system.as_organization(1) as session:
        tender = TenderRepository(session).create(title="Bridge")
    assert tender.title == "Bridge"
    assert tender.model_dump()["organization_id"] == 1


def test_without_a_login_of_its_own_it_is_refused_on_postgresql_and_says_what_to_set(
    domain_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYSTEM_DATABASE_URL", raising=False)
    with Database(domain_postgresql.engine.url.render_as_string(hide_password=False)) as plain:
        with pytest.raises(ConfigurationError, match=r"set SYSTEM_DATABASE_URL \(or Database\(system_database_url="):
            plain.system_session(actor="tests", reason="none").__enter__()
        with plain.get_session(organization_id=1) as session:
            assert TenderRepository(session).find() == []
