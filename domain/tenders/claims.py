"""Handing tenders to workers: each to one of them, for a time."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    ScalarSelect,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    union_all,
)
from sqlalchemy.orm import Mapped
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
MAX_ATTEMPTS = 5

_LIMIT, _SECONDS, _VERSION, _MAX_ATTEMPTS = "claim_limit", "lease_seconds", "lease_version", "max_attempts"
_GIVEN_UP = "given up: no worker finished it, attempts: "


class TenderClaims(TenantRepository[Tender]):
    """The work on an organization's tenders, for any number of workers."""

    def claim(
        self,
        *,
        limit: int = 1,
        lease: timedelta = LEASE,
        max_attempts: int = MAX_ATTEMPTS,
        org_id: int | None = None,
    ) -> Sequence[Tender]:
        """Take up to ``limit`` (1 to 200) tenders to work on, oldest first; no other worker gets them meanwhile.

        First one whose worker let its lease lapse, alone: should it be what workers die of, it takes no other along.
        Then pending ones. They are in status processing until ``update_status``, to which
        ``expected_version=tender.version`` proves that the tender is still this worker's.
        ``leased_until`` is by the database's clock, and counts from this call: commit soon.

        One whose lease has lapsed after ``max_attempts`` claims is handed to nobody: its status becomes error, with the
        number in ``error_message``. Back in status pending, it is counted anew.

        Raises:
            ArgumentError: ``limit`` is outside 1..200, ``lease`` is not more than 0 and at most 366 days, or
                ``max_attempts`` is not 1 or more, and below 2**31.
        """
        self.session.flush()
        params = {**self._scope.parameters(org_id), _LIMIT: checked_limit(limit), _SECONDS: _seconds(lease)}
        params[_MAX_ATTEMPTS] = _checked_attempts(max_attempts)
        options = {"populate_existing": True, "synchronize_session": False}
        rows = self.session.scalars(_claiming(self._scope.sql), params, execution_options=options).all()
        for tender in rows:
            expire_on_savepoint_rollback(self.session, tender)
        claimed = (tender for tender in rows if tender.status is TenderStatus.PROCESSING)
        return sorted(claimed, key=lambda tender: (tender.created_at, tender.id))

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


def _checked_attempts(number: int) -> int:
    if not 1 <= number < 2**31:
        raise ArgumentError(f"max_attempts must be 1 or more, and below 2**31, not {number}")
    return number


@cache
def _claiming(sql: Statements[Tender]) -> ReturningUpdate[Any]:
    """One statement: two workers at once never see the same rows as free, and neither waits for the other."""
    live = (sql.organization, sql.is_live)
    limit = bindparam(_LIMIT, type_=BigInteger())
    is_spent = col(Tender.attempts) >= bindparam(_MAX_ATTEMPTS, type_=BigInteger())
    lapsed = (col(Tender.status) == TenderStatus.PROCESSING, col(Tender.leased_until) <= DatabaseTime())
    left = _oldest(*live, *lapsed, ~is_spent, by=col(Tender.leased_until)).limit(1).cte("lapsed")
    spent = _oldest(*live, *lapsed, is_spent, by=col(Tender.leased_until)).limit(limit).cte("spent")
    taken: ScalarSelect[int] = select(func.count()).select_from(left).scalar_subquery()
    is_pending = col(Tender.status) == TenderStatus.PENDING
    new = _oldest(*live, is_pending, by=col(Tender.created_at)).limit(limit * (1 - taken)).cte("pending")
    # The limit once more is for PostgreSQL's planner, which does not know how many there are.
    chosen = union_all(select(left.c.id), select(new.c.id), select(spent.c.id)).limit(limit + limit)
    gives_up = and_(*lapsed, is_spent)
    return own(
        update(Tender)
        .where(*live, col(Tender.id).in_(chosen))
        .values(
            status=case((gives_up, TenderStatus.ERROR), else_=TenderStatus.PROCESSING),
            error_message=case(
                (gives_up, _GIVEN_UP + cast(col(Tender.attempts), String)), else_=col(Tender.error_message)
            ),
            leased_until=case((gives_up, None), else_=DatabaseTime(bindparam(_SECONDS, type_=Float()))),
            attempts=case((gives_up, col(Tender.attempts)), (is_pending, 1), else_=col(Tender.attempts) + 1),
            version=col(Tender.version) + 1,
        )
        .returning(Tender)
    )


def _oldest(*where: ColumnElement[bool], by: Mapped[Any]) -> Select[int]:
    # key_share, that is FOR NO KEY UPDATE: a tender that somebody's new analysis refers to is not passed over.
    return (
        select(Tender.id).where(*where).order_by(by, col(Tender.id)).with_for_update(skip_locked=True, key_share=True)
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
