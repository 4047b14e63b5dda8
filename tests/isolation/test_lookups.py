"""What is found before the organization is known is open for that look-up alone."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import text

from domain import Database, DuplicateError, Organization, OrganizationRepository, TenantSession, User, UserRepository
from domain.testing import build
from tests.attack.layers import Layer, switched_off


@pytest.fixture
def theirs(domain_db: Database) -> User:
    with domain_db.get_session(organization_id=2) as session:
        return UserRepository(session).add(build(User))


def _found_by_slug(session: TenantSession, _user: User) -> object:
    return OrganizationRepository(session).get_by_slug("second")


def _found_by_email(session: TenantSession, user: User) -> object:
    return UserRepository(session).get_by_email(user.email)


def _made(session: TenantSession, _user: User) -> object:
    return OrganizationRepository(session).create(name="Third", slug="third")


def _put(session: TenantSession, _user: User) -> object:
    session.bind_organization(1)
    return OrganizationRepository(session).put(Organization(name="First", slug="first"))


def _taken(session: TenantSession, _user: User) -> object:
    with pytest.raises(DuplicateError), session.begin_nested():
        OrganizationRepository(session).create(name="Mine", slug="second")
    return True


def _found_in_a_savepoint(session: TenantSession, user: User) -> object:
    with session.begin_nested() as savepoint:
        found = session.look_up(User, "email", user.email)
        savepoint.rollback()
    return found


def _found_beside_a_new_one(session: TenantSession, _user: User) -> object:
    session.add(Organization(name="Third", slug="third"))
    return session.look_up(Organization, "slug", "second")


@pytest.mark.parametrize(
    "look_up",
    [_found_by_slug, _found_by_email, _made, _put, _taken, _found_in_a_savepoint, _found_beside_a_new_one],
)
def test_the_row_is_closed_to_row_level_security_for_the_rest_of_the_transaction(
    domain_postgresql: Database, look_up: Callable[[TenantSession, User], object]
) -> None:
    with domain_postgresql.get_session(organization_id=2) as session:
        user = UserRepository(session).add(build(User))
    with domain_postgresql.get_session(unguarded_sql=True) as session:
        assert look_up(session, user)
        own = 1 if session.is_bound else 0
        for table, column in (("organizations", "id"), ("users", "organization_id")):
            seen = session.connection().execute(text(f"SELECT count(*) FROM {table} WHERE {column} <> {own}"))
            assert seen.scalar_one() == 0, table


@pytest.mark.parametrize("without", [set[Layer](), {Layer.GUARD}], ids=["guarded", "guard off"])
def test_a_bound_session_finds_its_own_organizations_row_alone(
    domain_db: Database, theirs: User, without: set[Layer]
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        own = UserRepository(session).add(build(User))
    with switched_off(domain_db, without), domain_db.get_session(organization_id=1) as session:
        organizations, users = OrganizationRepository(session), UserRepository(session)
        for find in (partial(session.look_up, User, "email"), users.get_by_email):
            assert find(theirs.email) is None
            found = find(own.email)
            assert found is not None
            assert found.id == own.id
        for find_organization in (partial(session.look_up, Organization, "slug"), organizations.get_by_slug):
            assert find_organization("second") is None
            found_organization = find_organization("first")
            assert found_organization is not None
            assert found_organization.id == 1
        assert len(list(session.identity_map.values())) == 2


def test_a_system_session_finds_whoever_it_is(domain_db: Database, theirs: User) -> None:
    with domain_db.system_session(actor="tests", reason="look-ups") as system:
        found = system.look_up(User, "email", theirs.email)
        assert found is not None
        assert found.organization_id == 2
        assert system.look_up(Organization, "slug", "second") is not None
        with system.as_organization(1) as session:
            assert session.look_up(User, "email", theirs.email) is None
            assert session.look_up(Organization, "slug", "second") is None


@pytest.mark.parametrize(
    "email", ["jürgen@exämple.org", "o'brien+50%@example.org", "田中🙂@例え.jp", "back\\slash@example.org"]
)
def test_a_login_is_found_whatever_its_letters(domain_db: Database, email: str) -> None:
    with domain_db.get_session(organization_id=2) as session:
        UserRepository(session).create(email=email.upper(), full_name="Jürgen", hashed_password="x")
        UserRepository(session).add(build(User))
    found = domain_db.find_login(email)
    assert found is not None
    assert (found.email, found.organization_id) == (email, 2)
    with domain_db.get_session() as session:
        by_capitals = UserRepository(session).get_by_email(email.upper())
        assert by_capitals is not None
        assert by_capitals.id == found.id
    assert domain_db.find_login(email.replace("@", "x@")) is None


@pytest.mark.parametrize("slug", ["müller", "o'brien", "100%", "田中🙂", "back\\slash"])
def test_a_slug_that_no_organization_can_have_finds_none(domain_db: Database, slug: str) -> None:
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).get_by_slug(slug) is None
        found = OrganizationRepository(session).get_by_slug("second")
        assert found is not None
        assert found.id == 2
