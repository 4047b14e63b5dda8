"""Pages by keyset, in either direction."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import ColumnExpressionArgument
from sqlmodel.sql.expression import SelectOfScalar

from ..errors import ArgumentError
from ..tenancy import READS, TRUSTED
from .core import Params, RepositoryCore
from .listing import MOMENT, PLACE, VALUE, Listing, listing
from .page import ID_MAX, Page, checked_limit, checked_offset, decode_cursor, encode_cursor
from .statements import LIMIT, OFFSET, ModelT

RowT = TypeVar("RowT")
Where = ColumnExpressionArgument[bool] | bool
_ANYWHERE = (datetime.max.replace(tzinfo=UTC), 0)


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
        if after is not None and before is not None:
            raise ArgumentError("a page is either after a cursor or before one: give one of the two")
        params: Params = {**values, **self._parameters(org_id)}
        pages: Params = {LIMIT: checked_limit(limit) + 1}
        table = self._sql.table.name
        cursor, statement = after, listed.after
        if cursor is None:
            cursor, statement = before, listed.before
        moment, entity_id = _ANYWHERE
        if cursor is None:
            statement = listed.first
        else:
            moment, entity_id = pages[MOMENT], pages[PLACE] = decode_cursor(table, cursor)
        rows = self.session.exec(narrowed(statement, *where), params={**params, **pages}).all()
        items = list(rows[:limit]) if before is None else [*reversed(rows[:limit])]
        # Beyond a page that is empty nothing lies; the way back begins with the row at the cursor.
        newest, oldest = (moment, max(entity_id - 1, -ID_MAX)), (moment, min(entity_id + 1, ID_MAX))
        if items:
            newest, oldest = (items[0].created_at, items[0].id), (items[-1].created_at, items[-1].id)
        more = len(rows) > limit
        is_older, is_newer = (before is not None) or more, more if before is not None else after is not None
        counted = narrowed(listed.count, *where) if where else listed.total
        count = self.session.exec(counted, params=params).one() if total else None
        return Page(
            items=items,
            next_cursor=encode_cursor(table, *oldest) if is_older else None,
            previous_cursor=encode_cursor(table, *newest) if is_newer else None,
            total=count,
        )


def narrowed(statement: SelectOfScalar[RowT], *where: Where) -> SelectOfScalar[RowT]:
    """The statement with a caller's conditions; they may hold anything, so the session's guard looks at it."""
    return statement.where(*where).execution_options(**{TRUSTED: False, READS: False}) if where else statement
