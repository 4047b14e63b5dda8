"""SQLite changes most of a table by copying it."""

from typing import Any

from alembic.ddl.sqlite import SQLiteImpl
from sqlalchemy import Table


class WithoutComputed(SQLiteImpl):
    """Alembic's way, but that no column is copied that the database computes: it takes no value."""

    __dialect__ = "sqlite"

    def prep_table_for_batch(self, batch_impl: Any, table: Table) -> None:
        super().prep_table_for_batch(batch_impl, table)
        for column in table.c:
            if column.computed is not None:
                batch_impl.column_transfers.get(column.name, {}).pop("expr", None)
