"""Costs: the ledger, sums of it, and a monthly budget that holds under concurrency."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlmodel import col, func, select

from ..errors import ArgumentError, NotFoundError
from ..kit.model.clock import UtcMonth
from ..kit.model.fields import utcnow
from ..kit.model.tables import of_organization
from ..kit.repository import Page, TenantRepository
from ..kit.repository.bulk import BATCH, batches
from ..kit.repository.bulk_rows import Content, given_of
from ..kit.repository.deleting import delete_batch
from ..kit.repository.ledger import LedgerRepository
from ..kit.repository.repository import TenantT
from ..kit.session import own
from ..organizations.model import Organization, current_period
from .model import CostContent, CostEntry, CostReservation

_LAST_MONTH = date(9999, 12, 1)
_LONGEST = 31 * 86_400


@dataclass(frozen=True)
class CostSum:
    """The entries of one UTC month, purpose and model."""

    month: date
    purpose: str
    llm_model: str | None
    entries: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


class CostRepository(LedgerRepository[CostEntry]):
    """The ledger of one organization, whose entries are never changed, and reservations of its monthly budget."""

    model = CostEntry

    def record(self, cost: CostContent, *, org_id: int | None = None) -> CostEntry:
        """Add an entry, as of now and by the session's actor, whatever else the cost has."""
        self._organization(org_id)
        given = cost.model_dump(include={*CostContent.model_fields}, exclude_unset=True)
        entry = CostEntry(**given, actor=self.session.actor)
        self.session.add(entry)
        self.session.flush()
        return entry

    def costs(
        self, *, since: date | None = None, until: date | None = None, org_id: int | None = None
    ) -> Sequence[CostSum]:
        """Sums by UTC month, purpose and model, latest month first; ``since`` and ``until`` name days of months."""
        occurred = col(CostEntry.occurred_at)
        month = UtcMonth(occurred)
        by: list[Any] = [month, CostEntry.purpose, CostEntry.llm_model]
        tokens: list[Any] = [CostEntry.input_tokens, CostEntry.output_tokens]
        counts = [sa.cast(func.coalesce(func.sum(each), 0), sa.BigInteger) for each in tokens]
        totals: list[Any] = [*counts, func.sum(CostEntry.cost_usd)]
        conditions = [of_organization(CostEntry, self._organization(org_id))]
        conditions += [] if since is None else [occurred >= _month(since)]
        conditions += [] if until is None or until >= _LAST_MONTH else [occurred < _month(until, 1)]
        sums = sa.select(*by, func.count(), *totals).where(*conditions).group_by(*by).order_by(month.desc(), *by[1:])
        return [CostSum(*row) for row in _rows(self.session, sums)]

    def page(
        self,
        *,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        with_total: bool = False,
        org_id: int | None = None,
    ) -> Page[CostEntry]:
        """A page of the entries, newest first. Raises ArgumentError as a repository's ``page`` does."""
        return self._page([], after=after, before=before, limit=limit, with_total=with_total, org_id=org_id)

    def reserve(
        self, cost_usd: Decimal, *, lapses_after_seconds: float = 900, org_id: int | None = None
    ) -> CostReservation | None:
        """Reserve an amount of ``monthly_budget_usd``, before a model is paid.

        None where the UTC month's entries and reservations leave less, or the organization is not active. Without a
        budget every amount is reserved. What is neither settled nor released lapses: a killed worker's.
        """
        if not 0 < lapses_after_seconds <= _LONGEST:
            raise ArgumentError(f"lapses_after_seconds is above 0, to {_LONGEST}, not {lapses_after_seconds}")
        organization = self._organization(org_id)
        wanted = CostReservation(cost_usd=cost_usd, lapses_at=utcnow())
        if not wanted.cost_usd:
            raise ArgumentError(f"cost_usd is at least 0.000001, not {cost_usd}")
        # Locked by a statement of its own: the sums must see what was committed while it waited.
        of = select(col(Organization.monthly_budget_usd)).where(
            col(Organization.id) == organization, ~col(Organization.is_deleted), col(Organization.is_active)
        )
        budgets = self.session.exec(own(of.with_for_update(key_share=True))).all()
        if not budgets:
            return None
        budget = budgets[0]
        if budget is not None and self.committed(org_id=org_id) + wanted.cost_usd > budget:
            return None
        wanted.lapses_at = utcnow() + timedelta(seconds=lapses_after_seconds)  # it may have waited for the lock
        self.session.add(wanted)
        self.session.flush()
        return wanted

    def committed(self, *, org_id: int | None = None) -> Decimal:
        """USD that the current UTC month's entries and live reservations take of the budget."""
        organization = self._organization(org_id)
        spent = select(func.sum(CostEntry.cost_usd)).where(
            of_organization(CostEntry, organization), col(CostEntry.occurred_at) >= _month(current_period())
        )
        reserved = select(func.sum(CostReservation.cost_usd)).where(
            of_organization(CostReservation, organization),
            ~col(CostReservation.is_deleted),
            col(CostReservation.lapses_at) > utcnow(),
        )
        # One statement, and so one snapshot: what is being settled is in one of the two.
        both = _rows(self.session, sa.union_all(spent, reserved))
        return sum((amount or Decimal(0) for (amount,) in both), Decimal(0))

    def settle(self, reservation_id: int, cost: CostContent, *, org_id: int | None = None) -> CostEntry:
        """End a reservation, lapsed or not, and record what was really spent, whatever was reserved.

        Raises NotFoundError, and records nothing, where it was settled or released before.
        """
        if not self.release(reservation_id, org_id=org_id):
            raise NotFoundError(CostReservation, reservation_id)
        return self.record(cost)

    def release(self, reservation_id: int, *, org_id: int | None = None) -> bool:
        """End a reservation; False where it was ended before. For costs that a repository records by itself."""
        organization = self._organization(org_id)
        return delete_batch(self.session, CostReservation, reservation_id, organization=organization)


class CostedRepository(TenantRepository[TenantT]):
    """A repository whose writes add an entry to the ledger in the same call, for each row that is given a cost."""

    purpose: ClassVar[str]
    cost_field: ClassVar[str]

    def _wrote(self, rows: Iterable[tuple[int, Content]], /) -> None:
        written = ((row_id, given_of(row)) for row_id, row in rows)
        costs = [(row_id, given) for row_id, given in written if given.get(self.cost_field) is not None]
        stored = self._models_of([row_id for row_id, given in costs if "llm_model" not in given])
        entries = [
            CostEntry(
                purpose=self.purpose,
                cost_usd=given[self.cost_field],
                llm_model=given.get("llm_model", stored.get(row_id)),
                entity=self.model.__tablename__,
                row_id=row_id,
                actor=self.session.actor,
            )
            for row_id, given in costs
        ]
        if entries:
            self.session.add_all(entries)
            self.session.flush()

    def _models_of(self, ids: Sequence[int]) -> dict[int, str | None]:
        """The models that rows name which were written without one."""
        columns = self._scope.sql.table.c
        found: dict[int, str | None] = {}
        for some in batches(ids, BATCH):
            statement = sa.select(columns.id, columns.llm_model).where(
                of_organization(self.model, self._scope.organization(None)), columns.id.in_(some)
            )
            found |= dict(_rows(self.session, statement).all())
        return found


def _rows(session: Any, statement: Any) -> Any:
    return session.exec(own(statement))


def _month(day: date, later: int = 0) -> datetime:
    """The first moment of the UTC month of a day, or of one that is so many months later."""
    years, month = divmod(day.month - 1 + later, 12)
    return datetime(day.year + years, month + 1, 1, tzinfo=UTC)
