"""Users: logins, emails across organizations, and the note of the last login."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from domain import (
    ArgumentError,
    ConflictError,
    Database,
    DuplicateError,
    OrganizationRepository,
    TenantRequiredError,
    TenantScopeError,
    User,
    UserPatch,
    UserRepository,
    UserRole,
)
from domain.errors import OrganizationDeletedError
from domain.testing import build
from domain.users.model import UserActivity

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"


def test_a_user_is_created_for_the_organization_that_is_named(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session() as session:
        user = UserRepository(session).create(
            organization_id=2,
            email="Ann@Example.ORG",
            hashed_password=HASH,
            full_name="Ann Example",
            role=UserRole.ADMIN,
        )
        assert session.organization_id == 2
    row = stored(User, user.id)
    assert (row["organization_id"], row["email"], row["role"]) == (2, "ann@example.org", UserRole.ADMIN)
    assert (row["hashed_password"], row["is_active"], row["is_verified"]) == (HASH, True, False)
    assert row["last_login_at"] is None


def test_the_organization_may_be_left_out_where_the_session_is_bound(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        user = UserRepository(session).create(email="ann@example.org", hashed_password=HASH, full_name="Ann")
        assert user.organization_id == 1
    assert (stored(User, user.id)["organization_id"], stored(User, user.id)["role"]) == (1, UserRole.MEMBER)


def test_one_email_is_one_account_in_the_whole_system(domain_db: Database, stored: Stored, make: Make) -> None:
    taken: User = make(User, email="ann@example.org")
    with pytest.raises(DuplicateError) as refused, domain_db.get_session(organization_id=2) as session:
        UserRepository(session).create(email="ANN@example.org", hashed_password=HASH, full_name="Other")
    assert (refused.value.entity, refused.value.fields) == ("User", ("email",))
    assert "ann@" not in str(refused.value)
    with domain_db.get_session(organization_id=1) as session:
        assert UserRepository(session).soft_delete(taken.id)
    with domain_db.get_session(organization_id=2) as session:
        user = UserRepository(session).create(email="ann@example.org", hashed_password=HASH, full_name="Other")
    assert stored(User, user.id)["organization_id"] == 2


def test_put_does_not_take_over_another_organizations_login(domain_db: Database, stored: Stored, make: Make) -> None:
    taken: User = make(User, email="ann@example.org")
    before = stored(User, taken.id)
    theft = build(User, email="ann@example.org", hashed_password="mine", full_name="Thief", role=UserRole.OWNER)
    with domain_db.get_session(organization_id=2) as session:
        users = UserRepository(session)
        with pytest.raises(DuplicateError) as refused:
            users.put(theft)
        assert (refused.value.entity, refused.value.fields) == ("User", ("email",))
        assert users.count(include_deleted=True) == 0
    with pytest.raises(DuplicateError), domain_db.get_session(organization_id=2) as session:
        UserRepository(session).upsert_many([build(User, email="ann@example.org", full_name="Thief")])
    assert stored(User, taken.id) == before


def test_put_sets_the_given_fields_of_the_own_user(domain_db: Database, stored: Stored, make: Make) -> None:
    user: User = make(User, email="ann@example.org", full_name="Ann", role=UserRole.ADMIN)
    with domain_db.get_session(organization_id=1) as session:
        again = User(email="Ann@example.org", hashed_password="new", full_name="Ann Example")
        put = UserRepository(session).put(again)
    assert put.id == user.id
    row = stored(User, user.id)
    assert (row["full_name"], row["hashed_password"], row["role"], row["version"]) == (
        "Ann Example",
        "new",
        UserRole.ADMIN,
        2,
    )


def test_a_user_is_found_by_id_in_the_own_organization(domain_db: Database, make: Make) -> None:
    user: User = make(User)
    with domain_db.get_session() as session:
        found = UserRepository(session).get_by_id(user_id=user.id, org_id=1)
        assert found is not None
        assert (found.id, found.email) == (user.id, user.email)
        assert UserRepository(session).get_by_id(user.id) is found
    with domain_db.get_session(organization_id=2) as session:
        assert UserRepository(session).get_by_id(user.id) is None
    with domain_db.get_session() as session, pytest.raises(TenantRequiredError):
        UserRepository(session).get_by_id(user.id)


def test_the_login_finds_any_organizations_user_and_binds_nothing(domain_db: Database, make: Make) -> None:
    make(User, email="ann@example.org")
    make(User, organization_id=2, email="bob@example.org")
    with domain_db.get_session() as session:
        users = UserRepository(session)
        found = [
            users.get_by_email(email=email) for email in (" Ann@Example.org", "bob@example.org", "eve@example.org")
        ]
        assert [user.organization_id if user else None for user in found] == [1, 2, None]
        assert not session.is_bound
    login = domain_db.find_login("BOB@example.org")
    assert login is not None
    assert (login.organization_id, login.hashed_password) == (2, found[1].hashed_password if found[1] else None)


def test_in_a_bound_session_an_email_is_looked_up_in_the_own_organization(domain_db: Database, make: Make) -> None:
    make(User, email="ann@example.org")
    with domain_db.get_session(organization_id=2) as session:
        assert UserRepository(session).get_by_email("ann@example.org") is None
    with domain_db.get_session() as session:
        found = UserRepository(session).get_by_email(" ANN@example.org\n", 1)
        assert found is not None
        assert session.organization_id == 1
    with domain_db.get_session(organization_id=2) as session, pytest.raises(TenantScopeError):
        UserRepository(session).get_by_email("ann@example.org", org_id=1)


def test_a_deleted_user_does_not_log_in(domain_db: Database, make: Make) -> None:
    user: User = make(User, email="ann@example.org")
    with domain_db.get_session(organization_id=1) as session:
        assert UserRepository(session).soft_delete(user_id=user.id) is True
        assert UserRepository(session).get_by_email("ann@example.org") is None
    assert domain_db.find_login("ann@example.org") is None


def test_users_are_listed_newest_first(domain_db: Database, make: Make) -> None:
    ids = [make(User).id for _ in range(3)]
    make(User, organization_id=2)
    with domain_db.get_session() as session:
        users = UserRepository(session)
        assert [user.id for user in users.list_by_organization(org_id=1)] == ids[::-1]
        assert [user.id for user in users.list_by_organization(limit=1, offset=1)] == [ids[1]]
        users.soft_delete(ids[1])
        assert [user.id for user in users.list_by_organization(1)] == [ids[2], ids[0]]


def test_a_login_is_noted_without_a_new_version(domain_db: Database, stored: Stored, make: Make) -> None:
    user: User = make(User)
    with domain_db.get_session(organization_id=1) as session:
        held = UserRepository(session).require(user.id)
        started = datetime.now(UTC)
        assert UserRepository(session).update_last_login(user_id=user.id) is True
        assert held.last_login_at is not None
        assert started <= held.last_login_at <= datetime.now(UTC)
    row = stored(User, user.id)
    assert row["last_login_at"] == held.last_login_at
    assert (row["version"], row["updated_at"]) == (user.version, user.updated_at)


def test_the_note_of_the_login_is_not_the_callers_to_write(domain_db: Database, stored: Stored, make: Make) -> None:
    user: User = make(User)
    activity = UserActivity.model_validate({"last_login_at": "2026-05-01T12:00:00Z"})
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(ArgumentError, match="last_login_at"):
            UserRepository(session).update(user.id, activity)
        assert (
            UserRepository(session).update(user.id, UserPatch.model_validate({"full_name": "Ann B."})).full_name
            == "Ann B."
        )
    assert (stored(User, user.id)["last_login_at"], stored(User, user.id)["full_name"]) == (None, "Ann B.")


def test_a_user_of_a_deleted_organization_is_not_restored(domain_db: Database, stored: Stored, make: Make) -> None:
    user: User = make(User)
    with domain_db.get_session(organization_id=1) as session:
        OrganizationRepository(session).soft_delete(1)
    with pytest.raises(OrganizationDeletedError), domain_db.get_session(organization_id=1) as session:
        UserRepository(session).restore(user.id)
    with (
        domain_db.system_session(actor="tests", reason="past the session's refusal") as system,
        system.as_organization(1) as session,
        pytest.raises(ConflictError, match="Organization"),
    ):
        UserRepository(session).restore(user.id)
    assert stored(User, user.id)["is_deleted"]


def test_the_password_is_in_no_error(domain_db: Database, make: Make) -> None:
    make(User, email="ann@example.org")
    with pytest.raises(DuplicateError) as refused, domain_db.get_session(organization_id=1) as session:
        UserRepository(session).create(email="ann@example.org", hashed_password="s3cret", full_name="Ann")
    error: BaseException | None = refused.value
    while error is not None:
        assert "s3cret" not in f"{error!s} {error!r}"
        error = error.__cause__ or error.__context__
