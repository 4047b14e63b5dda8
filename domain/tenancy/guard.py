"""What else goes through a tenant session: scoped where that is certain, refused where it is not.

The repositories' own statements carry their organization and are marked as trusted; everything else is looked at
here. What goes round the session (``Database.engine``) is left to row level security.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import (
    BigInteger,
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    ColumnElement,
    CompoundSelect,
    Delete,
    Executable,
    Insert,
    Select,
    Update,
    and_,
    bindparam,
    event,
    inspect,
)
from sqlalchemy.orm import Mapper, ORMExecuteState, UOWTransaction, with_loader_criteria
from sqlalchemy.orm.util import LoaderCriteriaOption
from sqlalchemy.sql import operators

from ..errors import ArgumentError, TenantScopeError
from ..models import AuditEntry, Organization, OwnedByOrganization
from ..models.base import REGISTRY
from ..models.scope import SLUG_SETTING
from ..models.tables import ORGANIZATION_ID, of_organization
from .inspection import WRITES_TRAIL, check_insert, refuse_unbound, refuse_unscopable, refuse_writing_trail
from .liveness import deletable, keep_rows, wants_live
from .options import ADMITS_DELETED, TRUSTED
from .sessions import SystemSession, TenantSession

StatementT = TypeVar("StatementT", bound=Executable)
_Condition: TypeAlias = Callable[[Any], ColumnElement[bool]]

_ORGANIZATION = "guarded_organization_id"
_GUARDED = "domain_guarded"  # execution option of an UPDATE or DELETE that was looked at
# By id(): the statement, kept so that the id stays its own, what is executed in its place, and the parameter.
_PREBUILT: dict[int, tuple[Executable, Executable, str]] = {}


def prebuilt(statement: StatementT, model: type[object], *, parameter: str | None = None) -> StatementT:
    """A repository's statement that is executed as it is: the guard holds it to the session's organization once.

    Where the statement compares the organization with a parameter itself, the guard checks the parameter's value: a
    second condition that says the same would double the time of planning. Otherwise it adds a condition of its own.
    ``parameter`` is that of a statement whose parts each compare the organization with it.
    """
    if _is_scoped(model):
        parameter = parameter or _organization_parameter(statement, model)
        guarded: Any = statement
        if parameter is None:
            parameter = _ORGANIZATION
            guarded = guarded.where(_of_organization(model, _ORGANIZATION))
        _PREBUILT[id(statement)] = (statement, guarded, parameter)
    return statement


def _organization_parameter(statement: Any, model: type[object]) -> str | None:
    """The parameter that the organization of every row of the statement has to equal, if there is one."""
    where: Any = statement.whereclause if _is_of(model, statement) else None
    is_all = isinstance(where, BooleanClauseList) and where.operator is operators.and_
    for condition in where.clauses if is_all else [where]:
        if isinstance(condition, BinaryExpression) and isinstance(condition.right, BindParameter):
            parameter: str = condition.right.key
            if condition.compare(_of_organization(model, parameter)):
                return parameter
    return None


def _of_organization(model: type[Any], parameter: str) -> ColumnElement[bool]:
    return of_organization(model.__table__, bindparam(parameter, type_=BigInteger()))


def _is_of(model: type[object], statement: object) -> bool:
    froms: Any = isinstance(statement, Select) and statement.get_final_froms()
    return isinstance(statement, Update) or bool(froms == [inspect(model).local_table])


@event.listens_for(TenantSession, "do_orm_execute")
def _check_statement(state: ORMExecuteState) -> None:
    session = state.session
    assert isinstance(session, TenantSession)
    prebuilt = _PREBUILT.get(id(state.statement))
    if prebuilt is not None and session.is_bound and isinstance(state.parameters, dict):
        _, state.statement, parameter = prebuilt
        organization_id = session.organization_id
        if state.parameters.setdefault(parameter, organization_id) != organization_id:
            raise TenantScopeError(bound=organization_id, asked=state.parameters[parameter])
        return
    # A column load reads an object again by its primary key; the session holds its own organization's only.
    if state.is_column_load:
        return
    options = state.execution_options
    trusted = bool(options.get(TRUSTED) or options.get(_GUARDED)) or state.is_relationship_load
    if session.unguarded_sql or not session.is_bound:
        if not (session.unguarded_sql or trusted):
            refuse_unbound(state.statement)
        keep_rows(state)
        _leave_out_deleted(state)
        return
    organization_id = session.organization_id
    refuse_writing_trail(state.statement)
    if not trusted:
        refuse_unscopable(state, organization_id)
        if not options.get(ADMITS_DELETED):
            session.refuse_deleted()
    keep_rows(state)
    statement: Any = state.statement
    if isinstance(statement, Insert):
        check_insert(statement, state.parameters, organization_id, trusted=trusted)
    elif isinstance(statement, Select | CompoundSelect | Update | Delete):
        # A trusted statement names its models at the top; in others any part may be a subquery.
        mappers = tuple((trusted and state.all_mappers) or REGISTRY.mappers)
        state.statement = statement.options(*_criteria(organization_id, mappers, live=wants_live(state)))
        if isinstance(statement, Update | Delete):
            # The ORM asks which objects it holds of the rows, by a SELECT that names the table.
            state.update_execution_options(**{_GUARDED: True})


@event.listens_for(SystemSession, "do_orm_execute")
def _check_system_statement(state: ORMExecuteState) -> None:
    if not state.is_column_load:
        keep_rows(state)
        _leave_out_deleted(state)


def _leave_out_deleted(state: ORMExecuteState) -> None:
    """Of every organization, in a session that the guard does not scope."""
    statement: Any = state.statement
    if isinstance(statement, Select | CompoundSelect | Update | Delete) and wants_live(state):
        state.statement = statement.options(*_criteria(None, tuple(REGISTRY.mappers), live=True))


@event.listens_for(TenantSession, "before_attach")
def _check_attach(session: TenantSession, entity: object) -> None:
    if session.is_bound and isinstance(entity, OwnedByOrganization):
        _refuse_foreign(session, entity)


@event.listens_for(TenantSession, "before_flush")
def _check_flush(session: TenantSession, _context: UOWTransaction, _objects: object) -> None:
    """Fill in the organization of new objects; raise before a statement is sent for another's."""
    if sum(isinstance(entity, Organization) for entity in session.new) > 1:
        raise ArgumentError("add one organization at a time: row level security admits each by its slug")
    for entity in (*session.new, *session.dirty, *session.deleted):
        if isinstance(entity, AuditEntry):
            raise ArgumentError(WRITES_TRAIL)
        if isinstance(entity, OwnedByOrganization):
            if vars(entity).get(ORGANIZATION_ID) is None and inspect(entity).identity is None:
                entity.organization_id = session.organization_id
            _refuse_foreign(session, entity)
        elif isinstance(entity, Organization):
            _check_organization(session, entity)


def _refuse_foreign(session: TenantSession, entity: OwnedByOrganization) -> None:
    stored = inspect(entity).identity  # a row's own key, whatever was assigned since: (organization_id, id)
    for named in (vars(entity).get(ORGANIZATION_ID), stored and stored[0]):
        if named is not None and named != session.organization_id:
            raise TenantScopeError(bound=session.organization_id, asked=named)


def _check_organization(session: TenantSession, organization: Organization) -> None:
    stored = inspect(organization).identity
    if stored is None:
        session.announce(SLUG_SETTING, organization.slug)
    elif stored[0] != session.organization_id:
        raise TenantScopeError(bound=session.organization_id, asked=stored[0])


@lru_cache(maxsize=4096)
def _criteria(
    organization_id: int | None, mappers: tuple[Mapper[Any], ...], *, live: bool
) -> tuple[LoaderCriteriaOption, ...]:
    """One condition a class: on a mixin they would fail. Without an organization: of every one."""
    found = (_criterion(mapper, organization_id, live=live and deletable(mapper)) for mapper in mappers)
    return tuple(option for option in found if option is not None)


def _is_scoped(model: type[object]) -> bool:
    return issubclass(model, OwnedByOrganization | Organization)


def _criterion(mapper: Mapper[Any], organization: int | None, *, live: bool) -> LoaderCriteriaOption | None:
    model: type[Any] = mapper.class_
    condition = _condition(model, organization if _is_scoped(model) else None, live=live)
    return None if condition is None else with_loader_criteria(model, condition, include_aliases=True)


def _condition(
    model: type[Any], organization: int | None, *, live: bool
) -> Callable[[Any], ColumnElement[bool]] | None:
    # Functions of the class: a finished condition is not adapted to an alias in JOIN ... ON, and holds nothing there.
    if organization is None:
        return (lambda cls: ~cls.is_deleted) if live else None
    if model is Organization:
        if live:
            return lambda cls: and_(cls.id == organization, ~cls.is_deleted)
        return lambda cls: cls.id == organization
    if live:
        return lambda cls: and_(cls.organization_id == organization, ~cls.is_deleted)
    return lambda cls: cls.organization_id == organization
