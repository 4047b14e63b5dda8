"""Erasing an organization at once, with a proof that nothing of it is left."""

from sqlalchemy import and_, func, select, update

from ..database import Database
from ..errors import LegalHoldError, NotFoundError, UnavailableError
from ..kit.model.fields import utcnow
from ..kit.model.tables import of_organization, organization_column
from ..kit.schema.known_tables import known_graph
from ..kit.session import SystemSession
from ..limits import BULK
from ..organizations.model import Organization
from ..organizations.repository import OrganizationRepository
from .batches import execute
from .planning import PurgePlan
from .purging import purge
from .schema import ORGANIZATIONS


def erase_organization(db: Database, *, organization_id: int, actor: str, reason: str) -> PurgePlan:
    """Remove an organization with all of its rows for good, its trail and its costs included, whatever their retention.

    First it is deleted, so that its sessions end; then its rows go as by ``purge``, whose records keep its number and
    the counts. In the end every table is counted again. Killed at any moment, the next call goes on from there.

    Raises:
        NotFoundError: there is no such organization, or it is erased already.
        LegalHoldError: it is under a legal hold.
        UnavailableError: rows are left, since others hold them locked: call it again.
        ConfigurationError: PostgreSQL without SYSTEM_DATABASE_URL, or a table that no imported model describes.
    """
    with db.system_session(actor=actor, reason=reason, time_limits=BULK) as system:
        known_graph(system.connection())  # or it raises, before anything is deleted
        if _is_deleted(system, organization_id):
            # Or purge would wait for it: the clock that said so was ahead.
            later = and_(ORGANIZATIONS.c.id == organization_id, ORGANIZATIONS.c.deleted_at > (now := utcnow()))
            changes = {"deleted_at": now, "version": ORGANIZATIONS.c.version + 1}
            execute(system, update(ORGANIZATIONS).where(later).values(changes))
        else:
            with system.as_organization(organization_id) as session:
                OrganizationRepository(session).soft_delete(organization_id)
    report = purge(db, actor=actor, reason=reason, organization_id=organization_id, older_than_days=0)
    with db.system_session(actor=actor, reason=reason, time_limits=BULK) as system:
        left = {table: rows for table, rows in rows_of(system, organization_id).items() if rows}
    if left:
        counts = ", ".join(f"{rows} of {table}" for table, rows in left.items())
        raise UnavailableError(f"rows are left, which others held locked ({counts}): erase it again", retryable=True)
    return report


def rows_of(system: SystemSession, organization_id: int) -> dict[str, int]:
    """How many rows of the organization each table has that can have any."""
    tables = known_graph(system.connection()).order
    counts = {
        table.name: select(func.count()).select_from(table).where(of_organization(table, organization_id))
        for table in tables
        if organization_column(table) is not None
    }
    return {name: system.connection().scalar(count) or 0 for name, count in counts.items()}


def _is_deleted(system: SystemSession, organization_id: int) -> bool:
    """True if it is deleted already. Raises NotFoundError and LegalHoldError."""
    this = select(ORGANIZATIONS.c.is_deleted, ORGANIZATIONS.c.legal_hold).where(ORGANIZATIONS.c.id == organization_id)
    found = system.connection().execute(this.with_for_update()).one_or_none()
    if found is None:
        raise NotFoundError(Organization, organization_id)
    if found.legal_hold:
        raise LegalHoldError(organization_id)
    return bool(found.is_deleted)
