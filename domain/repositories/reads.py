"""Reading: one row, listings, counts and streams."""

from collections.abc import Iterator, Sequence

from sqlalchemy import inspect
from sqlalchemy.orm import QueryableAttribute

from ..errors import ArgumentError, NotFoundError
from ..models import Entity
from .page import checked_limit, checked_offset
from .pages import Pages, Where, narrowed
from .statements import FAR, KEY, LIMIT, OFFSET, ModelT


class Reads(Pages[ModelT]):
    """Deleted rows stay out unless ``include_deleted`` asks for them; unknown and foreign ids are not found."""

    def get(self, entity_id: int, /, *, include_deleted: bool = False, org_id: int | None = None) -> ModelT | None:
        """The row with this id, or None."""
        statement = self._sql.get if include_deleted else self._sql.get_live
        return self.session.exec(statement, params={**self._scope(org_id), KEY: entity_id}).one_or_none()

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
        statement = self._sql.slice if include_deleted else self._sql.slice_live
        if offset >= FAR and not (where or include_deleted):
            statement = self._sql.far_live
        params = {LIMIT: checked_limit(limit), OFFSET: checked_offset(offset), **self._scope(org_id)}
        return self.session.exec(narrowed(statement, *where), params=params).all()

    def count(self, *where: Where, include_deleted: bool = False, org_id: int | None = None) -> int:
        """How many rows meet every condition."""
        if not where:
            total = self._sql.total if include_deleted else self._sql.total_live
            return self.session.scalar(total, params=self._scope(org_id)) or 0
        statement = self._sql.count if include_deleted else self._sql.count_live
        return self.session.exec(narrowed(statement, *where), params=self._scope(org_id)).one()

    def exists(self, *where: Where, include_deleted: bool = False, org_id: int | None = None) -> bool:
        """Whether any row meets every condition."""
        statement = self._sql.exists if include_deleted else self._sql.exists_live
        return self.session.exec(narrowed(statement, *where), params=self._scope(org_id)).first() is not None

    def stream(self, *where: Where, batch_size: int = 500, org_id: int | None = None) -> Iterator[ModelT]:
        """Every row that meets the conditions, newest first, ``batch_size`` rows in memory at a time."""
        if batch_size < 1:
            raise ArgumentError(f"batch_size must be 1 or more, not {batch_size}")
        statement = narrowed(self._sql.newest_live, *where)
        options = {"yield_per": batch_size}
        return iter(self.session.exec(statement, params=self._scope(org_id), execution_options=options))


def relationship_of(model: type[Entity], name: str) -> QueryableAttribute[object]:
    """A relationship as loader options take it; its class attribute is typed as the related object."""
    attribute: QueryableAttribute[object] = inspect(model).attrs[name].class_attribute
    return attribute
