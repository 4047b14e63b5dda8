"""The statements of one listing: its pages by keyset, and its count."""

from collections.abc import Hashable
from functools import cache
from typing import Any, Generic, cast

from sqlalchemy import BigInteger, ColumnElement, bindparam, tuple_
from sqlmodel import col
from sqlmodel.sql.expression import SelectOfScalar

from ..session import INCLUDE_DELETED, READS, own
from .statements import LIMIT, OFFSET, ModelT, Statements

MOMENT, PLACE, VALUE = "place_created_at", "place_id", "listed_value"


class Listing(Generic[ModelT]):
    """Live rows, newest first; with ``column`` those that have the value VALUE in it."""

    def __init__(self, model: type[ModelT], sql: Statements[ModelT], column: str | None) -> None:
        narrowed: tuple[ColumnElement[bool], ...] = ()
        of_table: tuple[ColumnElement[bool], ...] = ()
        if column is not None:
            listed: Any = getattr(model, column)
            value = bindparam(VALUE, type_=sql.table.c[column].type)
            narrowed, of_table = (listed == value,), (sql.table.c[column] == value,)
        created_at, row_id = col(model.created_at), col(model.id)
        moment = bindparam(MOMENT, type_=sql.table.c.created_at.type)
        place_id = bindparam(PLACE, type_=BigInteger())
        row, place = tuple_(created_at, row_id), tuple_(moment, place_id)
        oldest_first = (created_at, row_id)
        count = sql.count.where(sql.is_live, *narrowed)
        self.count: SelectOfScalar[int] = count.execution_options(**{INCLUDE_DELETED: False})
        self.total: SelectOfScalar[int] = sql.total.where(~sql.table.c.is_deleted, *of_table)
        limit = bindparam(LIMIT, type_=BigInteger())
        self.first: SelectOfScalar[ModelT] = sql.newest_live.where(*narrowed).limit(limit)
        self.slice: SelectOfScalar[ModelT] = self.first.offset(bindparam(OFFSET, type_=BigInteger()))
        self.after: SelectOfScalar[ModelT] = self.first.where(row < place)
        # Oldest first, so that LIMIT takes the rows nearest to the cursor; the page reverses them.
        self.before: SelectOfScalar[ModelT] = self.first.where(row > place).order_by(None).order_by(*oldest_first)
        for statement in (self.count, self.total, self.first, self.slice, self.after, self.before):
            own(statement, **{READS: True})


@cache
def _built(model: Any, sql: Any, column: str | None) -> Listing[Any]:
    return Listing(model, sql, column)


def listing(model: type[ModelT], sql: Statements[ModelT], column: str | None = None) -> Listing[ModelT]:
    """The listing's statements, built at their first use."""
    return _built(cast(Hashable, model), sql, column)
