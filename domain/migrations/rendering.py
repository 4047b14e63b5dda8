"""How a revision is written: self-contained, and alike whichever database it was generated on."""

from typing import Literal

import sqlalchemy as sa
from alembic.autogenerate import Rewriter
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from alembic.operations.ops import (
    AddColumnOp,
    CreateIndexOp,
    CreateTableOp,
    DowngradeOps,
    ModifyTableOps,
    OpContainer,
    UpgradeOps,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import SchemaItem
from sqlalchemy.sql.elements import conv
from sqlalchemy.types import TypeDecorator

from ..kit.model.clock import DatabaseTime
from ..kit.model.fields import BigId
from ..kit.model.tables import LIVE, LIVE_SQLITE, ORGANIZATION_ID
from ..kit.model.types import JSONOf, Money
from .changed_columns import filled, noted
from .checks import portable, rendered_check
from .imports import import_name
from .written_on_sqlite import marked

_JSONB = "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
# As databases show it, SQLite in brackets.
_TIMES = {str(DatabaseTime().compile(dialect=shown.dialect())) for shown in (postgresql, sqlite)}
_TWINS = {LIVE.text: LIVE_SQLITE.text, f"({LIVE.text})": LIVE_SQLITE.text, LIVE_SQLITE.text: LIVE.text}


def render_item(kind: str, item: object, context: AutogenContext) -> str | Literal[False]:
    """Alembic's ``render_item``: the text for a type, a default or a CHECK; False leaves it to Alembic."""
    match item:
        case sa.DefaultClause(arg=DatabaseTime()):
            return _time(context)
        case sa.DefaultClause(arg=sa.TextClause(text=sql)) if sql in _TIMES or sql[1:-1] in _TIMES:
            return _time(context)
        case sa.DefaultClause(arg=sa.TextClause(text=sql)):
            return f"sa.text({portable(sql)!r})"  # Alembic puts brackets around it on SQLite alone
        case sa.CheckConstraint():
            return rendered_check(item) or False
        case _ if kind == "type":
            rendered = _model_type(item) or _database_type(item)
            if rendered == _JSONB:
                context.imports.add("from sqlalchemy.dialects import postgresql")
            return rendered or False
        case _:
            return False


def _time(context: AutogenContext) -> str:
    import_name(context, "DatabaseTime")
    return "DatabaseTime()"


def _model_type(item: object) -> str | None:
    match item:
        case Money(precision=precision, scale=scale):
            return _money(precision, scale)
        case JSONOf(verbatim=verbatim):
            return "sa.JSON()" if verbatim else _JSONB
        case sa.Enum(native_enum=False, create_constraint=False, length=length):
            return f"sa.String(length={length})"
        case TypeDecorator(impl=impl) if type(impl).__module__ == "sqlalchemy.sql.sqltypes":
            return f"sa.{impl!r}"
        case _:
            return None


def _database_type(item: object) -> str | None:
    """The type on both databases for one that was read from either, as in downgrades."""
    match item:
        case postgresql.TIMESTAMP(timezone=timezone):
            return f"sa.DateTime(timezone={timezone})"
        case sa.DATETIME() | sqlite.DATETIME():
            return "sa.DateTime(timezone=True)"
        case postgresql.JSONB() | sqlite.JSON():
            return _JSONB
        case postgresql.JSON():
            return "sa.JSON()"
        case sa.NUMERIC(precision=int(precision), scale=int(scale)):
            return _money(precision, scale)
        case sa.BIGINT():
            return "sa.BigInteger().with_variant(sa.Integer(), 'sqlite')"
        case sa.DOUBLE_PRECISION():
            return "sa.Float()"
        case sa.UUID() | sa.CHAR(length=32):
            return "sa.Uuid()"
        case _:
            return None


def _money(precision: int, scale: int) -> str:
    return f"sa.Numeric(precision={precision}, scale={scale}).with_variant(sa.BigInteger(), 'sqlite')"


rewriter: Rewriter = Rewriter()


@rewriter.rewrites(CreateIndexOp)
def _for_both_databases(_context: MigrationContext, _revision: object, operation: CreateIndexOp) -> CreateIndexOp:
    # A partial index that was read from one database would be a full one on the other.
    for here, there in (("postgresql_where", "sqlite_where"), ("sqlite_where", "postgresql_where")):
        if here in operation.kw and there not in operation.kw:
            sql = str(operation.kw[here])
            operation.kw[there] = sa.text(_TWINS.get(sql, portable(sql)))
    return operation


@rewriter.rewrites(ModifyTableOps)
def _for_tables_with_rows(
    context: MigrationContext, _revision: object, operation: ModifyTableOps
) -> list[ModifyTableOps]:
    for change in operation.ops:
        if isinstance(change, AddColumnOp):
            _widen(change.column, context)
    return filled(operation)


@rewriter.rewrites(UpgradeOps)
@rewriter.rewrites(DowngradeOps)
def _with_notes(context: MigrationContext, _revision: object, operations: OpContainer) -> OpContainer:
    if context.dialect.name == "sqlite":
        marked(operations)
    operations.ops = list(noted(operations))
    return operations


@rewriter.rewrites(CreateTableOp)
def _as_models_say(context: MigrationContext, _revision: object, operation: CreateTableOp) -> CreateTableOp:
    if context.dialect.name == "sqlite":
        _restore_key(operation)
    for column in operation.columns:
        _widen(column, context)
        # As PostgreSQL shows an identity; SQLite refuses it in a composite key, and needs it nowhere.
        if isinstance(column, sa.Column) and column.autoincrement is True:
            column.autoincrement = "auto"
    return operation


def _restore_key(operation: CreateTableOp) -> None:
    """Write the key of an organization's table as its model has it: SQLite shows ``id``, and a unique pair."""
    key, items = [ORGANIZATION_ID, "id"], operation.columns
    if any(isinstance(item, sa.UniqueConstraint) and item.columns.keys() == key for item in items):
        primary = sa.PrimaryKeyConstraint(*key, name=conv(f"pk_{operation.table_name}"))
        rest = (item for item in items if not isinstance(item, sa.UniqueConstraint | sa.PrimaryKeyConstraint))
        operation.columns = [*rest, primary]
        for item in operation.columns:
            if isinstance(item, sa.Column) and item.name in key:
                item.primary_key = True
                item.server_default = sa.Identity() if item.name == "id" else None


def _widen(item: SchemaItem, context: MigrationContext) -> None:
    # SQLite shows INTEGER for ids and references, too, which PostgreSQL has as BIGINT.
    match item:
        case sa.Column(type=sa.INTEGER()) if context.dialect.name == "sqlite" and (
            item.primary_key or item.foreign_keys
        ):
            item.type = BigId
        case _:
            pass
