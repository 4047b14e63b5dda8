"""What the tests of the repositories share: rows as they are stored, and the statements that were sent."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import delete, select

from domain import Database, DomainModel, Entity, Organization, Tender
from domain.kit.records import PurgeRecord, SystemAccess
from domain.testing import Cluster, build, postgresql_database


@pytest.fixture(scope="session")
def emptied_postgresql(domain_cluster: Cluster) -> Iterator[Database]:
    """One clone for all of these tests: making one takes longer than most of them."""
    with postgresql_database(domain_cluster) as database:
        yield database


@pytest.fixture
def domain_postgresql(emptied_postgresql: Database) -> Database:
    """That clone, emptied, with organizations 1 and 2."""
    with emptied_postgresql.system_session(actor="tests", reason="start afresh") as system:
        for table in reversed(DomainModel.metadata.sorted_tables):
            if table not in (SystemAccess.__table__, PurgeRecord.__table__):
                system.connection().execute(delete(table))
        for organization_id, word in enumerate(("first", "second"), 1):
            system.add(build(Organization, id=organization_id, name=f"The {word} organization", slug=word))
    return emptied_postgresql


@pytest.fixture
def stored(domain_db: Database) -> Callable[[type[Entity], int], dict[str, Any]]:
    """The columns of one row as the database holds them, whoever owns it and whether or not it is deleted."""

    def read(model: type[Entity], entity_id: int) -> dict[str, Any]:
        columns = model.__table__.c
        with domain_db.migration_engine.connect() as connection:
            return dict(connection.execute(select(*columns).where(columns.id == entity_id)).mappings().one())

    return read


@pytest.fixture
def stored_rows(domain_db: Database) -> Callable[[type[Entity]], list[dict[str, Any]]]:
    """Every row of a table as the database holds it, in the order of the ids."""

    def read(model: type[Entity]) -> list[dict[str, Any]]:
        columns = model.__table__.c
        with domain_db.migration_engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(*columns).order_by(columns.id)).mappings()]

    return read


@pytest.fixture
def statements(domain_db: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements that the application's login sends, with their parameters; to clear and look at."""
    sent: list[tuple[str, Any]] = []

    def record(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        sent.append((statement, parameters))

    event.listen(domain_db.engine, "before_cursor_execute", record)
    yield sent
    event.remove(domain_db.engine, "before_cursor_execute", record)


@pytest.fixture
def make(domain_db: Database) -> Callable[..., Any]:
    """Store a row of any tenant model for an organization, with the rows that it refers to."""

    def made(model: type[Entity], *, organization_id: int = 1, **fields: object) -> Any:
        for column in model.__table__.c:
            parent: type[Entity] | None = column.info.get("tenant_key")
            if parent is not None and column.key not in fields:
                fields[column.key] = made(parent, organization_id=organization_id).id
        with domain_db.get_session(organization_id=organization_id) as session:
            entity = build(model, **fields)
            session.add(entity)
        return entity

    return made


@pytest.fixture
def tender(make: Callable[..., Any]) -> Tender:
    """A tender of organization 1."""
    created: Tender = make(Tender, title="Harbour bridge", external_id="ocds-1")
    return created
