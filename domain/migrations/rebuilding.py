"""SQLite changes most of a table by copying it. Columns that a database computes are an exception on both."""

import re
from typing import Any

from alembic.ddl.postgresql import PostgresqlImpl
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


class ComputedAsShown(PostgresqlImpl):
    """Alembic's way, but that a CAST is left out of the comparison as one with ``::`` is: PostgreSQL shows that."""

    __dialect__ = "postgresql"

    def _normalize_computed_default(self, sqltext: str) -> str:
        return re.sub(r"^cast(\w+)asfloat$", r"\1", super()._normalize_computed_default(sqltext))
