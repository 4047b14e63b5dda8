"""The audit trail's triggers in ``create_all`` and ``drop_all``, as row level security is there."""

from collections.abc import Iterator

from sqlalchemy import Table

from . import audit_postgresql, audit_sqlite
from .audit_columns import ENTRIES, audited


def created(table: Table, dialect: str) -> Iterator[str]:
    """What ``create_all`` executes for a new table."""
    if followed := audited(table):
        if dialect == "postgresql":
            yield from audit_postgresql.create(table.name, audit_postgresql.body(followed))
        else:
            yield from audit_sqlite.triggers(followed).values()
    if table.name == ENTRIES and dialect == "sqlite":
        yield audit_sqlite.CREATE_CONTEXT


def dropped(table: Table, dialect: str) -> Iterator[str]:
    """What ``drop_all`` executes, to leave nothing of them."""
    if dialect == "postgresql" and audited(table):
        yield audit_postgresql.drop_function(table.name)
    elif table.name == ENTRIES:
        yield audit_sqlite.DROP_CONTEXT
