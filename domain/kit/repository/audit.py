"""The audit trail, to read."""

from datetime import datetime

from ..model import DomainModel
from ..records import AuditAction, AuditEntry
from .ledger import LedgerRepository
from .page import Page


class AuditRepository(LedgerRepository[AuditEntry]):
    """The audit trail of one organization's rows. Nothing here writes: the database's triggers do."""

    model = AuditEntry

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
        with_total: bool = False,
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
        table = entity if entity is None or isinstance(entity, str) else str(entity.__tablename__)
        equal = {"entity": table, "row_id": row_id, "actor": actor, "action": action}
        entries = AuditEntry.__table__.c
        conditions = [entries[name] == value for name, value in equal.items() if value is not None]
        conditions += [] if since is None else [entries.recorded_at >= since]
        conditions += [] if until is None else [entries.recorded_at <= until]
        return self._page(conditions, after=after, before=before, limit=limit, with_total=with_total, org_id=org_id)
