"""The transaction of a revision: its owner let through row level security, its commit the run's alone."""

import re
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, nullcontext

from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, event, text

from ..errors import DomainError, UnavailableError
from ..kit.schema.scope_postgresql import ISOLATION

# Options of a context of ours.
OWNER_LET_THROUGH = "domain_owner_let_through"  # False within an ``autocommit_block``
IS_OPEN = "domain_is_open"  # while a revision runs in its transaction
IS_COMMITTED = "domain_is_committed"  # once a revision has committed a part of itself
_LETS_THROUGH_NEXT = "domain_lets_through_next"  # where the next statement may read or write rows

# In printed SQL the lock is held to the end of a transaction, and from one to the next; the key is the package's name.
KEY = int.from_bytes(b"domain")
LOCK = f"SELECT pg_advisory_xact_lock({KEY})"
_KEEP_LOCK = f"SELECT pg_advisory_lock({KEY})"
_LEAVE_LOCK = f"SELECT pg_advisory_unlock({KEY})"

# FORCE holds the owner, too: a data migration would update no row, and say nothing. So the owner is let through for
# the length of the transaction, in the tables that it owns and that no policy of its own opens; nobody else is.
_OWN_TABLES = (
    f"FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = '{ISOLATION}'"
    " WHERE c.relrowsecurity AND pg_has_role(c.relowner, 'USAGE') AND"
)
_HELD = """c.relforcerowsecurity
    AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)
    AND NOT (SELECT bool_and(o.polpermissive) AND bool_or(o.polcmd = '*' AND o.polwithcheck IS NULL
      AND pg_get_expr(o.polqual, o.polrelid) = 'true'
      AND EXISTS (SELECT FROM unnest(o.polroles) AS role WHERE role <> 0 AND pg_has_role(role, 'USAGE')))
      FROM pg_policy o WHERE o.polrelid = c.oid)"""


def _for_own_tables(condition: str, action: str) -> str:
    return f"""DO $$ DECLARE held regclass; BEGIN
  FOR held IN SELECT c.oid {_OWN_TABLES} {condition} LOOP
    EXECUTE format('ALTER TABLE %s {action} ROW LEVEL SECURITY', held);
  END LOOP; END $$"""


LET_OWNER_THROUGH = _for_own_tables(_HELD, "NO FORCE")
HOLD_OWNER = _for_own_tables("NOT c.relforcerowsecurity", "FORCE")
REFUSE_HELD = f"SELECT set_config('row_security', 'off', true) WHERE EXISTS (SELECT {_OWN_TABLES} {_HELD})"
"""Has a statement that the owner would see no rows in fail instead (42501)."""


class MigrationError(DomainError, CommandError):
    """A migration can't be run, or was undone. The alembic command shows its message alone, as for its own errors."""


class MigrationBusyError(MigrationError, UnavailableError):
    """A revision did not get its locks, however often it was tried; nothing of it was kept."""


def hold_outside(migration: MigrationContext) -> None:
    """Have a revision's ``autocommit_block`` commit and run with every table held, and let the owner through after it.

    Only where a statement follows: that locks the tables. On SQLite, which can do everything in a transaction, the
    block stays in ours.
    """
    outside = migration.autocommit_block

    @contextmanager
    def held() -> Generator[None]:
        for statement in (HOLD_OWNER, *([_KEEP_LOCK] if migration.as_sql else [])):
            migration.execute(statement)
        migration.opts[OWNER_LET_THROUGH] = migration.opts[IS_OPEN] = False
        migration.opts[IS_COMMITTED] = True
        try:
            with outside(), nullcontext() if migration.as_sql else _without_lock_timeout(migration):
                yield
        finally:
            for statement in (LOCK, LET_OWNER_THROUGH, _LEAVE_LOCK) if migration.as_sql else ():
                migration.execute(statement)
            migration.opts[OWNER_LET_THROUGH] = migration.opts[IS_OPEN] = migration.opts[_LETS_THROUGH_NEXT] = True

    block = nullcontext if migration.dialect.name == "sqlite" else held
    migration.autocommit_block = block  # type: ignore[assignment,method-assign]  # Alembic makes it


@contextmanager
def _without_lock_timeout(migration: MigrationContext) -> Generator[None]:
    """CREATE INDEX CONCURRENTLY waits for every transaction that is open: given up, it leaves an invalid index."""
    connection = migration.connection
    assert connection is not None, "a run without --sql has one"
    lift = "SELECT set_config('lock_timeout', '0', false) WHERE current_setting('lock_timeout') <> '0'"
    lifted = connection.exec_driver_sql(lift).one_or_none() is not None
    try:
        yield
    finally:
        if lifted and not connection.invalidated:
            connection.exec_driver_sql("RESET lock_timeout")


@contextmanager
def refusing_commits(migration: MigrationContext) -> Generator[None]:
    """The part of a transaction that is a revision's: at its end the owner is held again."""
    migration.opts |= {IS_OPEN: True, IS_COMMITTED: False, _LETS_THROUGH_NEXT: False}
    try:
        yield
    finally:
        migration.opts |= {IS_OPEN: False, _LETS_THROUGH_NEXT: False}
    migration.execute(HOLD_OWNER)


def watch(migration: MigrationContext, connection: Connection) -> None:
    """Refuse a revision's own commit, as text too, and let the owner through late where that was put off."""

    @event.listens_for(connection, "commit")
    def _refuse(_connection: Connection) -> None:
        if migration.opts.get(IS_OPEN):
            raise MigrationError(
                "a commit would leave the revision half done; write `with op.get_context().autocommit_block():` around"
                " what can't be in a transaction"
            )

    @event.listens_for(connection, "before_cursor_execute")
    def _look(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if _COMMIT.search(statement):
            _refuse(connection)
        if migration.opts.get(_LETS_THROUGH_NEXT):
            migration.opts[_LETS_THROUGH_NEXT] = False
            connection.execute(text(LET_OWNER_THROUGH))


_COMMIT = re.compile(r"(?:^|;)\s*commit\b(?!\s+prepared)", re.IGNORECASE | re.MULTILINE)


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
