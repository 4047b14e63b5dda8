"""One transaction around a run of migrations, and one run at a time."""

import re
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, nullcontext

from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, event

from ..errors import DomainError
from ..kit.schema.policies import ISOLATION

OWNER_LET_THROUGH = "domain_owner_let_through"  # option of a context of ours; False within an ``autocommit_block``
IS_OPEN = "domain_is_open"  # option of a context, while its transaction lets the owner through

# Held to the end of the transaction, and from one to the next; the key is this package's name.
_KEY = int.from_bytes(b"domain")
LOCK = f"SELECT pg_advisory_xact_lock({_KEY})"
TRY_LOCK = f"SELECT pg_try_advisory_xact_lock({_KEY})"
_KEEP_LOCK = f"SELECT pg_advisory_lock({_KEY})"
_LEAVE_LOCK = f"SELECT pg_advisory_unlock({_KEY})"


# FORCE holds the owner, too: a data migration would update no row, and say nothing. So the owner is let through for
# the length of the transaction, in the tables that it owns; nobody else is.
_OWN_TABLES = (
    f"FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = '{ISOLATION}'"
    " WHERE c.relrowsecurity AND pg_has_role(c.relowner, 'USAGE') AND"
)
_ANY_OPEN = f"SELECT EXISTS (SELECT {_OWN_TABLES} NOT c.relforcerowsecurity)"


def _for_own_tables(condition: str, action: str) -> str:
    return f"""DO $$ DECLARE held regclass; BEGIN
  FOR held IN SELECT c.oid {_OWN_TABLES} {condition} LOOP
    EXECUTE format('ALTER TABLE %s {action} ROW LEVEL SECURITY', held);
  END LOOP; END $$"""


LET_OWNER_THROUGH = _for_own_tables("c.relforcerowsecurity", "NO FORCE")
HOLD_OWNER = _for_own_tables("NOT c.relforcerowsecurity", "FORCE")


class MigrationError(DomainError, CommandError):
    """A migration can't be run, or was undone. The alembic command shows its message alone, as for its own errors."""


def hold_outside(migration: MigrationContext) -> None:
    """Have a revision's ``autocommit_block`` commit and run with every table held, and let the owner through after it.

    On SQLite, which can do everything in a transaction, it stays in ours.
    """
    outside = migration.autocommit_block

    @contextmanager
    def held() -> Generator[None]:
        migration.execute(HOLD_OWNER)
        migration.execute(_KEEP_LOCK)
        migration.opts[OWNER_LET_THROUGH] = False
        try:
            with outside():
                yield
        finally:
            for statement in (LOCK, LET_OWNER_THROUGH, _LEAVE_LOCK):
                migration.execute(statement)
            migration.opts[OWNER_LET_THROUGH] = True

    block = nullcontext if migration.dialect.name == "sqlite" else held
    migration.autocommit_block = block  # type: ignore[assignment,method-assign]  # Alembic makes it


_COMMIT = re.compile(r"(?:^|;)\s*commit\b(?!\s+prepared)", re.IGNORECASE | re.MULTILINE)


@contextmanager
def owner_let_through(migration: MigrationContext) -> Generator[None]:
    """The length of the transaction in which the owner is not held. A revision's own commit fails, as text too."""
    migration.execute(LET_OWNER_THROUGH)
    migration.opts[IS_OPEN] = True
    if migration.connection is not None and not migration.as_sql:
        _refuse_commits(migration.connection)
    yield
    migration.opts[IS_OPEN] = False
    migration.execute(HOLD_OWNER)


def _refuse_commits(connection: Connection) -> None:
    @event.listens_for(connection, "commit")
    def _refuse(connection: Connection) -> None:
        if connection.exec_driver_sql(_ANY_OPEN).scalar_one():
            raise MigrationError(
                "a commit would leave tables without FORCE ROW LEVEL SECURITY; write"
                " `with op.get_context().autocommit_block():` around what can't be in a transaction"
            )

    @event.listens_for(connection, "before_cursor_execute")
    def _refuse_text(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if _COMMIT.search(statement):
            _refuse(connection)


@contextmanager
def sqlite_transaction(connection: Connection) -> Generator[None]:
    """A transaction that waits for the writer before it, with foreign keys off: rebuilding a table drops it.

    Raises:
        MigrationError: a reference points at no row afterwards; everything is undone.
    """
    enforced = connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one()
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
    connection.commit()
    try:
        with connection.begin():
            # Explicit, because the driver would begin after the DDL: what fails half-way is undone.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield
            _check_references(connection)
    finally:
        connection.exec_driver_sql(f"PRAGMA foreign_keys={enforced}")
        connection.commit()


_TO_NO_TABLE = """
    SELECT child.name, parent."table" FROM sqlite_master AS child, pragma_foreign_key_list(child.name) AS parent
    WHERE child.type = 'table' AND parent."table" NOT IN (SELECT name FROM sqlite_master WHERE type = 'table')
"""


def _check_references(connection: Connection) -> None:
    for child, parent in connection.exec_driver_sql(_TO_NO_TABLE):
        raise MigrationError(f"{child} refers to {parent}, which would be gone; nothing was changed")
    dangling = Counter((row.table, row.parent) for row in connection.exec_driver_sql("PRAGMA foreign_key_check"))
    if dangling:
        rows = ", ".join(f"{count} of {table} to {parent}" for (table, parent), count in sorted(dangling.items()))
        raise MigrationError(f"references would point at no row ({rows}); nothing was changed")
