"""Rows of the same moment on SQLite, which compares times as texts.

Its own CURRENT_TIMESTAMP, of a row that SQL inserted, has no fraction, and sorts before the same second as SQLAlchemy
writes it: a cursor on such a row has to mean both.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, DateTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class Whole(FunctionElement[datetime]):
    """A moment; on SQLite without the fraction where that is zero."""

    type: TypeEngine[datetime] = DateTime(timezone=True)
    inherit_cache: bool | None = True


class SQLiteTie(FunctionElement[bool]):
    """On SQLite, that one of the two conditions holds."""

    type: TypeEngine[bool] = Boolean()
    inherit_cache: bool | None = True


@compiles(Whole)
def _whole(element: Whole, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(Whole, "sqlite")
def _sqlite_whole(element: Whole, compiler: SQLCompiler, **options: Any) -> str:
    return f"replace({compiler.process(element.clauses, **options)}, '.000000', '')"


@compiles(SQLiteTie)
def _tie(_element: SQLiteTie, _compiler: SQLCompiler, **_options: Any) -> str:
    return "true"


@compiles(SQLiteTie, "sqlite")
def _sqlite_tie(element: SQLiteTie, compiler: SQLCompiler, **options: Any) -> str:
    return f"({' OR '.join(compiler.process(clause, **options) for clause in element.clauses)})"
