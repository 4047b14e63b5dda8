"""Sessions across organizations."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection

from ...errors import MisuseError
from ..schema.scope import ORGANIZATION_SETTING, SYSTEM_SETTING
from .executing import use_for
from .sessions import DomainSession
from .setting import set_local
from .tenant_sessions import TenantSession


class SystemSession(DomainSession):
    """A session across organizations; its opening is on record (see ``Database.system_session``)."""

    _is_lent = False  # to one organization

    def begun(self, connection: Connection) -> None:
        """Have the connection show every organization, too."""
        use_for(connection, None)
        if connection.dialect.name == "sqlite":  # which has no logins
            set_local(connection, SYSTEM_SETTING, 1)
        super().begun(connection)

    @contextmanager
    def as_organization(self, organization_id: int) -> Generator[TenantSession]:
        """A session bound to one organization, inside this one's transaction; an error undoes its part only.

        Until it ends PostgreSQL shows this session nothing else either. Raises MisuseError inside another's block.
        """
        if self._is_lent:
            raise MisuseError("as_organization(...) ends before the next one begins: one organization at a time")
        self.flush()
        session = TenantSession(
            self.connection(),
            organization_id=organization_id,
            actor=self.actor,
            request_id=self.request_id,
            admits_deleted=True,
            join_transaction_mode="create_savepoint",
        )
        session.deleting = self.deleting  # until the commit, which is this session's
        self._is_lent = True
        try:
            with session:
                yield session
                session.commit()
        finally:
            use_for(self.connection(), None)
            self._is_lent = False
            self._conceal(ORGANIZATION_SETTING)  # the rest of the transaction belongs to nobody
