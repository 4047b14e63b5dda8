"""Handing tenders to workers: each to one of them, for a time."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Float, Integer, ScalarSelect, bindparam, union_all
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col, func, select, update

from ..errors import ArgumentError
from ..kit.model.clock import DatabaseTime
from ..kit.repository import TenantRepository
from ..kit.repository.page import checked_limit
from ..kit.repository.statements import KEY, Statements
from ..kit.session import expire_on_savepoint_rollback, own
from .model import Tender, TenderStatus

MAX_LEASE = timedelta(days=366)
LEASE = timedelta(minutes=5)

_LIMIT, _SECONDS, _VERSION = "claim_limit", "lease_seconds", "lease_version"


class TenderClaims(TenantRepository[Tender]):
    """The work on an organization's tenders, for any number of workers."""

    def claim(self, *, limit: int = 1, lease: timedelta = LEASE, org_id: int | None = None) -> Sequence[Tender]:
        """Take up to ``limit`` (1 to 200) tenders to work on, oldest first; no other worker gets them meanwhile.

        First those whose worker let its lease lapse, then pending ones. They are in status processing until
        ``update_status``, to which ``expected_version=tender.version`` proves that the tender is still this worker's.
        ``leased_until`` is by the database's clock, and counts from this call: commit soon.

        Raises:
            ArgumentError: ``limit`` is outside 1..200, ``lease`` is not more than 0 and at most 366 days.
        """
        self.session.flush()
        params = {**self._scope.parameters(org_id), _LIMIT: checked_limit(limit), _SECONDS: _seconds(lease)}
        options = {"populate_existing": True, "synchronize_session": False}
        rows = self.session.scalars(_claiming(self._scope.sql), params, execution_options=options).all()
        for tender in rows:
            expire_on_savepoint_rollback(self.session, tender)
        return sorted(rows, key=lambda tender: (tender.created_at, tender.id))

    def renew(self, tender_id: int, version: int, *, lease: timedelta = LEASE, org_id: int | None = None) -> bool:
        """Have a claimed tender for ``lease`` from now on, lapsed or not; its version and updated_at stay.

        False where it is no longer the worker's: claimed by another, changed since (``version``), done or deleted.
        Raises ArgumentError as ``claim`` does.
        """
        organization = self._scope.organization(org_id)
        values: dict[str, object] = {KEY: tender_id, _VERSION: version, _SECONDS: _seconds(lease)}
        return self._scope.change(_renewing(self._scope.sql), organization, **values)


def _seconds(lease: timedelta) -> float:
    if not timedelta(0) < lease <= MAX_LEASE:
        raise ArgumentError(f"lease must be more than 0 and at most {MAX_LEASE.days} days, not {lease}")
    return lease.total_seconds()


@cache
def _claiming(sql: Statements[Tender]) -> ReturningUpdate[Any]:
    """One statement: two workers at once never see the same rows as free, and neither waits for the other."""
    live = (sql.organization, sql.is_live)
    limit = bindparam(_LIMIT, type_=BigInteger())
    # key_share, that is FOR NO KEY UPDATE: a tender that somebody's new analysis refers to is not passed over.
    left = (
        select(Tender.id)
        .where(*live, col(Tender.status) == TenderStatus.PROCESSING, col(Tender.leased_until) <= DatabaseTime())
        .order_by(col(Tender.leased_until), col(Tender.id))
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
        .cte("lapsed")
    )
    taken: ScalarSelect[int] = select(func.count()).select_from(left).scalar_subquery()
    new = (
        select(Tender.id)
        .where(*live, col(Tender.status) == TenderStatus.PENDING)
        .order_by(col(Tender.created_at), col(Tender.id))
        .limit(limit - taken)
        .with_for_update(skip_locked=True, key_share=True)
        .cte("pending")
    )
    # The limit once more is for PostgreSQL's planner, which does not know how many are left to take.
    chosen = union_all(select(left.c.id), select(new.c.id)).limit(limit)
    return own(
        update(Tender)
        .where(*live, col(Tender.id).in_(chosen))
        .values(
            status=TenderStatus.PROCESSING,
            leased_until=DatabaseTime(bindparam(_SECONDS, type_=Float())),
            version=col(Tender.version) + 1,
        )
        .returning(Tender)
    )


@cache
def _renewing(sql: Statements[Tender]) -> ReturningUpdate[Any]:
    statement = (
        update(Tender)
        .where(
            sql.organization,
            sql.is_live,
            sql.by_key,
            col(Tender.version) == bindparam(_VERSION, type_=Integer()),
            col(Tender.status) == TenderStatus.PROCESSING,
            col(Tender.leased_until).is_not(None),
        )
        .values(leased_until=DatabaseTime(bindparam(_SECONDS, type_=Float())), updated_at=col(Tender.updated_at))
    )
    return own(statement.returning(sql.table.c.id))
