"""The audit trail, to read."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select

from ...errors import TenantRequiredError
from ..model import DomainModel
from ..model.tables import of_organization
from ..records import AuditAction, AuditEntry
from ..session import DomainSession, TenantSession, own
from .cursor import Page, Place, keyset_page


class AuditRepository:
    """The audit trail of one organization's rows. Nothing here writes: the database's triggers do."""

    model = AuditEntry

    def __init__(self, session: DomainSession) -> None:
        self.session = session

    def page(
        self,
        *,
        entity: type[DomainModel] | str | None = None,
        row_id: int | None = None,
        actor: str | None = None,
        action: AuditAction | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        org_id: int | None = None,
    ) -> Page[AuditEntry]:
        """A page of the entries that meet every condition, newest first, like a repository's.

        ``entity`` is a model or its table's name; ``since`` and ``until`` include their moment. An index serves
        ``entity`` with ``row_id``; the other conditions scan from the newest entry on.

        Raises:
            ArgumentError: as in a repository's ``page``.
            TenantRequiredError: the session is bound to no organization, and none is named.
            TenantScopeError: it is bound to another one.
        """
        organization = self._organization(org_id)
        table = entity if entity is None or isinstance(entity, str) else str(entity.__tablename__)
        equal = {"entity": table, "row_id": row_id, "actor": actor, "action": action}
        entries = AuditEntry.__table__.c
        conditions = [entries[name] == value for name, value in equal.items() if value is not None]
        conditions += [] if since is None else [entries.recorded_at >= since]
        conditions += [] if until is None else [entries.recorded_at <= until]
        entry_id = col(AuditEntry.id)
        statement = select(AuditEntry).where(of_organization(AuditEntry, organization), *conditions)

        def read(place: Place | None, is_before: bool, rows: int) -> Sequence[AuditEntry]:
            beyond = [] if place is None else [entry_id > place[1] if is_before else entry_id < place[1]]
            found = statement.where(*beyond).order_by(entry_id if is_before else entry_id.desc()).limit(rows)
            return self.session.exec(own(found)).all()

        name = AuditEntry.__tablename__
        return keyset_page(name, read, lambda entry: (entry.recorded_at, entry.id), after, before, limit)

    def _organization(self, org_id: int | None) -> int:
        session = self.session
        if not isinstance(session, TenantSession):
            raise TenantRequiredError("AuditEntry in a system session (see as_organization)")
        return session.organization_id if org_id is None else session.bind_organization(org_id)
