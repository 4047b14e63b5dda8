"""The database's clock, which all workers share; their own may differ. Months of its times."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, DateTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

_SQLITE_FORMAT = "'%Y-%m-%d %H:%M:%f000'"  # as SQLAlchemy stores times; SQLite's clock has milliseconds


class DatabaseTime(FunctionElement[datetime]):
    """The time when the statement began, plus so many seconds if given; for ``server_default``, too.

    SQLite's CURRENT_TIMESTAMP has no fraction, and sorts before the same second as SQLAlchemy stores it.
    """

    type: TypeEngine[datetime] = DateTime(timezone=True)
    inherit_cache: bool | None = True


@compiles(DatabaseTime)
def _time(element: DatabaseTime, compiler: SQLCompiler, **options: Any) -> str:
    # now() is when the transaction began; with clock_timestamp() PostgreSQL uses no index.
    seconds = compiler.process(element.clauses, **options)
    return f"statement_timestamp() + make_interval(secs => {seconds})" if seconds else "statement_timestamp()"


@compiles(DatabaseTime, "sqlite")
def _sqlite_time(element: DatabaseTime, compiler: SQLCompiler, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    later = f", printf('%+.3f seconds', {seconds})" if seconds else ""
    return f"strftime({_SQLITE_FORMAT}, 'now'{later})"


class UtcMonth(FunctionElement[date]):
    """The first day of the UTC month of a time."""

    type: TypeEngine[date] = Date()
    inherit_cache: bool | None = True


@compiles(UtcMonth)
def _month(element: UtcMonth, compiler: SQLCompiler, **options: Any) -> str:
    return f"date_trunc('month', timezone('UTC', {compiler.process(element.clauses, **options)}))::date"


@compiles(UtcMonth, "sqlite")
def _sqlite_month(element: UtcMonth, compiler: SQLCompiler, **options: Any) -> str:
    return f"strftime('%Y-%m-01', {compiler.process(element.clauses, **options)})"
