"""Pages by keyset, in either direction."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import ColumnExpressionArgument
from sqlmodel.sql.expression import SelectOfScalar

from .core import Params, RepositoryCore
from .listing import MOMENT, PLACE, VALUE, Listing, listing
from .page import Page, Place, checked_limit, checked_offset, keyset_page
from .statements import LIMIT, OFFSET, ModelT

RowT = TypeVar("RowT")
Where = ColumnExpressionArgument[bool] | bool


class Pages(RepositoryCore[ModelT]):
    """A cursor is a place between rows, not a row: it stays good when the row beside it is deleted."""

    def page(
        self,
        *where: Where,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        with_total: bool = False,
        org_id: int | None = None,
    ) -> Page[ModelT]:
        """A page by keyset, newest first: no gaps and nothing twice while rows are added and deleted.

        The first page, or the one ``after`` a page's ``next_cursor``, or the one ``before`` its ``previous_cursor``.

        Raises:
            ArgumentError: ``limit`` is outside 1..200, both cursors are given, or one is not of this model's pages.
        """
        listed = listing(self.model, self._sql)
        return self._page(listed, {}, *where, after=after, before=before, limit=limit, total=with_total, org_id=org_id)

    def _one_with(self, column: str, value: object, *, org_id: int | None) -> ModelT | None:
        """The newest live row that has the value in the column, or None."""
        params: Params = {VALUE: value, LIMIT: 1, **self._parameters(org_id)}
        return self.session.exec(listing(self.model, self._sql, column).first, params=params).one_or_none()

    def _all_with(self, column: str, value: object, *, limit: int, offset: int, org_id: int | None) -> Sequence[ModelT]:
        """A slice of the live rows that have the value in the column, newest first."""
        params: Params = {VALUE: value, LIMIT: checked_limit(limit), OFFSET: checked_offset(offset)}
        statement = listing(self.model, self._sql, column).slice
        return self.session.exec(statement, params={**params, **self._parameters(org_id)}).all()

    def _page(
        self,
        listed: Listing[ModelT],
        values: Params,
        *where: Where,
        after: str | None,
        before: str | None,
        limit: int,
        total: bool,
        org_id: int | None,
    ) -> Page[ModelT]:
        params: Params = {**values, **self._parameters(org_id)}

        def read(place: Place | None, is_before: bool, rows: int) -> Sequence[ModelT]:
            statement = listed.first if place is None else listed.before if is_before else listed.after
            places = {} if place is None else dict(zip((MOMENT, PLACE), place, strict=True))
            return self.session.exec(narrowed(statement, *where), params={**params, **places, LIMIT: rows}).all()

        name = self._sql.table.name
        page = keyset_page(name, read, lambda row: (row.created_at, row.id), after, before, limit)
        if total:
            counted = narrowed(listed.count, *where) if where else listed.total
            page.total = self.session.exec(counted, params=params).one()
        return page


def narrowed(statement: SelectOfScalar[RowT], *where: Where) -> SelectOfScalar[RowT]:
    """The statement with a caller's conditions, which may hold anything: it is no repository's any more."""
    return statement.where(*where) if where else statement
