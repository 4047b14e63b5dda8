"""Organizations: creating and finding them, metering, and deletion with their users."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement
from sqlmodel import col

from domain import (
    ArgumentError,
    Database,
    DuplicateError,
    Organization,
    OrganizationRepository,
    SubscriptionTier,
    TenantRequiredError,
    TenderRepository,
    TenderStatus,
    User,
    UserRepository,
    init_db,
)
from domain.errors import OrganizationDeletedError
from domain.organizations.model import OrganizationPlan, OrganizationUsage
from domain.testing import build, make_organization
from tests.support.statements import recorded

Stored = Callable[[type[Any], int], dict[str, Any]]
PERIOD = "domain.organizations.repository.current_period"


def limited(database: Database, limit: int, **fields: object) -> int:
    """The id of a new organization with this monthly limit."""
    return make_organization(database, monthly_analysis_limit=limit, **fields).id


def test_the_first_steps_of_the_documentation_run_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("domain.default._default", None)
    db = init_db("sqlite:///:memory:")
    db.create_all()
    with db.get_session() as session:
        org = OrganizationRepository(session).create(
            name="Acme Corp", slug="acme", subscription_tier=SubscriptionTier.PRO
        )
        assert OrganizationRepository(session).can_analyze(org.id) is True
        assert OrganizationRepository(session).update_usage(org.id, increment=1) is True
        tenders = TenderRepository(session)
        tenders.create(title="Bridge", status=TenderStatus.COMPLETE)
        tenders.create(title="Tunnel")
        found = TenderRepository(session).list_by_organization(org_id=org.id, status=TenderStatus.COMPLETE, limit=50)
        assert [tender.title for tender in found] == ["Bridge"]
    db.drop_all()
    db.close()
    assert not list(tmp_path.iterdir())


def test_create_needs_no_bound_session_and_binds_none(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session() as session:
        made = OrganizationRepository(session).create(name="Acme", slug="acme", subscription_tier=SubscriptionTier.PRO)
        assert not session.is_bound
    row = stored(Organization, made.id)
    assert (row["slug"], row["subscription_tier"], row["monthly_analysis_count"]) == ("acme", SubscriptionTier.PRO, 0)


def test_a_slug_is_taken_once_among_live_organizations(domain_db: Database) -> None:
    with pytest.raises(DuplicateError) as refused, domain_db.get_session() as session:
        OrganizationRepository(session).create(name="Another", slug="first")
    assert (refused.value.entity, refused.value.fields) == ("Organization", ("slug",))
    with domain_db.get_session() as session:
        OrganizationRepository(session).soft_delete(1)
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).create(name="Another", slug="first").id > 2


def test_an_organization_is_found_by_id_and_by_slug(domain_db: Database) -> None:
    with domain_db.get_session() as session:
        repository = OrganizationRepository(session)
        by_slug = repository.get_by_slug("second")
        assert by_slug is not None
        assert by_slug.id == 2
        assert not session.is_bound
        assert repository.get_by_slug(slug="unknown") is None
        by_id = repository.get_by_id(org_id=1)
        assert by_id is not None
        assert by_id.slug == "first"
        assert session.organization_id == 1


@pytest.mark.parametrize("where", [(), (col(Organization.slug) == "first",)], ids=["any", "with a condition"])
def test_reads_of_a_deleted_organization_agree_with_each_other(
    domain_db: Database, where: tuple[ColumnElement[bool], ...]
) -> None:
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).soft_delete(1)
    with domain_db.get_session() as session:
        organizations = OrganizationRepository(session)
        assert organizations.get_by_id(1) is None  # binds the session
        assert list(organizations.find(*where)) == []
        assert organizations.page(*where).items == []
        assert list(organizations.stream(*where)) == []
        assert organizations.count(*where) == 0
        assert not organizations.exists(*where)
        assert organizations.get_by_slug("first") is None
        assert not organizations.can_analyze(1)
        assert [each.id for each in organizations.find(*where, include_deleted=True)] == [1]
        assert organizations.require(1, include_deleted=True).is_deleted
        assert organizations.count(*where, include_deleted=True) == 1
    with pytest.raises(OrganizationDeletedError), domain_db.get_session() as session:
        UserRepository(session).find(org_id=1)


def test_a_bound_session_finds_no_other_organization(domain_db: Database, stored: Stored) -> None:
    before = stored(Organization, 2)
    with domain_db.get_session(organization_id=1) as session:
        repository = OrganizationRepository(session)
        assert repository.get_by_slug("second") is None
        found = repository.get_by_slug("first")
        assert found is not None
        assert [organization.id for organization in repository.find()] == [1]
        assert [organization.id for organization in repository.list_active(limit=10)] == [1]
        assert [organization.id for organization in repository.stream_active()] == [1]
        assert [organization.id for organization in repository.page(with_total=True).items] == [1]
        assert repository.count() == 1
        with pytest.raises(DuplicateError):
            repository.put(build(Organization, name="Taken over", slug="second"))
    assert stored(Organization, 2) == before


def test_one_organization_can_not_restore_another(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session() as session:
        OrganizationRepository(session).soft_delete(2)
    with domain_db.get_session(organization_id=1) as session:
        assert OrganizationRepository(session).restore(2, org_id=1) is False
    assert stored(Organization, 2)["is_deleted"]


def test_listing_organizations_needs_a_system_session(domain_db: Database) -> None:
    with domain_db.get_session() as session, pytest.raises(TenantRequiredError):
        OrganizationRepository(session).list_active(limit=10)
    limited(domain_db, 1, slug="asleep", is_active=False)
    with domain_db.get_session() as session:
        OrganizationRepository(session).soft_delete(2)
    with domain_db.system_session(actor="tests", reason="list") as system:
        repository = OrganizationRepository(system)
        assert [organization.id for organization in repository.list_active(limit=10)] == [1]
        assert [organization.id for organization in repository.stream_active()] == [1]
        assert repository.get_by_slug("first") is not None
        assert repository.require(1).slug == "first"


def test_put_changes_the_own_organization_only(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        put = OrganizationRepository(session).put(build(Organization, name="Renamed", slug="first"))
        assert (put.id, put.name) == (1, "Renamed")
    assert stored(Organization, 1)["name"] == "Renamed"
    with domain_db.get_session() as session, pytest.raises(TenantRequiredError):
        OrganizationRepository(session).put(build(Organization, name="Taken over", slug="first"))
    assert stored(Organization, 1)["name"] == "Renamed"


def test_the_plan_is_updated_but_metering_is_not_the_callers_to_write(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session() as session:
        repository = OrganizationRepository(session)
        updated = repository.update(1, OrganizationPlan(monthly_analysis_limit=7))
        assert (updated.monthly_analysis_limit, updated.version) == (7, 2)
        usage = OrganizationUsage.model_validate({"monthly_analysis_count": 0})
        with pytest.raises(ArgumentError, match="monthly_analysis_count"):
            repository.update(1, usage)
    assert (stored(Organization, 1)["monthly_analysis_limit"], stored(Organization, 1)["version"]) == (7, 2)


# -- metering ---------------------------------------------------------------------------------------------------


def test_usage_is_granted_up_to_the_limit_and_no_further(domain_db: Database, stored: Stored) -> None:
    org_id = limited(domain_db, 3)
    with domain_db.get_session() as session:
        repository = OrganizationRepository(session)
        assert repository.update_usage(org_id, 2) is True
        assert repository.update_usage(org_id, increment=2) is False
        assert repository.can_analyze(org_id=org_id) is True
        assert repository.update_usage(org_id=org_id) is True
        assert repository.can_analyze(org_id) is False
        assert repository.update_usage(org_id, 1) is False
    assert stored(Organization, org_id)["monthly_analysis_count"] == 3


def test_metering_leaves_version_and_updated_at(domain_db: Database, stored: Stored) -> None:
    before = stored(Organization, 1)
    with domain_db.get_session() as session:
        OrganizationRepository(session).update_usage(1, 5)
    metered = stored(Organization, 1)
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).reset_monthly_usage(org_id=1) is True
    reset = stored(Organization, 1)
    assert [row["monthly_analysis_count"] for row in (before, metered, reset)] == [0, 5, 0]
    assert [(row["version"], row["updated_at"]) for row in (metered, reset)] == [
        (before["version"], before["updated_at"])
    ] * 2


def test_an_object_that_the_session_holds_shows_its_new_usage(domain_db: Database) -> None:
    with domain_db.get_session() as session:
        repository = OrganizationRepository(session)
        held = repository.require(1)
        repository.update_usage(1, 4)
        assert held.monthly_analysis_count == 4
    assert held.usage_period.day == 1


def test_usage_that_is_taken_back_with_its_savepoint_is_no_longer_shown(domain_db: Database) -> None:
    with domain_db.get_session() as session:
        held = OrganizationRepository(session).require(1, org_id=1)
        with session.begin_nested() as savepoint:
            OrganizationRepository(session).update_usage(1, 4)
            assert held.monthly_analysis_count == 4
            savepoint.rollback()
        assert held.monthly_analysis_count == 0


def test_an_object_that_another_session_has_changed_is_read_again_with_its_usage(domain_postgresql: Database) -> None:
    with domain_postgresql.get_session() as session:
        held = OrganizationRepository(session).require(1, org_id=1)
        with domain_postgresql.get_session() as other:
            changed = OrganizationRepository(other).update(
                1, OrganizationPlan(is_active=True, monthly_analysis_limit=7)
            )
        OrganizationRepository(session).update_usage(1, 4)
        assert (held.monthly_analysis_limit, held.version, held.monthly_analysis_count) == (7, changed.version, 4)


def test_metering_an_organization_that_the_session_holds_is_one_statement(domain_db: Database) -> None:
    with domain_db.get_session() as session:
        OrganizationRepository(session).require(1, org_id=1)
        with recorded(domain_db.engine) as sent:
            OrganizationRepository(session).update_usage(1)
        assert [statement.split()[0] for statement in sent] == ["UPDATE"]


@pytest.mark.parametrize("increment", [0, -1, 2**31, 2**70])
def test_an_increment_out_of_range_is_refused(domain_db: Database, stored: Stored, increment: int) -> None:
    with domain_db.get_session() as session, pytest.raises(ArgumentError, match="increment"):
        OrganizationRepository(session).update_usage(1, increment)
    assert stored(Organization, 1)["monthly_analysis_count"] == 0


def test_the_largest_increment_is_a_question_of_the_limit(domain_db: Database, stored: Stored) -> None:
    org_id = limited(domain_db, 2**31 - 1)
    with domain_db.get_session() as session:
        repository = OrganizationRepository(session)
        assert repository.update_usage(org_id, 5) is True
        assert repository.update_usage(org_id, 2**31 - 1) is False
        assert repository.update_usage(org_id, 2**31 - 6) is True
        assert repository.update_usage(org_id) is False
    assert stored(Organization, org_id)["monthly_analysis_count"] == 2**31 - 1


def test_a_limit_lowered_below_the_count_grants_nothing(domain_db: Database) -> None:
    org_id = limited(domain_db, 5)
    with domain_db.get_session() as session:
        repository = OrganizationRepository(session)
        repository.update_usage(org_id, 5)
        repository.update(org_id, OrganizationPlan(monthly_analysis_limit=2))
        assert repository.can_analyze(org_id) is False
        assert repository.update_usage(org_id) is False


def test_a_new_month_counts_from_zero(domain_db: Database, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    org_id = limited(domain_db, 2)
    this_month = stored(Organization, org_id)["usage_period"]
    next_month = (this_month + timedelta(days=32)).replace(day=1)
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).update_usage(org_id, 2) is True
        assert OrganizationRepository(session).can_analyze(org_id) is False
    monkeypatch.setattr(PERIOD, lambda: next_month)
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).can_analyze(org_id) is True
        assert OrganizationRepository(session).update_usage(org_id) is True
    row = stored(Organization, org_id)
    assert (row["usage_period"], row["monthly_analysis_count"]) == (next_month, 1)


def test_a_clock_that_is_a_month_behind_grants_no_second_month(
    domain_db: Database, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id = limited(domain_db, 2)
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).update_usage(org_id) is True
    this_month = stored(Organization, org_id)["usage_period"]
    monkeypatch.setattr(PERIOD, lambda: date(2020, 1, 1))
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).update_usage(org_id) is True
        assert OrganizationRepository(session).can_analyze(org_id) is False
        assert OrganizationRepository(session).update_usage(org_id) is False
    row = stored(Organization, org_id)
    assert (row["usage_period"], row["monthly_analysis_count"]) == (this_month, 2)


def test_the_period_is_the_utc_month_in_any_time_zone() -> None:
    from datetime import UTC, datetime

    from domain.organizations import model as organization

    class LateOnTheLastDay(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "LateOnTheLastDay":
            moment = cls(2026, 5, 31, 23, 30, tzinfo=UTC)  # in Kathmandu it is June
            return moment if tz is None else moment.astimezone(tz)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(organization, "datetime", LateOnTheLastDay)
        assert organization.current_period() == date(2026, 5, 1)


@pytest.mark.parametrize("state", ["inactive", "deleted", "unknown"])
def test_only_a_live_active_organization_is_granted_usage(domain_db: Database, state: str) -> None:
    org_id = limited(domain_db, 10, is_active=state != "inactive")
    if state == "deleted":
        with domain_db.get_session() as session:
            OrganizationRepository(session).soft_delete(org_id)
    if state == "unknown":
        org_id += 1000
    with domain_db.get_session() as session:
        repository = OrganizationRepository(session)
        assert repository.can_analyze(org_id) is False
        assert repository.update_usage(org_id) is False
        assert repository.reset_monthly_usage(org_id) is (state == "inactive")


# -- deletion ---------------------------------------------------------------------------------------------------


def test_an_organization_goes_with_its_users_and_their_emails_are_free(
    domain_db: Database, stored: Stored, make: Callable[..., Any]
) -> None:
    gone = make(User, email="gone@example.org")
    user: User = make(User, email="ann@example.org")
    other: User = make(User, organization_id=2, email="bob@example.org")
    with domain_db.get_session(organization_id=1) as session:
        UserRepository(session).soft_delete(gone.id)
    with domain_db.get_session() as session:
        repository = OrganizationRepository(session)
        held = repository.require(1)
        held_user = UserRepository(session).require(user.id)
        assert repository.soft_delete(1) is True
        assert held.is_deleted
        assert held_user.is_deleted
        assert held_user.deletion_id == held.deletion_id is not None
        assert repository.soft_delete(1) is False
    assert domain_db.find_login("ann@example.org") is None
    assert not stored(User, other.id)["is_deleted"]
    make(User, organization_id=2, email="ann@example.org")
    assert stored(User, gone.id)["deletion_id"] != stored(Organization, 1)["deletion_id"]


def test_restoring_an_organization_brings_back_the_users_that_went_with_it(
    domain_db: Database, stored: Stored, make: Callable[..., Any]
) -> None:
    gone: User = make(User)
    user: User = make(User)
    with domain_db.get_session(organization_id=1) as session:
        UserRepository(session).soft_delete(gone.id)
        OrganizationRepository(session).soft_delete(1)
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).restore(1) is True
        assert OrganizationRepository(session).restore(1) is False
    assert not stored(Organization, 1)["is_deleted"]
    assert not stored(User, user.id)["is_deleted"]
    assert stored(User, gone.id)["is_deleted"]


def test_a_system_session_deletes_and_restores_with_the_users(
    domain_db: Database, stored: Stored, make: Callable[..., Any]
) -> None:
    user: User = make(User)
    with domain_db.system_session(actor="tests", reason="delete") as system:
        assert OrganizationRepository(system).soft_delete(1) is True
    assert stored(User, user.id)["is_deleted"]
    with domain_db.system_session(actor="tests", reason="restore") as system:
        assert OrganizationRepository(system).restore(1) is True
    assert not stored(User, user.id)["is_deleted"]


def test_an_organization_whose_users_email_was_taken_is_not_restored_in_part(
    domain_db: Database, stored: Stored, make: Callable[..., Any]
) -> None:
    first: User = make(User, email="ann@example.org")
    with domain_db.get_session() as session:
        OrganizationRepository(session).soft_delete(1)
    make(User, organization_id=2, email="ann@example.org")
    with domain_db.get_session() as session:
        with pytest.raises(DuplicateError):
            OrganizationRepository(session).restore(1)
        assert OrganizationRepository(session).get_by_id(1) is None
    assert stored(Organization, 1)["is_deleted"]  # although the error was caught
    assert stored(User, first.id)["is_deleted"]
