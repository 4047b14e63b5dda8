"""What else goes through a tenant session: scoped where that is certain, refused where it is not.

The repositories' own statements carry their organization and are marked as trusted; everything else is looked at
here. What goes round the session (``Database.engine``) is left to row level security.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sqlalchemy import CompoundSelect, Delete, Executable, Insert, Select, TextClause, Update, event, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapper, ORMExecuteState, UOWTransaction, with_loader_criteria
from sqlalchemy.orm.util import LoaderCriteriaOption
from sqlalchemy.sql.annotation import Annotated
from sqlalchemy.sql.elements import ColumnClause
from sqlalchemy.sql.selectable import FromClause, TableClause, TextualSelect
from sqlalchemy.sql.visitors import HasTraverseInternals

from ..errors import ArgumentError, TenantRequiredError, TenantScopeError, UnguardedStatementError
from ..models import Organization, TenantEntity
from ..models.base import REGISTRY
from ..models.policies import SLUG_SETTING, policies
from ..models.tables import TENANT
from .sessions import TRUSTED, TenantSession


@event.listens_for(TenantSession, "do_orm_execute")
def _check_statement(state: ORMExecuteState) -> None:
    session = state.session
    assert isinstance(session, TenantSession)
    # A column load reads an object again by its primary key; the session holds its own organization's only.
    if session.unguarded_sql or state.is_column_load:
        return
    trusted = bool(state.execution_options.get(TRUSTED)) or state.is_relationship_load
    if not session.is_bound:
        if not trusted:
            _refuse_unbound(state.statement)
        return
    organization_id = session.organization_id
    if not trusted:
        _refuse_unscopable(state, organization_id)
    if isinstance(state.statement, Insert):
        _check_insert(state.statement, state.parameters, organization_id, trusted=trusted)
    elif isinstance(state.statement, Select | CompoundSelect | Update | Delete):
        # A trusted statement names its models at the top; in others any part may be a subquery.
        mappers = tuple((trusted and state.all_mappers) or REGISTRY.mappers)
        state.statement = state.statement.options(*_criteria(organization_id, mappers))


@event.listens_for(TenantSession, "before_attach")
def _check_attach(session: TenantSession, entity: object) -> None:
    if session.is_bound and isinstance(entity, TenantEntity):
        _own(session, entity)


@event.listens_for(TenantSession, "before_flush")
def _check_flush(session: TenantSession, _context: UOWTransaction, _objects: object) -> None:
    """Fill in the organization of new objects; raise before a statement is sent for another's."""
    if sum(isinstance(entity, Organization) for entity in session.new) > 1:
        raise ArgumentError("add one organization at a time: row level security admits each by its slug")
    for entity in (*session.new, *session.dirty, *session.deleted):
        if isinstance(entity, TenantEntity):
            if vars(entity).get(TENANT) is None and inspect(entity).identity is None:
                entity.organization_id = session.organization_id
            _own(session, entity)
        elif isinstance(entity, Organization):
            _own_organization(session, entity)


def _own(session: TenantSession, entity: TenantEntity) -> None:
    stored = inspect(entity).identity  # a row's own key, whatever was assigned since: (organization_id, id)
    for named in (vars(entity).get(TENANT), stored and stored[0]):
        if named is not None and named != session.organization_id:
            raise TenantScopeError(bound=session.organization_id, asked=named)


def _own_organization(session: TenantSession, organization: Organization) -> None:
    stored = inspect(organization).identity
    if stored is None:
        session.announce(SLUG_SETTING, organization.slug)
    elif stored[0] != session.organization_id:
        raise TenantScopeError(bound=session.organization_id, asked=stored[0])


def _refuse_unbound(statement: Executable) -> None:
    for part in _parts(statement, orm=True):
        if isinstance(part, TableClause) and _is_scoped_table(part):
            raise TenantRequiredError(part.description)


def _refuse_unscopable(state: ORMExecuteState, organization_id: int) -> None:
    """Raise for what loader criteria don't reach: they know model classes only."""
    statement = state.statement
    if isinstance(statement, postgresql.Insert | sqlite.Insert):
        raise UnguardedStatementError("a database's own insert(), as for on_conflict")
    if isinstance(statement, Insert) and (statement.select is not None or statement._multi_values):
        raise UnguardedStatementError("insert() from select or with many values (give the rows as parameters)")
    if isinstance(statement, Update):
        if isinstance(state.parameters, list):
            raise UnguardedStatementError("update() with a list of rows")
        if TENANT in _assigned(statement):
            raise TenantScopeError(bound=organization_id, asked=None)
    for part in _parts(statement, orm=False):
        if isinstance(part, TableClause) and _is_scoped_table(part):
            raise UnguardedStatementError(f"the table {part.description!r}, not its model class")


def _check_insert(statement: Insert, parameters: Any, organization_id: int, *, trusted: bool) -> None:
    """Raise unless every row names the session's organization."""
    if not _is_scoped_table(statement.table):
        return
    if TENANT not in statement.table.c:
        if not trusted:
            raise UnguardedStatementError(f"insert() into {statement.table.description}")
        return
    written = {column: getattr(value, "value", value) for column, value in _assigned(statement).items()}
    rows: list[dict[str, Any]] = parameters if isinstance(parameters, list) else [parameters or {}]
    for row in rows:
        owner = {**written, **row}.get(TENANT)
        if owner != organization_id:
            raise TenantScopeError(bound=organization_id, asked=owner)


def _assigned(statement: Insert | Update) -> dict[str, Any]:
    """What a statement's VALUES or SET gives each column."""
    return {getattr(column, "key", str(column)): value for column, value in (statement._values or {}).items()}


def _is_scoped_table(table: TableClause) -> bool:
    known = REGISTRY.metadata.tables.get(table.name)
    return known is not None and bool(policies(known))


def _parts(statement: Executable, *, orm: bool) -> Iterator[Any]:
    """A statement's parts; without ``orm``, those that the ORM did not name. Raises for text, which hides them."""
    waiting: list[Any] = [statement]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, TextClause | TextualSelect) or (
            isinstance(part, ColumnClause) and part.is_literal and part.name != "*"
        ):
            raise UnguardedStatementError("text")
        named_by_orm = isinstance(part, Annotated)
        if named_by_orm and isinstance(part, FromClause) and not orm:
            continue
        yield part
        if isinstance(part, ColumnClause) and part.table is not None and (orm or not named_by_orm):
            waiting.append(part.table)
        # Select's own get_children() derives FROMs from its columns and loses who named them.
        waiting.extend(HasTraverseInternals.get_children(part) if isinstance(part, Select) else part.get_children())


@lru_cache(maxsize=4096)
def _criteria(organization_id: int, mappers: tuple[Mapper[Any], ...]) -> tuple[LoaderCriteriaOption, ...]:
    """One condition a class: on a mixin they would fail."""
    return tuple(_criterion(mapper.class_, organization_id) for mapper in mappers if _is_scoped(mapper.class_))


def _is_scoped(model: type[Any]) -> bool:
    return issubclass(model, TenantEntity | Organization)


def _criterion(model: type[Any], organization_id: int) -> LoaderCriteriaOption:
    column = model.id if model is Organization else model.organization_id
    return with_loader_criteria(model, column == organization_id, include_aliases=True)
