"""The statements of one model, built once and executed with parameters."""

from collections.abc import Hashable
from functools import cache
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import BigInteger, ColumnElement, Table, bindparam, func, insert, inspect, literal
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from ..model import Entity
from ..model.managed import managed_columns
from ..model.tables import ORGANIZATION_ID, is_organization, of_organization, organization_column
from ..session import ADMITS_DELETED, INCLUDE_DELETED, READS, own

ModelT = TypeVar("ModelT", bound=Entity)

ORGANIZATION = "scope_organization_id"
KEY = "key_id"
LIMIT, OFFSET = "slice_limit", "slice_offset"


class Statements(Generic[ModelT]):
    """Statements; ``scoped`` ones carry the organization; ``live`` ones, and listings, leave deleted rows out."""

    def __init__(self, model: type[ModelT], *, scoped: bool) -> None:
        self.table: Table = model.__table__
        self.is_scoped: bool = scoped and organization_column(self.table) is not None
        given = bindparam(ORGANIZATION, type_=BigInteger()) if self.is_scoped else None
        self.organization: ColumnElement[bool] = of_organization(model, given)
        # For statements on the table: on the class, through the ORM, they take half as long again.
        self.table_organization: ColumnElement[bool] = of_organization(self.table, given)
        self.managed: frozenset[str] = managed_columns(self.table) | {ORGANIZATION_ID}
        self.is_live: ColumnElement[bool] = ~col(model.is_deleted)
        self.by_key: ColumnElement[bool] = col(model.id) == bindparam(KEY, type_=BigInteger())
        order = (col(model.created_at).desc(), col(model.id).desc())
        self._options = options = {ADMITS_DELETED: is_organization(model)}
        # With a caller's condition a statement is not ``own`` any more, and deleted rows would be left out.
        with_deleted = {**options, INCLUDE_DELETED: True}
        every: SelectOfScalar[ModelT] = self.every(model).execution_options(**with_deleted)
        live: SelectOfScalar[ModelT] = self.every(model).where(self.is_live)
        count: SelectOfScalar[int] = select(func.count()).select_from(model).where(self.organization)
        total: SelectOfScalar[int] = select(func.count()).select_from(self.table).where(self.table_organization)
        # In the order of the primary key: without it PostgreSQL may scan the table for any row.
        one: SelectOfScalar[int] = select(literal(1)).select_from(model).where(self.organization)
        one = one.order_by(col(model.id)).limit(1)
        self.get: SelectOfScalar[ModelT] = every.where(self.by_key)
        self.get_live: SelectOfScalar[ModelT] = live.where(self.by_key)
        self.newest_live: SelectOfScalar[ModelT] = live.order_by(*order)
        self.count: SelectOfScalar[int] = count.execution_options(**with_deleted)
        # The same without a caller's conditions.
        self.total: SelectOfScalar[int] = total.execution_options(**options)
        self.exists: SelectOfScalar[int] = one.execution_options(**with_deleted)
        self.exists_live: SelectOfScalar[int] = one.where(self.is_live).execution_options(**options)
        self.insert: ReturningInsert[tuple[int]] = own(insert(self.table).returning(self.table.c.id))
        mapped = inspect(model).columns.items()
        columns = {name: column for name, column in mapped if name != "id" and self.table.c.contains_column(column)}
        self.attributes: dict[str, str] = {name: column.key for name, column in columns.items()}
        self.filled_in: frozenset[str] = frozenset(
            name for name, column in columns.items() if column.default is not None or column.server_default is not None
        )
        related = inspect(model).relationships.items()
        self.cascading: tuple[str, ...] = tuple(name for name, relation in related if not relation.viewonly)
        for statement in (self.get, self.get_live, self.count, self.total, self.exists, self.exists_live):
            own(statement, **{READS: True})

    def every(self, *what: Any, of_table: bool = False) -> Any:
        """A SELECT of this from the organization's rows; ``of_table``, past the ORM, of the table's columns."""
        build: Any = select
        organization = self.table_organization if of_table else self.organization
        return build(*what).where(organization).execution_options(**self._options)


@cache
def _built(model: Any, scoped: bool) -> Statements[Any]:
    return Statements(model, scoped=scoped)


def statements(model: type[ModelT], *, scoped: bool) -> Statements[ModelT]:
    """The model's statements, built at their first use."""
    return _built(cast(Hashable, model), scoped)
