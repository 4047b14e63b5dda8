"""The trail as it is stored, read past sessions and policies; and SQL as its owner types it."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlmodel import Session, col, select

from domain import Database
from domain.kit.records import AuditEntry

Entries = Callable[[], list[AuditEntry]]


@pytest.fixture
def entries(domain_db: Database) -> Entries:
    """Every entry since the test began, of all organizations, in the order of their making."""
    seen = [entry.id for entry in _stored(domain_db.migration_engine)]
    last = max(seen, default=0)
    return lambda: [entry for entry in _stored(domain_db.migration_engine) if entry.id > last]


def _stored(engine: Engine) -> list[AuditEntry]:
    with Session(engine) as session:
        if engine.dialect.name == "postgresql":
            session.connection().execute(text("ALTER TABLE audit_entries NO FORCE ROW LEVEL SECURITY"))
        return list(session.exec(select(AuditEntry).order_by(col(AuditEntry.id))))  # and the rest is rolled back


@pytest.fixture
def by_hand(domain_db: Database) -> Iterator[Connection]:
    """The owner's connection, to organization 1."""
    with domain_db.migration_engine.begin() as connection:
        if not domain_db.is_sqlite:
            connection.execute(text("SELECT set_config('app.organization_id', '1', true)"))
        yield connection
