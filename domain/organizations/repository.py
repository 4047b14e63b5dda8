"""Organizations: finding, metering and the nightly work over all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, Integer, bindparam, case
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col, select, update

from ..errors import ArgumentError
from ..kit.model.fields import as_utc
from ..kit.repository import Repository, constructor
from ..kit.repository.upsert import On
from ..kit.session import own
from .model import INT32_MAX, SLUG_SETTING, Organization, OrganizationPatch, current_period

_period = bindparam("meter_period", type_=Date())
_increment = bindparam("meter_increment", type_=Integer())
_columns = Organization.__table__.c
_count = case((_columns.usage_period >= _period, _columns.monthly_analysis_count), else_=0)
# A clock that is behind at the month's end does not turn the month back.
_current = case((_columns.usage_period >= _period, _columns.usage_period), else_=_period)
_this_one = (_columns.id == bindparam("meter_id", type_=BigInteger()), ~_columns.is_deleted)
# Metering is no change that a reader of the organization must see: version and updated_at stay.
_metered = (_columns.id, _columns.version, _columns.monthly_analysis_count, _columns.usage_period)
_meter = own(
    update(Organization.__table__)
    .where(*_this_one, _columns.is_active, _increment <= _columns.monthly_analysis_limit - _count)
    .values(
        monthly_analysis_count=_count + _increment,
        usage_period=_current,
        updated_at=_columns.updated_at,
    )
    .returning(*_metered)
)
_give_back = own(
    update(Organization.__table__)
    .where(
        *_this_one,
        _columns.usage_period == _period,
        _columns.monthly_analysis_count >= _increment,
    )
    .values(
        monthly_analysis_count=_columns.monthly_analysis_count - _increment,
        updated_at=_columns.updated_at,
    )
    .returning(*_metered)
)
_reset = own(
    update(Organization.__table__)
    .where(*_this_one)
    .values(monthly_analysis_count=0, usage_period=_current, updated_at=_columns.updated_at)
    .returning(*_metered)
)


@dataclass(frozen=True)
class Usage:
    """Analyses of one UTC month, which ``period`` is the first day of."""

    used: int
    limit: int
    remaining: int
    period: date


class OrganizationRepository(Repository[Organization]):
    """``org_id`` names the organization and binds the session to it. Takes a system session as well.

    A deleted one is restored in a system session, or in one that was opened without an organization.
    """

    model = Organization
    patch = OrganizationPatch

    @constructor(Organization)
    def create(self, entity: Organization) -> Organization:
        """Insert a new organization; needs no bound session and binds none. Raises DuplicateError."""
        return self.add(entity)

    def put(self, entity: Organization, /, *, on: On = None, org_id: int | None = None) -> Organization:
        """Same as in every repository; a bound session puts its own organization only."""
        self._scope.organization(org_id)
        with self.session.announced(SLUG_SETTING, entity.slug):
            return super().put(entity, on=on, org_id=org_id)

    def get_by_id(self, org_id: int) -> Organization | None:
        """The live organization with this id, or None."""
        return self.get(org_id)

    def get_by_slug(self, slug: str) -> Organization | None:
        """The live organization with this slug, or None. Binds no session; a bound one finds its own alone."""
        return self.session.look_up(Organization, "slug", slug)

    def list_active(self, limit: int = 50) -> Sequence[Organization]:
        """Active organizations, newest first; over all of them in a system session."""
        return self.find(col(Organization.is_active), limit=limit)

    def stream_active(self) -> Iterator[Organization]:
        """Every active organization, without a limit."""
        return self.stream(col(Organization.is_active))

    def update_usage(self, org_id: int, increment: int = 1) -> bool:
        """Count analyses against the UTC month's limit: True only while it allows them, in one atomic statement."""
        if not 1 <= increment <= INT32_MAX:
            raise ArgumentError(f"increment must be from 1 to {INT32_MAX}, not {increment}")
        return self._metered(_meter, org_id, meter_increment=increment)

    def return_usage(self, org_id: int, amount: int = 1, *, used_at: datetime | None = None) -> bool:
        """Give back analyses that ``update_usage`` counted in the current UTC month, in one atomic statement.

        ``used_at``: when they were counted; what an earlier month counted is never taken off the current one.
        False, and nothing is given back, where the current month has not counted so many.

        Raises:
            ArgumentError: ``amount`` is below 1, ``used_at`` has no time zone.
        """
        period = current_period()
        self._scope.organization_of(org_id, None)
        if not 1 <= amount <= INT32_MAX:
            raise ArgumentError(f"amount must be from 1 to {INT32_MAX}, not {amount}")
        if used_at is not None and _month_of(used_at) != period:
            return False
        return self._scope.change(_give_back, None, meter_id=org_id, meter_period=period, meter_increment=amount)

    def usage(self, org_id: int) -> Usage:
        """The current UTC month's analyses. Raises NotFoundError where the organization is not live."""
        found = self.require(org_id)
        used = found.monthly_analysis_count if found.usage_period >= current_period() else 0
        limit = found.monthly_analysis_limit
        return Usage(used, limit, max(limit - used, 0), max(found.usage_period, current_period()))

    def reset_monthly_usage(self, org_id: int) -> bool:
        """Set the current UTC month's count to 0."""
        return self._metered(_reset, org_id)

    def can_analyze(self, org_id: int) -> bool:
        """True if the organization is live and active, and its month allows one analysis more."""
        self._scope.organization_of(org_id, None)
        statement = (
            select(_count < _columns.monthly_analysis_limit)
            .select_from(Organization)
            .where(*_this_one, col(Organization.is_active))
        )
        params = {"meter_id": org_id, "meter_period": current_period()}
        return bool(self.session.exec(own(statement), params=params).one_or_none())

    def soft_delete(self, org_id: int) -> bool:  # type: ignore[override]  # the row's id is the organization
        """Delete the organization and its users, as one deletion. False where it is not live.

        What else it has stays as it is and out of reach: sessions for it raise OrganizationDeletedError.
        """
        is_deleted = super().soft_delete(org_id)
        self.session.look_again_at(org_id)
        return is_deleted

    def _metered(self, statement: ReturningUpdate[*tuple[Any, ...]], org_id: int, **values: int) -> bool:
        self._scope.organization_of(org_id, None)
        return self._scope.change(statement, None, meter_id=org_id, meter_period=current_period(), **values)


def _month_of(moment: datetime) -> date:
    try:
        return as_utc(moment).date().replace(day=1)
    except ValueError as error:
        raise ArgumentError(f"used_at {error}") from None
