"""One transaction around a run of migrations, and one run at a time."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import Connection

from ..errors import DomainError
from ..kit.schema.policies import ISOLATION

# Held to the end of the transaction; the key is this package's name.
LOCK = f"SELECT pg_advisory_xact_lock({int.from_bytes(b'domain')})"


# FORCE holds the owner, too: a data migration would update no row, and say nothing. So the owner is let through for
# the length of the transaction, in the tables that it owns; nobody else is.
def _for_own_tables(condition: str, action: str) -> str:
    return f"""DO $$ DECLARE held regclass; BEGIN
  FOR held IN SELECT c.oid FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = '{ISOLATION}'
    WHERE {condition} AND pg_has_role(c.relowner, 'USAGE') LOOP
    EXECUTE format('ALTER TABLE %s {action} ROW LEVEL SECURITY', held);
  END LOOP; END $$"""  # noqa: S608  # our own words alone


LET_OWNER_THROUGH = _for_own_tables("c.relforcerowsecurity", "NO FORCE")
HOLD_OWNER = _for_own_tables("c.relrowsecurity AND NOT c.relforcerowsecurity", "FORCE")


class MigrationError(DomainError, CommandError):
    """A migration can't be run, or was undone. The alembic command shows its message alone, as for its own errors."""


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
