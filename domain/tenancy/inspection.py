"""Looking into a statement: what it reads, what it writes, and what can't be seen."""

from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import CompoundSelect, Delete, Executable, Insert, Select, TextClause, Update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.sql import operators
from sqlalchemy.sql.annotation import Annotated
from sqlalchemy.sql.elements import BinaryExpression, ColumnClause
from sqlalchemy.sql.selectable import FromClause, TableClause, TextualSelect
from sqlalchemy.sql.visitors import HasTraverseInternals

from ..errors import ArgumentError, TenantRequiredError, TenantScopeError, UnguardedStatementError
from ..models import AuditEntry
from ..models.base import REGISTRY
from ..models.tables import ORGANIZATION_ID, organization_column
from ..private import conflict_of, many_values_of, orm_attributes_of, values_of

WRITES_TRAIL = "the audit trail is written by its own triggers alone"


def refuse_writing_trail(statement: Executable) -> None:
    """Raise for a statement that would write entries of the audit trail."""
    if isinstance(statement, Insert | Update | Delete) and statement.table.description == AuditEntry.__tablename__:
        raise ArgumentError(WRITES_TRAIL)


def refuse_unbound(statement: Executable) -> None:
    """Raise TenantRequiredError where a statement reaches tenant data."""
    for part in _parts(statement, orm=True):
        if isinstance(part, TableClause) and _is_scoped(part.description):
            raise TenantRequiredError(part.description)
    _refuse_opaque(statement)


def refuse_unscopable(state: ORMExecuteState, organization_id: int) -> None:
    """Raise for what loader criteria don't reach: they know model classes only."""
    statement, parameters = state.statement, state.parameters
    if isinstance(statement, postgresql.Insert | sqlite.Insert):
        raise UnguardedStatementError("a database's own insert(), as for on_conflict")
    if isinstance(statement, Insert) and (statement.select is not None or many_values_of(statement)):
        raise UnguardedStatementError("insert() from select or with many values (give the rows as parameters)")
    if isinstance(statement, Update):
        if isinstance(parameters, list):
            raise UnguardedStatementError("update() with a list of rows")
        if ORGANIZATION_ID in assigned(statement) or ORGANIZATION_ID in (parameters or {}):
            raise TenantScopeError(bound=organization_id, asked=None)
    for part in _parts(statement, orm=False):
        if isinstance(part, TableClause) and _is_scoped(part.description):
            raise UnguardedStatementError(f"the table {part.description!r}, not its model class")
        if isinstance(part, Select) and not _is_of_orm(cast(Select[Any], part)):
            for table in cast(Select[Any], part).get_final_froms():
                if isinstance(table, TableClause) and _is_scoped(table.description):
                    what = f"exists().where(a & b) over {table.description!r}"
                    raise UnguardedStatementError(f"{what} (write exists(select(Model.id).where(...)))")
    _refuse_opaque(statement)


def _is_of_orm(part: Select[Any]) -> bool:
    """Whether loader criteria apply: not to a SELECT that names a class only inside an AND or OR of its WHERE."""
    return bool(orm_attributes_of(part).get("compile_state_plugin") == "orm")


def _refuse_opaque(statement: Executable) -> None:
    """Raise for what criteria can't be added to: from_statement(), lambda_stmt(), a function."""
    if not isinstance(statement, Select | CompoundSelect | Insert | Update | Delete):
        raise UnguardedStatementError(f"a {type(statement).__name__}")


def check_insert(statement: Insert, parameters: Any, organization_id: int, *, trusted: bool) -> None:
    """Raise unless every row names the session's organization, and so does what an upsert may change."""
    table = statement.table.description
    if not _is_scoped(table):
        return
    _check_conflict(statement, organization_id)
    if ORGANIZATION_ID not in statement.table.c:
        if not trusted:
            raise UnguardedStatementError(f"insert() into {table}")
        return
    if isinstance(source := statement.select, Select):  # of many rows, which all get the one that it names
        named: Any = source.selected_columns.get(ORGANIZATION_ID)
        bound: Any = getattr(named, "element", named)
        organization = getattr(bound, "value", None)
        if organization is None and isinstance(parameters, dict):  # a statement that was built once
            organization = cast(dict[str, Any], parameters).get(getattr(bound, "key", ""))
        if organization != organization_id:
            raise TenantScopeError(bound=organization_id, asked=organization)
        return
    written = {column: getattr(value, "value", value) for column, value in assigned(statement).items()}
    rows = cast(list[dict[str, Any]], parameters if isinstance(parameters, list) else [parameters or {}])
    for row in rows:
        organization = {**written, **row}.get(ORGANIZATION_ID)
        if organization != organization_id:
            raise TenantScopeError(bound=organization_id, asked=organization)


def _check_conflict(statement: Insert, organization_id: int) -> None:
    """Raise for an upsert that could take over a row: its key may be unique across organizations."""
    conflict = conflict_of(statement)
    if conflict is None or ORGANIZATION_ID in (conflict.inferred_target_elements or ()):
        return
    column = ORGANIZATION_ID if ORGANIZATION_ID in statement.table.c else "id"
    where: Any = getattr(conflict, "update_whereclause", None)
    compared = isinstance(where, BinaryExpression) and where.operator is operators.eq and where.left.key == column
    if not compared or where.right.value != organization_id:
        raise UnguardedStatementError(f"an upsert of {statement.table.description} that does not compare its {column}")


def assigned(statement: Insert | Update) -> dict[str, Any]:
    """What a statement's VALUES or SET gives each column."""
    values: dict[Any, Any] = dict(values_of(statement) or {})
    return {getattr(column, "key", str(column)): value for column, value in values.items()}


def _is_scoped(table: str) -> bool:
    known = REGISTRY.metadata.tables.get(table)
    return known is not None and organization_column(known) is not None


def _parts(statement: Executable, *, orm: bool) -> Iterator[Any]:
    """A statement's parts; without ``orm``, those that the ORM did not name. Raises for text, which hides them."""
    waiting: list[Any] = [statement]
    seen: dict[int, Any] = {}  # keeps them alive: the id of one that is gone may be another's
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        if _is_text(part):
            raise UnguardedStatementError("text")
        named_by_orm = isinstance(part, Annotated)
        if named_by_orm and isinstance(part, FromClause) and not orm:
            continue
        yield part
        if isinstance(part, ColumnClause) and part.table is not None and (orm or not named_by_orm):
            waiting.append(part.table)
        waiting.extend(_children(part))


def _children(part: Any) -> Any:
    # Select's own get_children() derives FROMs from its columns, and loses who named them.
    own = isinstance(part, Select)
    return HasTraverseInternals.get_children(cast(Any, part)) if own else part.get_children()


def _is_text(part: Any) -> bool:
    literal = isinstance(part, ColumnClause) and part.is_literal and part.name != "*"
    return (literal and not part.name.isdecimal()) or isinstance(part, TextClause | TextualSelect)
