"""Types of UserRepository, for every checker; nothing here runs."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import assert_type

from domain import Database, Page, TenantSession, Upserted, User, UserPatch, UserProfile, UserRepository, UserRole


def reads(session: TenantSession, db: Database) -> None:
    users = UserRepository(session)
    assert_type(users.get(1), User | None)
    assert_type(users.require(1, org_id=7), User)
    assert_type(users.get_by_id(1), User | None)
    assert_type(users.get_by_id(user_id=1, org_id=7), User | None)
    assert_type(users.get_by_email(email="ann@example.org"), User | None)
    assert_type(users.list_by_organization(7), Sequence[User])
    assert_type(users.list_by_organization(org_id=7, limit=5, offset=0), Sequence[User])
    assert_type(users.find(User.is_active, User.role == UserRole.OWNER), Sequence[User])
    assert_type(users.page(after=None, with_total=True), Page[User])
    assert_type(users.stream(), Iterator[User])
    assert_type(users.count(), int)
    assert_type(users.exists(org_id=7), bool)
    assert_type(db.find_login("ann@example.org"), User | None)
    assert_type(db.verify_login("ann@example.org", "secret"), User | None)


def writes(session: TenantSession) -> None:
    users = UserRepository(session)
    user = users.create(
        organization_id=7, email="ann@example.org", hashed_password="...", full_name="Ann", role=UserRole.ADMIN
    )
    assert_type(user, User)
    assert_type(user.id, int)
    assert_type(user.email, str)
    assert_type(user.role, UserRole)
    assert_type(user.last_login_at, datetime | None)
    assert_type(user.organization_id, int)
    assert_type(users.create(email="ann@example.org", hashed_password="...", full_name="Ann"), User)
    assert_type(users.create(organization_id=7, email="ann@example.org", password="...", full_name="Ann"), User)
    assert_type(users.add(user, org_id=7), User)
    assert_type(users.put(user), User)
    assert_type(users.create_many([user]), Sequence[User])
    assert_type(users.upsert_many([UserProfile(email="ann@example.org", full_name="Ann")]), Upserted)
    assert_type(users.update(1, UserPatch(full_name="Ann")), User)
    assert_type(users.update(1, full_name="Ann"), User)
    assert_type(users.update_last_login(user_id=1, org_id=7), bool)
    assert_type(users.soft_delete(user_id=1, org_id=7), bool)
    assert_type(users.soft_delete(1), bool)
    assert_type(users.restore(1, org_id=7), bool)
