"""What else goes through a tenant session: scoped where that is certain, refused where it is not.

The repositories' own statements carry their organization and are marked as trusted; everything else is looked at
here. What goes round the session (``Database.engine``) is left to row level security.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sqlalchemy import CompoundSelect, Delete, Executable, Insert, Select, TextClause, Update, event
from sqlalchemy.orm import ORMExecuteState, UOWTransaction, with_loader_criteria
from sqlalchemy.orm.util import LoaderCriteriaOption
from sqlalchemy.sql.annotation import Annotated
from sqlalchemy.sql.elements import ColumnClause
from sqlalchemy.sql.selectable import FromClause, TableClause, TextualSelect
from sqlalchemy.sql.visitors import HasTraverseInternals

from ..errors import TenantRequiredError, TenantScopeError, UnguardedStatementError
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
    if state.execution_options.get(TRUSTED) or state.is_column_load or session.unguarded_sql:
        return
    statement = state.statement
    if not session.is_bound:
        _refuse_unbound(statement)
        return
    if not state.is_relationship_load:  # its statement is SQLAlchemy's own, over the keys of a loaded object
        _refuse_unscopable(statement, session.organization_id)
    if state.is_update and isinstance(state.parameters, list):
        raise UnguardedStatementError("update() with a list of rows")
    if isinstance(statement, Select | CompoundSelect | Update | Delete):
        state.statement = statement.options(*_criteria(session.organization_id, len(REGISTRY.mappers)))


@event.listens_for(TenantSession, "before_attach")
def _check_attach(session: TenantSession, entity: object) -> None:
    if session.is_bound and isinstance(entity, TenantEntity):
        _own(session, entity)


@event.listens_for(TenantSession, "before_flush")
def _check_flush(session: TenantSession, _context: UOWTransaction, _objects: object) -> None:
    """Fill in the organization of new objects; raise before a statement is sent for another's."""
    for entity in (*session.new, *session.dirty, *session.deleted):
        if isinstance(entity, TenantEntity):
            if vars(entity).get(TENANT) is None:
                entity.organization_id = session.organization_id
            _own(session, entity)
        elif isinstance(entity, Organization):
            _check_organization(session, entity)


def _own(session: TenantSession, entity: TenantEntity) -> None:
    owner: int | None = vars(entity).get(TENANT)
    if owner is not None and owner != session.organization_id:
        raise TenantScopeError(bound=session.organization_id, asked=owner)


def _check_organization(session: TenantSession, organization: Organization) -> None:
    if organization in session.new:
        session.announce(SLUG_SETTING, organization.slug)
    elif organization.id != session.organization_id:
        raise TenantScopeError(bound=session.organization_id, asked=organization.id)


def _refuse_unbound(statement: Executable) -> None:
    for part in _parts(statement, orm=True):
        if isinstance(part, TableClause) and _is_scoped_table(part):
            raise TenantRequiredError(part.description)


def _refuse_unscopable(statement: Executable, organization_id: int) -> None:
    """Raise for what loader criteria don't reach: they know model classes only."""
    if isinstance(statement, Insert):
        raise UnguardedStatementError(f"insert() into {statement.table.description}")
    if isinstance(statement, Update) and TENANT in _assigned(statement):
        raise TenantScopeError(bound=organization_id, asked=None)
    for part in _parts(statement, orm=False):
        if isinstance(part, TableClause) and _is_scoped_table(part):
            raise UnguardedStatementError(f"the table {part.description!r}, not its model class")


def _is_scoped_table(table: TableClause) -> bool:
    known = REGISTRY.metadata.tables.get(table.name)
    return known is not None and bool(policies(known))


def _parts(statement: Executable, *, orm: bool) -> Iterator[Any]:
    """Every part of a statement; without ``orm``, but for what the ORM named. Raises for text, which hides its parts."""
    waiting: list[Any] = [statement]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, TextClause | TextualSelect) or (isinstance(part, ColumnClause) and part.is_literal and part.name != "*"):
            raise UnguardedStatementError("text")
        named_by_orm = isinstance(part, Annotated)
        if named_by_orm and isinstance(part, FromClause) and not orm:
            continue
        yield part
        if isinstance(part, ColumnClause) and part.table is not None and (orm or not named_by_orm):
            waiting.append(part.table)
        # Select's own get_children() derives FROMs from its columns and loses who named them.
        waiting.extend(HasTraverseInternals.get_children(part) if isinstance(part, Select) else part.get_children())


def _assigned(statement: Update) -> set[str]:
    """The columns that an UPDATE sets."""
    return {getattr(column, "key", str(column)) for column in statement._values or {}}


@lru_cache(maxsize=1024)
def _criteria(organization_id: int, _mappers: int) -> tuple[LoaderCriteriaOption, ...]:
    """One condition a class: on a mixin they would fail. Built anew when an application adds models."""
    return tuple(_criterion(mapper.class_, organization_id) for mapper in REGISTRY.mappers if _is_scoped(mapper.class_))


def _is_scoped(model: type[Any]) -> bool:
    return issubclass(model, TenantEntity | Organization)


def _criterion(model: type[Any], organization_id: int) -> LoaderCriteriaOption:
    column = model.id if model is Organization else model.organization_id
    return with_loader_criteria(model, column == organization_id, include_aliases=True)
