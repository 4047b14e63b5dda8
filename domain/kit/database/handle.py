"""``TenantHandle``: one organization's way to the database, which a request can hold without holding a connection."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, TypeVar

from ..session import ReadSession, TenantSession
from .arguments import Names

if TYPE_CHECKING:
    from .database import Database

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, kw_only=True)
class TenantHandle:
    """Made by ``Database.tenant``. Two are equal if database, organization and names are the same."""

    database: "Database" = field(repr=False)
    organization_id: int
    actor: str | None = None
    request_id: str | None = None

    def session(self) -> AbstractContextManager[TenantSession]:
        """Open a session for the organization: it commits on success, rolls back on error, and closes."""
        return self.database.get_session(organization_id=self.organization_id, **self._names)

    def read_session(self) -> AbstractContextManager[ReadSession]:
        """Open a session that only reads, from a standby where one has caught up; see ``Database.read_session``."""
        return self.database.read_session(organization_id=self.organization_id, **self._names)

    def run(self, unit: Callable[[TenantSession], ResultT], *, attempts: int = 3) -> ResultT:
        """Run a unit of work as ``Database.run`` does."""
        return self.database.run(unit, organization_id=self.organization_id, attempts=attempts, **self._names)

    async def arun(self, unit: Callable[[TenantSession], ResultT], *, attempts: int = 3) -> ResultT:
        """Run a unit of work in a thread as ``Database.arun`` does."""
        return await self.database.arun(unit, organization_id=self.organization_id, attempts=attempts, **self._names)

    @property
    def _names(self) -> Names:
        return {"actor": self.actor, "request_id": self.request_id}

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a TenantHandle is not pickled: send its organization_id, actor and request_id, and call"
            " get_db().tenant(...) in the other process"
        )
