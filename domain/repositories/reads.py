"""Reading: one row, listings, counts and streams."""

from collections.abc import Iterator, Sequence

from sqlalchemy import inspect
from sqlalchemy.orm import QueryableAttribute

from ..errors import ArgumentError, NotFoundError
from ..models import Entity
from .core import Params
from .listing import MOMENT, PLACE, listing
from .page import checked_limit, checked_offset
from .pages import Pages, Where, narrowed
from .statements import KEY, LIMIT, OFFSET, ModelT


class Reads(Pages[ModelT]):
    """Deleted rows stay out unless ``include_deleted`` asks for them; unknown and foreign ids are not found."""

    def get(self, entity_id: int, /, *, include_deleted: bool = False, org_id: int | None = None) -> ModelT | None:
        """The row with this id, or None."""
        statement = self._sql.get if include_deleted else self._sql.get_live
        return self.session.exec(statement, params={**self._parameters(org_id), KEY: entity_id}).one_or_none()

    def require(self, entity_id: int, /, *, include_deleted: bool = False, org_id: int | None = None) -> ModelT:
        """The row with this id. Raises NotFoundError."""
        entity = self.get(entity_id, include_deleted=include_deleted, org_id=org_id)
        if entity is None:
            raise NotFoundError(self.model, entity_id)
        return entity

    def find(
        self,
        *where: Where,
        limit: int = 50,
        offset: int = 0,
        include_deleted: bool = False,
        org_id: int | None = None,
    ) -> Sequence[ModelT]:
        """Rows that meet every condition, newest first. ``limit``: 1 to 200. Raises ArgumentError."""
        statement = self._sql.slice if include_deleted else listing(self.model, self._sql).slice
        params = {LIMIT: checked_limit(limit), OFFSET: checked_offset(offset), **self._parameters(org_id)}
        return self.session.exec(narrowed(statement, *where), params=params).all()

    def count(self, *where: Where, include_deleted: bool = False, org_id: int | None = None) -> int:
        """How many rows meet every condition."""
        if not where:
            total = self._sql.total if include_deleted else listing(self.model, self._sql).total
            return self.session.scalar(total, params=self._parameters(org_id)) or 0
        statement = self._sql.count if include_deleted else listing(self.model, self._sql).count
        return self.session.exec(narrowed(statement, *where), params=self._parameters(org_id)).one()

    def exists(self, *where: Where, include_deleted: bool = False, org_id: int | None = None) -> bool:
        """Whether any row meets every condition."""
        statement = self._sql.exists if include_deleted else self._sql.exists_live
        return self.session.exec(narrowed(statement, *where), params=self._parameters(org_id)).first() is not None

    def stream(self, *where: Where, batch_size: int = 500, org_id: int | None = None) -> Iterator[ModelT]:
        """Every row that meets the conditions, newest first, ``batch_size`` rows in memory at a time.

        Each batch is a page of its own, so that commits and rollbacks in between are as harmless as between pages.
        """
        if batch_size < 1:
            raise ArgumentError(f"batch_size must be 1 or more, not {batch_size}")
        return self._batches(where, {LIMIT: batch_size, **self._parameters(org_id)}, batch_size)

    def _batches(self, where: Sequence[Where], params: Params, size: int) -> Iterator[ModelT]:
        listed = listing(self.model, self._sql)
        rows = self.session.exec(narrowed(listed.first, *where), params=params).all()
        while rows:
            place = {MOMENT: rows[-1].created_at, PLACE: rows[-1].id}  # now: the caller may do anything to the row
            yield from rows
            if len(rows) < size:
                return
            rows = self.session.exec(narrowed(listed.after, *where), params=params | place).all()


def relationship_of(model: type[Entity], name: str) -> QueryableAttribute[object]:
    """A relationship as loader options take it; its class attribute is typed as the related object."""
    attribute: QueryableAttribute[object] = inspect(model).attrs[name].class_attribute
    return attribute
