"""Keys and indexes of a table, and its organization column."""

import re
from itertools import count
from typing import Any

from pydantic.fields import FieldInfo
from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Computed,
    Float,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    text,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler

from ..private import number_by
from .checks import add_checks
from .graph import ON_DELETE

ORGANIZATION_ID = "organization_id"
ORGANIZATIONS = "organizations"
"""The table of the organizations themselves: an application's own, with an ``id`` and ``is_deleted``."""
# As each database renders ``~is_deleted`` in a query: a partial index serves only its own predicate.
LIVE = text("NOT is_deleted")
LIVE_SQLITE = text("is_deleted = 0")


AWAITED: dict[tuple[str, str], list[Column[Any]]] = {}
"""Columns of ``tenant_key`` whose target is not defined yet, by its module and its name."""

_DECLARED = count()
RANK = "_rank"


def complete_table(table: Table, fields: dict[str, FieldInfo], *, module: str, name: str) -> None:
    """Add CHECKs from the fields, and composite keys for ``tenant_key``, those that waited for this class included."""
    add_checks(table, fields)
    for column in table.c:
        if column.name in fields and fields[column.name].exclude:
            column.info = {**column.info, "secret": True}
        if column.info.get("looked_up"):
            _add_lookup(column, table)
    if is_tenant_table(table):
        # For the order of its columns: in a key that SQLAlchemy makes itself the generated column comes first.
        table.append_constraint(PrimaryKeyConstraint(table.c[ORGANIZATION_ID], table.c.id))
        # SQLAlchemy sees no autoincrement in a part of a composite key, and would send one INSERT a row.
        number_by(table.c.id)
    for key in table.foreign_key_constraints:
        if table.info.get("goes_with_organization") and key.column_keys == [ORGANIZATION_ID]:
            key.info[ON_DELETE] = "cascade"
        elif (
            ORGANIZATION_ID in key.column_keys and len(key.column_keys) > 1
        ):  # written by hand, as tenant_key writes it
            is_optional = any(column.nullable for column in key.columns)
            key.info.setdefault(ON_DELETE, "set_null" if is_optional else "cascade")
    for column in list(table.c):
        target: Any = column.info.get("tenant_key")
        if target == name:
            _add_tenant_key(column, table)
        elif isinstance(target, str):
            AWAITED.setdefault((module, target), []).append(column)
        elif target is not None:
            _add_tenant_key(column, target.__table__)
    for column in AWAITED.pop((module, name), ()):
        _add_tenant_key(column, table)


def refuse_awaited() -> None:
    """Raise TypeError where a ``tenant_key`` names a class that was never defined."""
    for (module, name), columns in AWAITED.items():
        raise TypeError(f"{columns[0]}: tenant_key({name!r}) names no table class of {module}; define it, or import it")


def is_tenant_table(table: Table) -> bool:
    """True if rows of this table belong to an organization."""
    return ORGANIZATION_ID in table.c


def is_organization(entity: object) -> bool:
    """True for the organizations' class, and for an object of it."""
    return getattr(entity, "__tablename__", None) == ORGANIZATIONS


def organization_column(table: Table) -> Column[int] | None:
    """The column of the organization (of organizations, their id); None where rows belong to none."""
    return table.c.get("id" if table.name == ORGANIZATIONS else ORGANIZATION_ID)


def of_organization(rows: Table | type[Any], organization: int | BindParameter[int] | None) -> ColumnElement[bool]:
    """The condition that rows are the organization's; always true where it is None, or rows belong to none."""
    column: Any = organization_column(rows if isinstance(rows, Table) else rows.__table__)
    if column is None or organization is None:
        return true()
    equal: ColumnElement[bool] = (column if isinstance(rows, Table) else getattr(rows, column.key)) == organization
    return equal


def live_unique(*columns: str, across_organizations: bool = False) -> Index:
    """Unique among live rows of an organization; for ``__table_args__``. Create, upsert and restore understand it."""
    return _live_unique(columns, *(columns if across_organizations else (ORGANIZATION_ID, *columns)))


def _live_unique(names: tuple[str, ...], *key: str | Column[Any]) -> Index:
    return Index(
        None,
        *key,
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE_SQLITE,
        info={"live_unique": names, "declared": next(_DECLARED)},
    )


def live_unique_indexes(table: Table) -> list[Index]:
    """The table's ``live_unique`` indexes in the order of their declaration: the first is the natural key."""
    return sorted((i for i in table.indexes if "live_unique" in i.info), key=lambda index: index.info["declared"])


def live_index(*columns: str) -> Index:
    """An index over an organization's live rows; for ``__table_args__``."""
    return Index(None, ORGANIZATION_ID, *columns, postgresql_where=LIVE, sqlite_where=LIVE_SQLITE)


def rank_column(of: str) -> Column[float]:
    """A stored float by which rows are ordered by an amount, for ``__table_args__``, where an index has it::

        rank_column("amount"), live_index("amount_rank", "id")

    Behind a policy PostgreSQL uses no index of NUMERIC for a comparison. Amounts that differ beyond the 15th digit
    count as equal, and stand in the order of their ids.
    """
    info = {"unmapped": True, "managed": True, "audited": False, "by_library": True}
    return Column(f"{of}{RANK}", Float(), Computed(f"CAST({of} AS FLOAT)", persisted=True), info=info)


def lookup_setting(table: str, column: str) -> str:
    """The setting that holds the value by which ``find_by_secret`` looks a row up."""
    return "app.find_" + re.sub(r"\W", "_", f"{table}_{column}", flags=re.ASCII)


def _add_lookup(column: Column[Any], table: Table) -> None:
    _live_unique((column.name,), column)
    lookups = {**table.info.get("lookups", {}), column.name: lookup_setting(table.name, column.name)}
    table.info.update(lookups=lookups, goes_with_organization=True)


def _add_tenant_key(column: Column[Any], target: Table) -> None:
    table: Table = column.table
    pairs = [table.c[ORGANIZATION_ID], column], [target.c[ORGANIZATION_ID], target.c.id]
    usual = "set_null" if column.nullable and target is not table else "cascade"
    table.append_constraint(ForeignKeyConstraint(*pairs, info={ON_DELETE: column.info[ON_DELETE] or usual}))
    Index(None, table.c[ORGANIZATION_ID], column)


@compiles(PrimaryKeyConstraint, "sqlite")
def _sqlite_primary_key(constraint: PrimaryKeyConstraint, compiler: DDLCompiler, **options: Any) -> str:
    # SQLite generates ids for a single-column key only; the pair stays unique for composite foreign keys. A purged
    # row's id is not given out again, as it is not on PostgreSQL: the audit trail and others' links still name it.
    names = [column.name for column in constraint.columns]
    key = "PRIMARY KEY (id AUTOINCREMENT)" if "deletion_id" in constraint.table.c else "PRIMARY KEY (id)"
    if names == [ORGANIZATION_ID, "id"]:
        return f"{key}, UNIQUE ({ORGANIZATION_ID}, id)"
    return key if names == ["id"] else compiler.visit_primary_key_constraint(constraint, **options)
