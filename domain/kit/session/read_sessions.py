"""Sessions that only read, perhaps from a standby."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, TypeVarTuple, overload

from sqlalchemy import ScalarResult
from sqlalchemy.engine.result import TupleResult
from sqlmodel.sql.expression import Select, SelectOfScalar

from .sessions import DomainSession
from .tenant_sessions import TenantSession

ValueT = TypeVar("ValueT")
ColumnTs = TypeVarTuple("ColumnTs")


class ReadSession:
    """A session of one organization for reading: by the reading methods of repositories, and by ``select``.

    ``TenantHandle.read_session`` opens it. What would write or lock raises ReadOnlySessionError.
    """

    def __init__(self, session: TenantSession) -> None:
        self._session = session

    @property
    def organization_id(self) -> int:
        """The organization that the session is bound to."""
        return self._session.organization_id

    @overload
    def exec(
        self, statement: Select[*ColumnTs], *, params: Mapping[str, object] | None = None
    ) -> TupleResult[tuple[*ColumnTs]]: ...
    @overload
    def exec(
        self, statement: SelectOfScalar[ValueT], *, params: Mapping[str, object] | None = None
    ) -> ScalarResult[ValueT]: ...
    def exec(self, statement: Any, *, params: Mapping[str, object] | None = None) -> Any:
        """Run a ``select`` over the model classes."""
        session: Any = self._session
        return session.exec(statement, params=params)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"a read session has no {name!r}: it only reads; what writes goes to tenant.session()")


def underlying(session: DomainSession | ReadSession) -> DomainSession:
    """The session itself, which a repository uses."""
    if isinstance(session, ReadSession):
        return session._session  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its own module's
    return session
