"""A session that belongs to no organization finds one slug, one email, and nothing else."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, insert
from sqlmodel import col, delete, select, update

from domain import (
    Database,
    Organization,
    OrganizationRepository,
    TenantRequiredError,
    TenantSession,
    Tender,
    User,
    UserRepository,
)
from domain.testing import build
from tests.support.statements import recorded

Use = Callable[[TenantSession], object]
_any_tender = select(col(Tender.id)).exists()
REFUSED: dict[str, Use] = {
    "select": lambda session: session.exec(select(Tender)).all(),
    "select columns": lambda session: session.exec(select(col(User.email))).all(),
    "select organizations": lambda session: session.exec(select(Organization)).all(),
    "aggregate": lambda session: session.exec(select(func.count()).select_from(Tender)).one(),
    "subquery": lambda session: session.exec(select(func.count()).where(_any_tender)).all(),
    "Core": lambda session: session.exec(select(Tender.__table__.c.id)).all(),
    "insert": lambda session: session.exec(insert(Tender).values(title="x", organization_id=1)),
    "session.get": lambda session: session.get(Tender, (1, 1)),
    "update": lambda session: session.exec(update(Tender).values(title="x")),
    "delete": lambda session: session.exec(delete(User)),
    "organization_id": lambda session: session.organization_id,
}


@pytest.mark.parametrize("use", REFUSED.values(), ids=REFUSED)
def test_anything_on_tenant_data_is_refused_before_a_statement_is_sent(database: Database, use: Use) -> None:
    with database.get_session() as session, recorded(database.engine) as statements:
        with pytest.raises(TenantRequiredError, match="bound to no organization; open it with get_session"):
            use(session)
        assert statements == []
        assert not session.is_bound


def test_a_flush_of_tenant_objects_is_refused_before_a_statement_is_sent(database: Database) -> None:
    with database.get_session() as session, recorded(database.engine) as statements:
        session.add(build(Tender))
        with pytest.raises(TenantRequiredError):
            session.flush()
        session.expunge_all()
        session.add(build(User, organization_id=1))
        with pytest.raises(TenantRequiredError):
            session.commit()
        session.expunge_all()
        assert statements == []


@pytest.fixture
def user(database: Database) -> User:
    with database.get_session(organization_id=2) as session:
        return UserRepository(session).add(build(User))


def test_what_was_found_without_an_organization_is_not_written_without_one(database: Database, user: User) -> None:
    def rename_the_user() -> None:
        with database.get_session() as session:
            found = UserRepository(session).get_by_email(user.email)
            assert found is not None
            found.full_name = "Somebody else"

    def rename_the_organization() -> None:
        with database.get_session() as session:
            found = OrganizationRepository(session).get_by_slug("second")
            assert found is not None
            found.name = "Renamed"

    for rename in (rename_the_user, rename_the_organization):
        with pytest.raises(TenantRequiredError):
            rename()
    with database.get_session(organization_id=2) as session:
        assert UserRepository(session).require(user.id).full_name == user.full_name
        assert OrganizationRepository(session).require(2, org_id=2).name == "The second organization"
