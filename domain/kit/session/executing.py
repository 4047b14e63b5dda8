"""Execution for an organization's session: its id is filled in, and compared with those that are named."""

# mypy: disable-error-code="no-untyped-call"
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (Most of what is overridden has no types.)

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

from sqlalchemy import Connection, Engine
from sqlalchemy.engine.default import DefaultExecutionContext

from ...errors import HardDeletionError, TenantRequiredError, TenantScopeError, UnguardedStatementError
from .reading_compiler import SESSION_ORGANIZATION
from .writing_compiler import OrganizationCompiler

if TYPE_CHECKING:
    from .tenant_sessions import TenantSession

_SESSION = "domain_session"  # execution option of a connection, while it is a session's
_DIALECT = "domain_organization_dialect"


class OrganizationContext(DefaultExecutionContext):
    """Mixed into the execution context of each engine's dialect."""

    @classmethod
    def _init_compiled(
        cls,
        dialect: Any,
        connection: Any,
        dbapi_connection: Any,
        execution_options: Any,
        compiled: Any,
        parameters: Sequence[Any],
        *args: Any,
        **options: Any,
    ) -> Any:
        if SESSION_ORGANIZATION.key in compiled.binds:
            organization_id = session_of(connection).bound_organization_id
            parameters = [{**row, SESSION_ORGANIZATION.key: organization_id} for row in parameters or [{}]]
        make = super()._init_compiled
        return make(dialect, connection, dbapi_connection, execution_options, compiled, parameters, *args, **options)

    def pre_exec(self) -> None:
        super().pre_exec()
        if isinstance(self.compiled, OrganizationCompiler):
            if self.compiled.is_for_organization:
                self._hold_to_organization(self.compiled)
            if self.compiled.removed is not None:
                raise HardDeletionError(self.compiled.removed)

    def _hold_to_organization(self, compiled: OrganizationCompiler) -> None:
        session = session_of(self.root_connection)
        if compiled.hidden is not None and not session.unguarded_sql:
            raise UnguardedStatementError(compiled.hidden)
        organization_id = session.bound_organization_id
        if compiled.reached is None:
            return
        if organization_id is None:
            raise TenantRequiredError(compiled.reached)
        if compiled.moves:
            raise TenantScopeError(bound=organization_id, asked=None)
        for names in compiled.compared:
            for row in self.compiled_parameters:
                if not any(row[name] == organization_id for name in names):
                    raise TenantScopeError(bound=organization_id, asked=row[names[0]])


def scope_engine(engine: Engine) -> None:
    """Have the engine's dialect compile and execute statements of sessions for their organization."""
    dialect: Any = engine.dialect
    for name, mixed in (("statement_compiler", OrganizationCompiler), ("execution_ctx_cls", OrganizationContext)):
        base = getattr(dialect, name)
        setattr(dialect, name, type(base.__name__, (mixed, base), {}))


def use_for(connection: Connection, session: "TenantSession | None") -> None:
    """Scope what the connection sends from now on to the session's organization, or to none."""
    dialect: Any = connection.engine.dialect
    connection.dialect = dialect if session is None else dialect_for_organizations(dialect)
    connection.execution_options(**{_SESSION: session and ref(session)})


def session_of(connection: Connection) -> "TenantSession":
    """The organization's session that uses the connection."""
    session: TenantSession | None = connection.get_execution_options()[_SESSION]()
    assert session is not None
    return session


def is_read_only(connection: Connection | None) -> bool:
    """True if a session that only reads uses the connection."""
    session: Any = connection and connection.get_execution_options().get(_SESSION)
    return session is not None and session().reads_only


def dialect_for_organizations(dialect: Any) -> Any:
    """The dialect's twin, which shares its state: SQLAlchemy caches by the dialect, so that the two never mix."""
    twin = vars(dialect).get(_DIALECT)
    if twin is None:
        kind: Any = type(
            type(dialect).__name__, (type(dialect),), {"for_organization": True, "supports_statement_cache": True}
        )
        twin = object.__new__(kind)
        twin.__dict__ = vars(dialect)
        setattr(dialect, _DIALECT, twin)
    return twin
