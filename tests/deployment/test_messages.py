"""What an error says to one organization has nothing of another's."""

import logging
import traceback
from collections.abc import Callable

import pytest
from sqlalchemy import text

from domain import (
    AnalysisRepository,
    ConstraintError,
    Database,
    DomainError,
    DuplicateError,
    Organization,
    OrganizationRepository,
    TenantSession,
    Tender,
    TenderRepository,
    User,
    UserRepository,
)
from domain.testing import build

SECRET = "zx7731"


@pytest.fixture(scope="module")
def database(shared: Database) -> Database:
    """Organization 2 has a secret in every text; its user has the email, and it the slug, that 1 will ask for."""
    with shared.get_session() as session:
        theirs = OrganizationRepository(session).create(name=SECRET, slug="taken")
    with shared.get_session(organization_id=theirs.id) as session:
        user = build(User, email="taken@example.org", full_name=SECRET)
        user.hashed_password = SECRET
        session.add(user)
        session.add(build(Tender, id=500, external_id=SECRET, title=SECRET, description=SECRET))
    return shared


def take_email(session: TenantSession) -> None:
    UserRepository(session).create(email="taken@example.org", full_name="me", hashed_password="x")


def take_slug(session: TenantSession) -> None:
    session.connection().execute(text("UPDATE organizations SET slug = 'taken' WHERE id = 1"))


def refer(session: TenantSession) -> None:
    AnalysisRepository(session).create(tender_id=500, is_relevant=True, confidence=0.5)


def refer_in_sql(session: TenantSession) -> None:
    columns = "organization_id, tender_id, is_relevant, confidence, strengths, risks, requirements, filter_categories"
    values = "1, 500, true, 0.5, '[]', '[]', '[]', '[]'"
    session.connection().execute(text(f"INSERT INTO analysis_results ({columns}) VALUES ({values})"))


def break_check(session: TenantSession) -> None:
    TenderRepository(session).create(title="mine")
    session.connection().execute(text("UPDATE tenders SET currency = 'EUR', estimated_value = -1"))


def empty_column(session: TenantSession) -> None:
    session.connection().execute(text("UPDATE organizations SET name = NULL"))


def write_to_another(session: TenantSession) -> None:
    insert = "INSERT INTO tenders (organization_id, status, title, categories) VALUES (2, 'pending', 'x', '[]')"
    session.connection().execute(text(insert))


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (take_email, DuplicateError),
        (take_slug, DuplicateError),
        (refer, DomainError),
        (refer_in_sql, ConstraintError),
        (break_check, ConstraintError),
        (empty_column, ConstraintError),
        (write_to_another, ConstraintError),
    ],
)
def test_an_error_and_its_causes_and_the_log_have_nothing_of_another_organization(
    cause: Callable[[TenantSession], None],
    kind: type[DomainError],
    database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    def fail() -> None:
        with database.get_session(organization_id=1, unguarded_sql=True) as session:
            cause(session)

    with pytest.raises(kind) as raised:
        fail()
    logging.getLogger("application").error("failed", exc_info=raised.value)
    said = "\n".join([*traceback.format_exception(raised.value), caplog.text, *_said_by_driver(raised.value)])
    assert "failed" in said
    assert SECRET not in said
    assert "already exists" not in said  # DETAIL: Key (email)=(...) already exists.
    assert "Failing row contains" not in said


def _said_by_driver(error: BaseException) -> list[str]:
    """Everything the server's report has, down the chain."""
    said: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        driver = getattr(cause, "orig", cause)
        diagnostics = getattr(driver, "diag", None)
        names = [name for name in dir(diagnostics) if not name.startswith("_")] if diagnostics else []
        said += [str(getattr(diagnostics, name)) for name in names]
        said += [str(getattr(driver, "pgerror", "")), repr(vars(cause))]
        cause = cause.__cause__
    return said


def test_an_organization_with_a_taken_slug_learns_no_more_than_that(database: Database) -> None:
    with pytest.raises(DuplicateError) as raised, database.get_session() as session:
        OrganizationRepository(session).add(build(Organization, slug="taken"))
    assert raised.value.fields == ("slug",)
    assert SECRET not in "".join([str(raised.value), *_said_by_driver(raised.value)])
