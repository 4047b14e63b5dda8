"""Rules for table classes, checked before SQLAlchemy knows the class: a refused one leaves no trace."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, cast

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnClause,
    ForeignKeyConstraint,
    Index,
    Table,
    UnaryExpression,
    UniqueConstraint,
)
from sqlmodel import AutoString

from ..private import unattached_of
from .graph import ON_DELETE
from .names import LONGEST
from .tables import ORGANIZATION_ID, ORGANIZATIONS, is_tenant_table

_BASES = f"{__package__}.entity"
_LINE = "write class Name(TenantEntity, table=True), or name the column otherwise, without a foreign key"

_Columns = dict[str, Column[Any]]
_Key = list[tuple[str, str]]  # each column, with the "table.column" that it refers to


def refuse(model: type[Any], tables: Collection[Table]) -> None:
    """Raise TypeError if a new table class breaks a rule beside these tables, with the line to write instead."""
    columns: _Columns = {name: value for name, value in vars(model).items() if isinstance(value, Column)}
    given: Any = model.__table_args__
    rules: tuple[Any, ...] = (cast(Any, given),) if isinstance(given, dict) else given
    _refuse_options(model, rules)
    _refuse_long_names(model, columns, rules)
    _refuse_expressions(model, rules)
    if "is_deleted" in columns:
        _refuse_unique(model, columns, rules)
    _refuse_tenant_keys(model, columns)
    _refuse_lookups(model, columns)
    if not model.__of_organization__:
        _refuse_organization(model, columns, rules)
    tenants = {table.fullname for table in tables if is_tenant_table(table)}
    if ORGANIZATION_ID in columns:
        tenants.add(model.__tablename__)
    for table in tables:  # one may have named this one before it was made
        _refuse_plain_keys(table.name, _keys({}, table.foreign_key_constraints), tenants)
    _refuse_plain_keys(model.__name__, _keys(columns, rules), tenants)


def refuse_derived(name: str, bases: Iterable[type[Any]]) -> None:
    """Raise TypeError for a table class that derives from another."""
    for base in bases:
        if hasattr(base, "__table__"):
            raise TypeError(
                f"{name}: a table derives from no other table ({base.__name__}); derive both from the groups of fields"
                f" that they share: class {base.__name__}Content(DomainModel), and class {name}({base.__name__}Content,"
                " TenantEntity, table=True)"
            )


def _refuse_lookups(model: type[Any], columns: _Columns) -> None:
    for name, column in columns.items():
        if column.info.get("looked_up") and not (model.__of_organization__ and isinstance(column.type, AutoString)):
            said = f"{model.__name__}.{name}: lookup_field is for a Text of a TenantEntity, such as a hash in hex"
            raise TypeError(said)


def _refuse_options(model: type[Any], rules: Iterable[object]) -> None:
    if any(isinstance(rule, dict) and "schema" in rule for rule in rules):
        raise TypeError(
            f"{model.__name__}: a table has no schema of its own, since policies and triggers hold one; leave 'schema'"
            " out of __table_args__, and name the schema in the login's search_path"
        )
    own = next((kind for kind in model.__mro__ if "__mapper_args__" in vars(kind)), model)
    if own.__module__ != _BASES and "__mapper_args__" in vars(own):
        raise TypeError(
            f"{own.__name__}.__mapper_args__: they are the library's, which checks versions by them; leave them out"
            " (instead of inheritance in one table, write a table for each kind)"
        )


def _refuse_expressions(model: type[Any], rules: Iterable[object]) -> None:
    """No migration that is made on SQLite, or rebuilds a table there, has an index over an expression."""
    for index in (rule for rule in rules if isinstance(rule, Index)):
        for part in index.expressions:
            named: object = part.element if isinstance(part, UnaryExpression) else part  # of its desc()
            if not isinstance(named, str | ColumnClause) or getattr(named, "is_literal", False):
                raise TypeError(
                    f"{model.__name__}: migrations on SQLite leave out an index over an expression ({part}); index a"
                    " column instead, as of Field(default=None, sa_column_args=[Computed(...)])"
                )


def _refuse_unique(model: type[Any], columns: _Columns, rules: Iterable[object]) -> None:
    """Refuse what is unique over all rows, other organizations' and deleted ones included."""
    fields: list[tuple[str, ...]] = [(name,) for name, column in columns.items() if column.unique]
    for rule in rules:
        is_index = isinstance(rule, Index) and rule.unique and "live_unique" not in rule.info
        if is_index or isinstance(rule, UniqueConstraint):
            fields.append(tuple(str(getattr(name, "key", name)) for name in unattached_of(rule)))
    for names in fields:
        line = f"live_unique({', '.join(map(repr, (name for name in names if name != ORGANIZATION_ID)))})"
        raise TypeError(
            f"{model.__name__}.{', '.join(names)}: unique over all rows, those of other organizations and deleted ones"
            f" included; write {line} in __table_args__"
        )


def _refuse_long_names(model: type[Any], columns: _Columns, rules: Iterable[Any]) -> None:
    given = [rule.name for rule in rules if not isinstance(rule, CheckConstraint | dict)]  # a CHECK's is only a part
    for name in (model.__tablename__, *(column.name or key for key, column in columns.items()), *filter(None, given)):
        if len(name.encode()) > LONGEST:
            raise TypeError(f"{model.__name__}: PostgreSQL has names of up to {LONGEST} bytes; shorten {name!r}")


def _refuse_organization(model: type[Any], columns: _Columns, rules: Iterable[object]) -> None:
    """Refuse an organization column of the table's own: only a part of the scope would apply to it."""
    keys = [pair for key in _keys(columns, rules) for pair in key]
    for name in (name for name, target in keys if target.startswith(f"{ORGANIZATIONS}.")):
        raise TypeError(f"{model.__name__}.{name}: what refers to an organization derives from TenantEntity; {_LINE}")
    if ORGANIZATION_ID in columns:
        raise TypeError(f"{model.__name__}.{ORGANIZATION_ID}: derive from TenantEntity, which has it; {_LINE}")


def _refuse_tenant_keys(model: type[Any], columns: _Columns) -> None:
    targets = {name: column.info["tenant_key"] for name, column in columns.items() if "tenant_key" in column.info}
    for name, target in targets.items():
        table = getattr(target, "__table__", None)
        is_tenant = isinstance(target, str) or (table is not None and is_tenant_table(table))
        if ORGANIZATION_ID not in columns or not is_tenant:
            said = "tenant_key joins two tenant tables; derive both from TenantEntity"
            raise TypeError(f"{model.__name__}.{name}: {said}")
        if columns[name].info[ON_DELETE] == "set_null" and not columns[name].nullable:
            said = 'on_delete="set_null" empties it; write int | None, with default=None'
            raise TypeError(f"{model.__name__}.{name}: {said}")


def _refuse_plain_keys(child: str, keys: Iterable[_Key], tenants: Collection[str]) -> None:
    for key in keys:
        target = key[0][1].rpartition(".")[0]
        if target in tenants and (ORGANIZATION_ID, f"{target}.{ORGANIZATION_ID}") not in key:
            name = next((own for own, named in key if own != named.rpartition(".")[2]), key[-1][0])
            raise TypeError(
                f"{child}.{name}: a plain foreign key to {target!r} can point at another organization's row;"
                f" write {name}: int = tenant_key(...) with the model of {target!r}"
            )


def _keys(columns: _Columns, rules: Iterable[object]) -> Iterator[_Key]:
    for name, column in columns.items():
        yield from ([(name, key.target_fullname)] for key in column.foreign_keys)
    for rule in rules:
        if isinstance(rule, ForeignKeyConstraint):
            yield list(zip(rule.column_keys, (key.target_fullname for key in rule.elements), strict=True))
