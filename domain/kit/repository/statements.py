"""The statements of one model, built once and executed with parameters."""

from collections.abc import Hashable
from functools import cache
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import BigInteger, ColumnElement, Table, bindparam, insert, inspect
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import col, select

from ..model import Entity
from ..model.managed import managed_columns
from ..model.tables import ORGANIZATION_ID, is_organization, of_organization, organization_column
from ..session import ADMITS_DELETED, own

ModelT = TypeVar("ModelT", bound=Entity)

ORGANIZATION = "scope_organization_id"
KEY = "key_id"
LIMIT, OFFSET = "slice_limit", "slice_offset"


class Statements(Generic[ModelT]):
    """The parts of a model's statements; ``scoped`` ones carry the organization."""

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
        self._options = {ADMITS_DELETED: is_organization(model)}
        self.insert: ReturningInsert[tuple[int]] = own(insert(self.table).returning(self.table.c.id))
        mapped = inspect(model).columns.items()
        columns = {name: column for name, column in mapped if name != "id" and self.table.c.contains_column(column)}
        self.attributes: dict[str, str] = {name: column.key for name, column in columns.items()}
        self.filled_in: frozenset[str] = frozenset(
            name for name, column in columns.items() if column.default is not None or column.server_default is not None
        )
        related = inspect(model).relationships.items()
        self.cascading: tuple[str, ...] = tuple(name for name, relation in related if not relation.viewonly)

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
