"""Rows filled in many short transactions: one statement over all of them would lock each until its end."""

from alembic import op
from sqlalchemy import Connection, text

from ..kit.database.translate import first_line
from .runs import NO_LOCK, PATIENCE, Patience, sqlstate
from .transaction import HOLD_OWNER, LET_OWNER_THROUGH, MigrationError

IN_BATCHES = "/* in batches */"
"""Begins the statement where it is printed, and so runs as one."""
_TRIES = 100


def backfill(table: str, values: str, *, where: str, rows: int = 1000) -> None:
    """Update the rows of a table that meet a condition, so many in each transaction, until none is left.

    ``values`` is SQL as it follows SET, ``where`` a condition that they end: ``backfill("tenders", "region = 'EU'",
    where="region IS NULL")``. A revision that is stopped goes on there the next time: give it nothing else to do.
    SQLite, and ``--sql``, take one statement.

    Raises:
        MigrationError: rows stay locked by others; what was updated stays.
    """
    migration = op.get_context()
    whole = f"UPDATE {table} SET {values} WHERE {where}"  # noqa: S608  # a revision's own words
    if migration.as_sql or migration.dialect.name == "sqlite":
        op.execute(f"{IN_BATCHES} {whole}")
        return
    batch = (  # of a partitioned table several rows may have one ctid
        f"UPDATE {table} SET {values} WHERE ctid = ANY (ARRAY("  # noqa: S608
        f"SELECT ctid FROM {table} WHERE {where} LIMIT {rows} FOR UPDATE)) AND ({where})"
    )
    patience: Patience = migration.opts.get(PATIENCE, Patience())
    with migration.autocommit_block():
        while _updated(op.get_bind(), table, batch, patience):
            pass


def _updated(connection: Connection, table: str, batch: str, patience: Patience) -> int:
    """How many rows a batch had; it is tried again where it did not get its locks."""
    tries = 0
    while True:
        tries += 1
        connection.exec_driver_sql("BEGIN")  # the block's connection begins none
        try:
            patience.set_lock_timeout(connection)
            connection.execute(text(LET_OWNER_THROUGH))
            rows = connection.execute(text(batch)).rowcount
            connection.execute(text(HOLD_OWNER))
            connection.exec_driver_sql("COMMIT")
        except Exception as error:
            if not connection.invalidated:
                connection.exec_driver_sql("ROLLBACK")
            if sqlstate(error) not in NO_LOCK:
                raise
            if tries == _TRIES:
                raise MigrationError(f"rows of {table} stayed locked: {first_line(error)}") from error
            patience.pause(tries)
        else:
            return rows
