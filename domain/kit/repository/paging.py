"""Listings: slices, and pages by keyset. A cursor is a place between rows, and outlives the row beside it."""

from collections.abc import Iterator, Sequence
from typing import Any, Generic

from pydantic import BaseModel

from .cursor import Place
from .filters import Where, conditions_of
from .listing import PLACE_ID, PLACE_VALUE, VALUE, Rows, listing
from .order import OrderBy, order_of
from .page import Page, checked_limit, checked_offset, keyset_page
from .schemas import schema_of
from .scope import Params, Scope
from .statements import LIMIT, OFFSET, ModelT


class Listed(Generic[ModelT]):
    """The rows that one call asks for."""

    def __init__(
        self,
        scope: Scope[ModelT],
        *where: Where,
        column: str | None = None,
        value: object = None,
        order_by: OrderBy | None = None,
        as_: type[BaseModel] | None = None,
        include_deleted: bool = False,
        org_id: int | None = None,
    ) -> None:
        self._session = scope.session
        self._schema = None if as_ is None else schema_of(scope.model, as_)
        self._sql = listing(
            scope.model,
            scope.sql,
            column,
            order=order_of(scope.model, order_by),
            schema=self._schema,
            include_deleted=include_deleted,
        )
        self._where = conditions_of(where)
        self._params: Params = {**({} if column is None else {VALUE: value}), **scope.parameters(org_id)}

    def slice(self, *, limit: int, offset: int) -> Sequence[Any]:
        """So many rows, from the offset on. Raises ArgumentError."""
        found: list[Any] = []
        checked_limit(limit)
        checked_offset(offset)
        for part in self._sql.parts:
            found += self._rows(part.slice, {LIMIT: limit - len(found), OFFSET: offset})
            if len(found) == limit or part is self._sql.parts[-1]:
                break
            offset = 0 if found else max(0, offset - self._one(part.total))
        return self._read(found)

    def page(self, *, after: str | None, before: str | None, limit: int, with_total: bool) -> Page[Any]:
        """A page. Raises as ``keyset_page``."""
        page = keyset_page(self._sql.cursors, self._beyond, self._sql.place_of, after, before, limit)
        page.items = list(self._read(page.items))
        if self._schema is not None:
            page = self._schema.page(page)
        if with_total:
            page.total = self.count()
        return page

    def batches(self, size: int) -> Iterator[Any]:
        """Every row, read in pages of ``size``."""
        rows = self._beyond(None, False, size)
        while rows:
            place = self._sql.place_of(rows[-1])  # now: the caller may do anything to the row
            yield from self._read(rows)
            rows = self._beyond(place, False, size) if len(rows) == size else []

    def count(self) -> int:
        """How many rows there are."""
        return self._one(self._sql.count if self._where else self._sql.total)

    def exists(self) -> bool:
        """True if there is a row."""
        session: Any = self._session
        return session.exec(self._narrowed(self._sql.exists), params=self._params).first() is not None

    def _beyond(self, place: Place | None, is_before: bool, rows: int) -> list[Any]:
        parts = self._sql.parts[::-1] if is_before else self._sql.parts
        found: list[Any] = []
        while place is not None and parts[0].is_empty is not (place[0] is None):
            parts = parts[1:]
        for part in parts:
            at = {} if place is None else {PLACE_VALUE: place[0], PLACE_ID: place[1]}
            found += self._rows(part.beyond(place, is_before=is_before), {LIMIT: rows - len(found), **at})
            if len(found) == rows:
                break
            place = None
        return found

    def _rows(self, statement: Rows, params: Params) -> Sequence[Any]:
        session: Any = self._session
        found: Sequence[Any] = session.exec(self._narrowed(statement), params={**self._params, **params}).all()
        return found

    def _one(self, statement: Any) -> int:
        return self._session.scalar(self._narrowed(statement), self._params) or 0

    def _narrowed(self, statement: Any) -> Any:
        return statement.where(*self._where) if self._where else statement

    def _read(self, rows: Sequence[Any]) -> Sequence[Any]:
        return rows if self._sql.read is None else [self._sql.read(row) for row in rows]


def newest_with(scope: Scope[ModelT], column: str, value: object, *, org_id: int | None) -> ModelT | None:
    """The newest live row that has the value in the column, or None."""
    found = Listed(scope, column=column, value=value, org_id=org_id).slice(limit=1, offset=0)
    return found[0] if found else None


def get(
    scope: Scope[Any], entity_id: int, as_: type[BaseModel] | None, *, include_deleted: bool, org_id: int | None
) -> Any:
    """The row, read as a schema if one is given; or None."""
    schema = None if as_ is None else schema_of(scope.model, as_)
    sql = listing(scope.model, scope.sql, schema=schema, include_deleted=include_deleted)
    session: Any = scope.session
    row = session.exec(sql.one, params=scope.row_parameters(entity_id, org_id)).one_or_none()
    return row if row is None or sql.read is None else sql.read(row)
