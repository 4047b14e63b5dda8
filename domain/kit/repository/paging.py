"""Listings: slices, and pages by keyset. A cursor is a place between rows, and outlives the row beside it."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ColumnExpressionArgument
from sqlmodel.sql.expression import SelectOfScalar

from .cursor import Page, Place, checked_limit, checked_offset, keyset_page
from .listing import MOMENT, PLACE, VALUE, listing
from .scope import Params, Scope
from .statements import LIMIT, OFFSET, ModelT

RowT = TypeVar("RowT")
Where = ColumnExpressionArgument[bool] | bool


def narrowed(statement: SelectOfScalar[RowT], *where: Where) -> SelectOfScalar[RowT]:
    """The statement with a caller's conditions: they may hold anything, so it is not trusted any more."""
    return statement.where(*where) if where else statement


def newest_with(scope: Scope[ModelT], column: str, value: object, *, org_id: int | None) -> ModelT | None:
    """The newest live row that has the value in the column, or None."""
    params = {VALUE: value, LIMIT: 1, **scope.parameters(org_id)}
    return scope.session.exec(listing(scope.model, scope.sql, column).first, params=params).one_or_none()


def slice_with(
    scope: Scope[ModelT], column: str, value: object, *, limit: int, offset: int, org_id: int | None
) -> Sequence[ModelT]:
    """A slice of the live rows that have the value in the column, newest first."""
    params: Params = {VALUE: value, LIMIT: checked_limit(limit), OFFSET: checked_offset(offset)}
    statement = listing(scope.model, scope.sql, column).slice
    return scope.session.exec(statement, params={**params, **scope.parameters(org_id)}).all()


def page(
    scope: Scope[ModelT],
    *where: Where,
    column: str | None = None,
    value: object = None,
    after: str | None,
    before: str | None,
    limit: int,
    with_total: bool,
    org_id: int | None,
) -> Page[ModelT]:
    """A page of the live rows, newest first; with ``column`` of those that have the value in it."""
    listed = listing(scope.model, scope.sql, column)
    params: Params = {**({} if column is None else {VALUE: value}), **scope.parameters(org_id)}

    def read(place: Place | None, is_before: bool, rows: int) -> Sequence[ModelT]:
        statement = listed.first if place is None else listed.before if is_before else listed.after
        places = {} if place is None else dict(zip((MOMENT, PLACE), place, strict=True))
        return scope.session.exec(narrowed(statement, *where), params={**params, **places, LIMIT: rows}).all()

    found = keyset_page(scope.sql.table.name, read, lambda row: (row.created_at, row.id), after, before, limit)
    if with_total:
        counted = narrowed(listed.count, *where) if where else listed.total
        found.total = scope.session.exec(counted, params=params).one()
    return found


def batches(scope: Scope[ModelT], where: Sequence[Where], size: int, params: Params) -> Iterator[ModelT]:
    """Every live row that meets the conditions, newest first, read in pages of ``size``."""
    listed = listing(scope.model, scope.sql)
    rows = scope.session.exec(narrowed(listed.first, *where), params={**params, LIMIT: size}).all()
    while rows:
        place = {MOMENT: rows[-1].created_at, PLACE: rows[-1].id}  # now: the caller may do anything to the row
        yield from rows
        if len(rows) < size:
            return
        rows = scope.session.exec(narrowed(listed.after, *where), params={**params, **place, LIMIT: size}).all()
