"""What goes through a bound session besides the repositories is scoped where that is certain, and refused elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Result, bindparam, exists, func, lambda_stmt, select, union_all, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col
from sqlmodel import select as sqlmodel_select

from domain import Database, TenantRequiredError, TenantScopeError, Tender, TenderRepository
from domain.errors import UnguardedStatementError
from domain.kit.repository.statements import LIMIT, OFFSET, ORGANIZATION, statements
from domain.kit.session import own

Other = aliased(Tender)
title, other_title = col(Tender.title), col(Other.title)
different = col(Tender.id) != col(Other.id)
every = select(title)

SCOPED: dict[str, Any] = {
    "columns": select(title),
    "alias": select(other_title),
    "aggregate": select(func.max(title)),
    "subquery": select(every.subquery()),
    "CTE": select(every.cte()),
    "scalar subquery": select(select(func.max(title)).scalar_subquery()),
    "UNION": union_all(every, select(other_title)),
    "product": select(title, other_title).where(different),
    "JOIN": select(title, other_title).join(Other, different),
    "LEFT JOIN": select(title, other_title).outerjoin(Other, different),
    "JOIN of two aliases": select(other_title).join(aliased(Tender), col(Other.id) > 0),
    "RETURNING": update(Tender).values(description="x").returning(title),
}
OPAQUE: dict[str, Any] = {
    "from_statement": select(Tender).from_statement(union_all(select(Tender), select(Tender))),
    "lambda_stmt": lambda_stmt(lambda: select(title)),
    "a function": func.count(),
}


def run(session: Session, statement: Any) -> Result[Any]:
    """SQLAlchemy's own way, which SQLModel's types advise against."""
    return Session.execute(session, statement)


@pytest.fixture(autouse=True)
def titles(database: Database) -> None:
    """Two tenders of each organization, titled after it."""
    for number in (1, 2, 1, 2):
        with database.get_session(organization_id=number) as session:
            TenderRepository(session).create(title=f"of {number}")


@pytest.mark.parametrize("statement", SCOPED.values(), ids=SCOPED)
def test_it_sees_the_sessions_organization_alone_and_the_next_session_its_own(
    database: Database, statement: Any
) -> None:
    for number in (1, 2, 1):
        with database.get_session(organization_id=number) as session:
            seen = {value for row in run(session, statement) for value in row}
        assert seen == {f"of {number}"}


@pytest.mark.parametrize("statement", OPAQUE.values(), ids=OPAQUE)
@pytest.mark.parametrize("organization_id", [1, None])
def test_what_can_t_be_seen_through_is_refused(database: Database, statement: Any, organization_id: int | None) -> None:
    with (
        database.get_session(organization_id=organization_id) as session,
        pytest.raises((UnguardedStatementError, TenantRequiredError)),
    ):
        run(session, statement)


def test_a_condition_on_another_organizations_rows_finds_none(database: Database) -> None:
    theirs: list[Callable[[], Any]] = [
        lambda: select(exists().where(title == "of 2")),
        lambda: select(title.in_(select(other_title).where(other_title == "of 2"))).limit(1),
    ]
    with database.get_session(organization_id=1) as session:
        assert [run(session, make()).scalar() for make in theirs] == [False, False]


def test_a_repositorys_own_statement_is_held_to_the_sessions_organization(database: Database) -> None:
    newest = statements(Tender, scoped=True).slice
    given = {LIMIT: 50, OFFSET: 0, ORGANIZATION: 1}
    with database.get_session(organization_id=1) as session:
        assert {tender.title for tender in session.exec(newest, params=given)} == {"of 1"}
        with pytest.raises(TenantScopeError):
            session.exec(newest, params={**given, ORGANIZATION: 2})


def test_what_is_derived_from_it_is_any_statement(database: Database) -> None:
    newest = statements(Tender, scoped=True).slice
    with database.get_session(organization_id=1) as session:
        derived = newest.where(title != "")
        assert list(session.exec(derived, params={LIMIT: 50, OFFSET: 0, ORGANIZATION: 2})) == []


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
