"""What holds for every public method of every repository: each is found, and called with rows that there are.

What a method shows of another organization, the attack looks into: ``tests/attack``.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from inspect import signature
from typing import Any

import pytest
from sqlalchemy.exc import InvalidRequestError
from sqlmodel import select

from domain import (
    ArgumentError,
    ConstraintError,
    Database,
    NotFoundError,
    Organization,
    OrganizationRepository,
    SystemSession,
    TenantRequiredError,
    TenantScopeError,
    TenantSession,
    TenderRepository,
    including_deleted,
)
from domain.errors import ReadOnlySessionError, SessionClosedError
from domain.kit.session import DomainSession
from domain.testing import build
from domain.testing.attack.discovery import references
from tests.support.calls import (
    KINDS,
    METHODS,
    TENANT_KINDS,
    Call,
    Kind,
    fill,
    first_row,
    given,
    ids,
    models,
    organization_parameter,
    prepared,
    required,
    whole,
)
from tests.support.statements import recorded

# Each makes an organization, or reaches one row by what only its owner knows.
BEFORE_AN_ORGANIZATION = {
    "OrganizationRepository.add",
    "OrganizationRepository.create",
    "OrganizationRepository.create_many",
    "OrganizationRepository.get_by_slug",
    "UserRepository.get_by_email",
}
WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM|FOR (KEY )?SHARE)\b")
NAMING = [(kind, name) for kind, name in METHODS if organization_parameter(kind, name)]


def naming_1(kind: Kind, name: str) -> dict[str, int]:
    """The keyword that names organization 1, where the method is not given it as the row's id."""
    parameter = organization_parameter(kind, name)
    return {parameter: 1} if parameter in {"org_id", "organization_id"} else {}


def of(*wanted: tuple[Kind, str]) -> pytest.MarkDecorator:
    """The test for each of these methods."""
    assert wanted
    return pytest.mark.parametrize(("kind", "name"), wanted, ids=[f"{kind.__name__}.{name}" for kind, name in wanted])


@pytest.fixture(scope="module")
def filled(database: Database) -> Database:
    """Three rows of every model in organization 1."""
    with database.get_session(organization_id=1) as session:
        fill(session, 3)
    return database


@contextmanager
def opened(database: Database, kind: Kind) -> Generator[DomainSession]:
    """A session that sees every row of the repository's model; what is done in it does not stay."""
    if kind is OrganizationRepository:
        session: DomainSession = SystemSession(database.system_engine or database.engine)
    else:
        session = TenantSession(database.engine, organization_id=1)
    with session:
        yield session
        session.rollback()


@pytest.fixture
def call(filled: Database, kind: Kind, name: str) -> Call:
    """The method with values of organization 1, as another session may be given them."""
    with filled.get_session(organization_id=1) as session:
        return given(session, kind, name, first_row(session, kind.model))


@of(*METHODS)
def test_it_finds_what_there_is(filled: Database, kind: Kind, name: str) -> None:
    with opened(filled, kind) as session:
        assert prepared(session, kind, name)(kind(session))


@of(*METHODS)
def test_without_an_organization_it_is_refused_before_a_statement_is_sent(
    filled: Database, kind: Kind, name: str, call: Call
) -> None:
    if organization_parameter(kind, name) == "id" or f"{kind.__name__}.{name}" in BEFORE_AN_ORGANIZATION:
        return  # looked at below
    with filled.get_session() as session, recorded(filled.engine) as statements:
        with pytest.raises(TenantRequiredError, match="bound to no organization; open it with get_session"):
            call(kind(session))
        assert statements == []
        assert not session.is_bound


@of(*[(kind, name) for kind, name in METHODS if kind in TENANT_KINDS])
def test_in_a_system_session_it_is_refused_before_a_statement_is_sent(
    filled: Database, kind: Kind, name: str, call: Call
) -> None:
    with SystemSession(filled.system_engine or filled.engine) as system, recorded(system.get_bind()) as statements:
        with pytest.raises(TenantRequiredError, match="as_organization"):
            call(kind(system))
        assert statements == []


@of(*NAMING)
def test_the_first_that_names_an_organization_binds_the_session(
    filled: Database, kind: Kind, name: str, call: Call
) -> None:
    with TenantSession(filled.engine) as session:
        call(kind(session), **naming_1(kind, name))
        assert session.organization_id == 1


@of(*NAMING)
def test_naming_another_organization_is_refused_before_a_statement_is_sent(
    filled: Database, kind: Kind, name: str, call: Call
) -> None:
    with TenantSession(filled.engine, organization_id=2) as session, recorded(filled.engine) as statements:
        with pytest.raises(TenantScopeError, match="bound to organization 2 for its whole life, not to 1") as caught:
            call(kind(session), **naming_1(kind, name))
        assert (caught.value.bound, caught.value.asked) == (2, 1)
        assert statements == []


@of(*METHODS)
def test_a_closed_session_is_of_no_use_to_it(filled: Database, kind: Kind, name: str, call: Call) -> None:
    with filled.get_session(organization_id=1) as session:
        repository = kind(session)
    with recorded(filled.engine) as statements, pytest.raises((SessionClosedError, InvalidRequestError)):
        call(repository)
    assert statements == []
    assert not session.in_transaction()
    assert "checked out connections: 0" in filled.engine.pool.status().lower()


@of(*METHODS)
def test_in_a_read_session_it_reads_or_is_refused(filled: Database, kind: Kind, name: str, call: Call) -> None:
    with TenantSession(filled.engine, organization_id=1) as session:
        same = given(session, kind, name, first_row(session, kind.model))
        session.commit()
        with recorded(filled.engine) as statements:
            same(kind(session))
        driver: Any = session._connection and session._connection.connection.dbapi_connection  # pyright: ignore[reportPrivateUsage]
        is_write = driver.in_transaction if filled.is_sqlite else any(map(WRITES.search, statements))
    refused = pytest.raises(ReadOnlySessionError) if is_write else nullcontext()
    with refused, filled.tenant(1).read_session() as reading:
        call(kind(reading))


def elsewhere(filled: Database, kind: Kind, name: str, state: str, *, gone: Kind) -> tuple[TenantSession, Call]:
    """A session, and the method with values of rows that are not there for it: of organization 1, deleted, unknown."""
    session = TenantSession(filled.engine, organization_id=2 if state == "foreign" else 1)
    with TenantSession(filled.engine, organization_id=1) as own:
        row = first_row(own, kind.model)
        if state == "unknown":
            row = whole(kind.model, id=10**9, organization_id=1, **dict.fromkeys(references(kind.model), 10**9))
        call = given(own, kind, name, row)  # below parents that are not stored, where it makes them
        if state == "foreign":
            own.commit()
    if state == "deleted":
        for each in list(gone(session).stream()):
            assert gone(session).soft_delete(each.id)
    return session, call


def every_row(session: TenantSession) -> list[Any]:
    """All that the session can see, deleted or not."""
    tables: list[Any] = [model.__table__ for model in models()]
    run: Any = session.exec  # of a table that is not typed
    every = [run(including_deleted(table.select().order_by(table.c.id))).all() for table in tables]
    return [tuple(row) for rows in every for row in rows]


def taking(parameter: str) -> list[tuple[Kind, str]]:
    return [(kind, name) for kind, name in METHODS if parameter in signature(getattr(kind, name)).parameters]


@of(*taking("limit"))
def test_it_takes_a_limit_from_1_to_200(filled: Database, kind: Kind, name: str) -> None:
    with opened(filled, kind) as session:
        call = prepared(session, kind, name)
        for limit in (0, -1, 201, 2**70):
            with pytest.raises(ArgumentError, match="limit must be from 1 to 200"):
                call(kind(session), limit=limit)
        assert call(kind(session), limit=200)


@of(*taking("offset"))
def test_it_takes_an_offset_of_0_or_more(filled: Database, kind: Kind, name: str) -> None:
    with opened(filled, kind) as session:
        call = prepared(session, kind, name)
        for offset in (-1, 2**63):
            with pytest.raises(ArgumentError, match="offset must be 0 or more"):
                call(kind(session), offset=offset)
        assert call(kind(session), offset=2**63 - 1) == []


BY_ID = [(kind, name) for kind, name in METHODS if kind is not OrganizationRepository and ids(getattr(kind, name))]
BELOW = [
    (kind, name)
    for kind, name in METHODS
    if references(kind.model) and {"entity", "rows"} & {*required(getattr(kind, name))}
]


@pytest.mark.parametrize("state", ["foreign", "deleted", "unknown"])
@of(*BY_ID)
def test_a_row_that_is_not_there_is_not_found(filled: Database, kind: Kind, name: str, state: str) -> None:
    session, call = elsewhere(filled, kind, name, state, gone=kind)
    with session:
        before = every_row(session)
        if (state, name) == ("deleted", "restore"):
            assert call(kind(session))
        elif name in {"require", "update"}:
            with pytest.raises(NotFoundError):
                call(kind(session))
        else:
            assert not call(kind(session))
            assert every_row(session) == before


@pytest.mark.parametrize("state", ["foreign", "deleted", "unknown"])
@of(*BELOW)
def test_a_row_is_not_written_below_one_that_is_not_there(filled: Database, kind: Kind, name: str, state: str) -> None:
    session, call = elsewhere(filled, kind, name, state, gone=TenderRepository)
    with session, pytest.raises(ConstraintError, match="no live row of this organization") as refused:
        call(kind(session))
    assert str(refused.value.constraint).startswith(f"fk_{kind.model.__tablename__}_organization_id_")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_sends_as_many_statements_for_30_rows_as_for_10(domain_db: Database, kind: Kind) -> None:
    counts: list[dict[str, int]] = []
    for number in (10, 20):
        with domain_db.get_session(organization_id=1) as session:
            fill(session, number)
        with domain_db.system_session(actor="tests", reason="organizations") as system:
            system.add_all([build(Organization) for _ in range(number)])
        counts.append({name: statements_of(domain_db, kind, name, number) for of, name in METHODS if of is kind})
    if domain_db.is_sqlite:  # in the process itself, and one row a statement: its RETURNING has no order
        counts = [{n: c for n, c in found.items() if n not in {"create_many", "upsert_many"}} for found in counts]
    assert counts[0] == counts[1]
    assert all(counts[0].values())


def statements_of(database: Database, kind: Kind, name: str, number: int) -> int:
    """How many the method sends, to a session that holds every object."""
    with opened(database, kind) as session:
        call = prepared(session, kind, name, many=number)
        every: list[Any] = [Organization, *models()]
        held = [row for model in every for row in session.exec(select(model))]
        with recorded(session.get_bind()) as statements:
            assert call(kind(session)), name
        assert held
        return len(statements)
