"""A repository's own statement is executed as it is, and held to the session's organization all the same."""

from typing import Any

import pytest
from sqlalchemy import bindparam
from sqlmodel import col
from sqlmodel import select as sqlmodel_select

from domain import Database, TenantScopeError, Tender, TenderRepository
from domain.kit.repository.listing import listing
from domain.kit.repository.statements import LIMIT, OFFSET, ORGANIZATION, statements
from domain.kit.session import own

title = col(Tender.title)


@pytest.fixture(autouse=True)
def titles(database: Database) -> None:
    """Two tenders of each organization, titled after it."""
    for number in (1, 2, 1, 2):
        with database.get_session(organization_id=number) as session:
            TenderRepository(session).create(title=f"of {number}")


def test_a_repositorys_own_statement_is_held_to_the_sessions_organization(database: Database) -> None:
    newest: Any = listing(Tender, statements(Tender, scoped=True)).parts[0].slice
    given = {LIMIT: 50, OFFSET: 0, ORGANIZATION: 1}
    with database.get_session(organization_id=1) as session:
        found: list[Tender] = [*session.exec(newest, params=given)]
        assert {tender.title for tender in found} == {"of 1"}
        with pytest.raises(TenantScopeError):
            session.exec(newest, params={**given, ORGANIZATION: 2})


def test_what_is_derived_from_it_is_any_statement(database: Database) -> None:
    newest: Any = listing(Tender, statements(Tender, scoped=True)).parts[0].slice
    with database.get_session(organization_id=1) as session:
        derived: Any = newest.where(title != "")
        found: list[Tender] = [*session.exec(derived, params={LIMIT: 50, OFFSET: 0, ORGANIZATION: 2})]
        assert found == []


LOOSE: list[Any] = [
    title != "",
    (col(Tender.organization_id) == bindparam(ORGANIZATION)) | (title != ""),
    col(Tender.organization_id) >= bindparam(ORGANIZATION),
    col(Tender.id) > bindparam(ORGANIZATION),
    ~(col(Tender.organization_id) == bindparam(ORGANIZATION)),
]


@pytest.mark.parametrize("loose", LOOSE)
def test_where_it_does_not_hold_every_row_the_organization_is_written(database: Database, loose: Any) -> None:
    statement = own(sqlmodel_select(Tender).where(loose))
    for number in (1, 2):
        with database.get_session(organization_id=number) as session:
            assert {tender.title for tender in session.exec(statement, params={ORGANIZATION: 0})} == {f"of {number}"}
