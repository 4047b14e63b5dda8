"""The guard of a session: it refuses, fills in the organization before a flush, and instructs the compiler.

What goes round the session (``Database.engine``) is left to the database itself.
"""

from typing import Any

from sqlalchemy import CompoundSelect, Delete, Insert, Select, Update, event, inspect
from sqlalchemy.orm import ORMExecuteState, UOWTransaction

from ...errors import HardDeletionError, MisuseError, TenantScopeError, UnguardedStatementError
from ..model import Entity, OwnedByOrganization
from ..model.tables import ORGANIZATION_ID, ORGANIZATIONS, is_organization
from ..records import AuditEntry
from .options import ADMITS_DELETED, INCLUDE_DELETED, PURGING, Marked, Wanted, own_options
from .reading_compiler import known_table
from .refused_writes import APPEND_ONLY, WRITES_TRAIL, assigned, raise_version, refuse_managed_columns
from .sessions import DomainSession
from .tenant_sessions import TenantSession


@event.listens_for(DomainSession, "do_orm_execute", propagate=True)
def _mark_statement(state: ORMExecuteState) -> None:
    statement: Any = state.statement
    given: Any = state.parameters or ()
    carried = own_options(statement)
    if carried is not None:
        state.update_execution_options(**carried)
        return
    session, options = state.session, state.execution_options
    is_loading = state.is_column_load or state.is_relationship_load
    if isinstance(session, TenantSession):
        if not session.unguarded_sql:
            _refuse(session, statement, given)
        if session.is_bound and not is_loading and not options.get(ADMITS_DELETED):
            session.refuse_deleted()
    if not isinstance(statement, Select | CompoundSelect | Insert | Update | Delete):
        return
    if isinstance(statement, Insert | Update) and (table := known_table(statement.table)) is not None:
        refuse_managed_columns(statement, table, state.parameters)
        if isinstance(statement, Update) and not isinstance(state.parameters, list):
            statement = raise_version(statement, table)
    itself = frozenset(table.name for table in _tables(state)) if state.is_column_load else frozenset[str]()
    is_live = not (options.get(INCLUDE_DELETED) or options.get(PURGING))
    state.statement = statement.options(Marked(Wanted(is_live, itself, bool(options.get(PURGING)))))


def _tables(state: ORMExecuteState) -> Any:
    return () if state.bind_mapper is None else state.bind_mapper.tables


def _refuse(session: TenantSession, statement: Any, parameters: Any) -> None:
    """Raise for what can't be scoped for certain."""
    if not isinstance(statement, Select | CompoundSelect | Insert | Update | Delete):
        raise UnguardedStatementError(f"a {type(statement).__name__}")
    if isinstance(statement, Update):
        if isinstance(parameters, list):
            raise UnguardedStatementError("update() with a list of rows (upsert_many, or one update() with conditions)")
        if ORGANIZATION_ID in {*assigned(statement), *parameters}:
            raise TenantScopeError(bound=session.bound_organization_id or 0, asked=None)
    if isinstance(statement, Insert) and statement.table.name == ORGANIZATIONS:
        raise UnguardedStatementError(f"insert() into {statement.table.name}")


@event.listens_for(TenantSession, "before_attach")
def _check_attach(session: TenantSession, entity: object) -> None:
    if session.is_bound and isinstance(entity, OwnedByOrganization):
        _refuse_foreign(session, entity)


@event.listens_for(TenantSession, "before_flush")
def _check_flush(session: TenantSession, _context: UOWTransaction, _objects: object) -> None:
    """Fill in the organization of new objects; raise before a statement is sent for another's."""
    if sum(map(is_organization, session.new)) > 1:
        raise MisuseError("add one organization at a time: row level security admits each by a value of its own")
    for entity in (*session.new, *session.dirty, *session.deleted):
        if isinstance(entity, AuditEntry):
            raise MisuseError(WRITES_TRAIL)
        if isinstance(entity, OwnedByOrganization):
            if vars(entity).get(ORGANIZATION_ID) is None and inspect(entity).identity is None:
                entity.organization_id = session.organization_id
            _refuse_foreign(session, entity)
        elif is_organization(entity):
            _check_organization(session, entity)


def _refuse_foreign(session: TenantSession, entity: OwnedByOrganization) -> None:
    stored = inspect(entity).identity  # a row's own key, whatever was assigned since: (organization_id, id)
    for named in (vars(entity).get(ORGANIZATION_ID), stored and stored[0]):
        if named is not None and named != session.organization_id:
            raise TenantScopeError(bound=session.organization_id, asked=named)


def _check_organization(session: TenantSession, organization: Any) -> None:
    stored = inspect(organization).identity
    if stored is None:
        for column, setting in organization.__table__.info["creations"].items():
            session.announce(setting, getattr(organization, column))
    elif stored[0] != session.organization_id:
        raise TenantScopeError(bound=session.organization_id, asked=stored[0])


@event.listens_for(DomainSession, "before_flush", propagate=True)
def _refuse_changes(session: DomainSession, _context: UOWTransaction, _objects: object) -> None:
    """Refuse what a cascade would delete (``session.delete`` refuses at once), and changes of what is written once."""
    for entity in session.deleted:
        if isinstance(entity, Entity):
            raise HardDeletionError(type(entity).__name__)
    for entity in (*session.dirty, *session.deleted):
        if inspect(entity).mapper.local_table.info.get("append_only"):
            raise MisuseError(f"{type(entity).__name__}: {APPEND_ONLY}")
