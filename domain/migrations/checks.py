"""CHECKs in autogenerate: by their names, and those made from a field's limits by what they say, too."""

import re
from decimal import Decimal
from itertools import chain

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import AddConstraintOp, CreateCheckConstraintOp, DropConstraintOp, ModifyTableOps
from alembic.util import PriorityDispatchResult
from sqlalchemy import URL, CheckConstraint, MetaData, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import conv

POSTGRESQL: Dialect = URL.create("postgresql+psycopg2").get_dialect()()
_SQLITE: Dialect = URL.create("sqlite").get_dialect()()

_TYPE = r"(?:character varying|double precision|timestamp with(?:out)? time zone|\w+)(?:\(\d+(?:,\d+)?\))?(?:\[\])?"
_QUOTED_NUMBER = re.compile(r"'(-?[\d.]+)'(?=::(?:integer|bigint|numeric|double precision))")
_TOKEN = re.compile(rf"(?P<string>'(?:[^']|'')*')|(?P<cast>::{_TYPE})|(?P<number>\b\d[\d.]*(?:e[+-]?\d+)?\b)")
_ANY = re.compile(r"= ANY \(ARRAY\[(.*?)\]\)")
_IN_ONE = re.compile(r"IN \(([^,()]*)\)")


class AddCheckOp(CreateCheckConstraintOp):
    """Adds a CHECK that says the same in other words on each database: SQLite holds amounts as scaled integers."""


def compare_checks(
    context: AutogenContext,
    operations: ModifyTableOps,
    schema: str | None,
    table_name: str,
    found: Table | None,
    wanted: Table | None,
) -> PriorityDispatchResult:
    """Alembic's comparison of a table: what is gone or says something else is dropped, then added as it should be."""
    if found is None or wanted is None:
        return PriorityDispatchResult.CONTINUE
    reflected = context.inspector.get_check_constraints(table_name, schema=schema)
    there = {str(check["name"]): portable(check["sqltext"]) for check in reflected if check["name"]}
    checks = {str(check.name): check for check in _checks_of(wanted) if check.name}
    changed = {
        name
        for name in there.keys() & checks.keys()
        if "field" in checks[name].info and there[name] != portable(_text(checks[name], context.dialect))
    }
    for name in sorted(there.keys() - checks.keys() | changed):
        gone = CheckConstraint(there[name], name=conv(name), table=found)
        operations.ops.append(DropConstraintOp.from_constraint(gone))
    # Copies: made into operations, the models' own would be added to the models' tables once more.
    copies = {str(check.name): check for check in _checks_of(wanted.to_metadata(MetaData()))}
    for name in sorted(checks.keys() - there.keys() | changed):
        operations.ops.append(_adding(copies[name]))
    return PriorityDispatchResult.CONTINUE


def rendered_check(check: CheckConstraint) -> str | None:
    """A CHECK in ``op.create_table`` whose words differ; None where they are the same."""
    condition = _condition(check)
    return condition and f"sa.CheckConstraint({condition}, name=op.f({str(check.name)!r}))"


@renderers.dispatch_for(AddCheckOp)
def _rendered_addition(_context: AutogenContext, operation: AddCheckOp) -> str:
    condition = _condition(operation.to_constraint())
    return f"batch_op.create_check_constraint(batch_op.f({str(operation.constraint_name)!r}), {condition})"


def _adding(check: CheckConstraint) -> CreateCheckConstraintOp | AddConstraintOp:
    return (AddCheckOp if _condition(check) else AddConstraintOp).from_constraint(check)


def _condition(check: CheckConstraint) -> str | None:
    on_postgresql, on_sqlite = _text(check, POSTGRESQL), _text(check, _SQLITE)
    if on_postgresql == on_sqlite:
        return None
    return f"{on_sqlite!r} if op.get_context().dialect.name == 'sqlite' else {on_postgresql!r}"


def _text(check: CheckConstraint, dialect: Dialect) -> str:
    options = {"literal_binds": True, "include_table": False}
    return str(check.sqltext.compile(dialect=dialect, compile_kwargs=options))


def _checks_of(table: Table) -> list[CheckConstraint]:
    rules = chain(table.constraints, *(column.constraints for column in table.c))
    return [rule for rule in rules if isinstance(rule, CheckConstraint)]


def portable(sql: str) -> str:
    """SQL as PostgreSQL shows it, in words that both databases understand.

    Without casts and arrays: ``status IN ('a', 'b')`` for ``status::text = ANY (ARRAY['a'::text, 'b'::text])``.
    """
    sql = _TOKEN.sub(_plain, _QUOTED_NUMBER.sub(r"\1", sql))
    return _IN_ONE.sub(r"= \1", _ANY.sub(r"IN (\1)", sql))


def _plain(token: re.Match[str]) -> str:
    if token["cast"]:
        return ""
    return f"{Decimal(token['number']).normalize():f}" if token["number"] else token[0]
