"""Rows that are written once and belong to an organization: what is read of them, newest first."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlmodel import func, select

from ...errors import TenantRequiredError
from ..model import OwnedByOrganization
from ..model.tables import of_organization
from ..session import DomainSession, ReadSession, TenantSession, own, underlying
from .cursor import Cursors, Place
from .order import Order
from .page import Page, keyset_page

LedgerT = TypeVar("LedgerT", bound=OwnedByOrganization)
_LAST_FIRST = Order("id", is_descending=True)


class LedgerRepository(Generic[LedgerT]):
    """Reads one organization's rows of a model that is no ``Entity``."""

    model: type[LedgerT]

    def __init__(self, session: DomainSession | ReadSession) -> None:
        self.session: DomainSession = underlying(session)

    def _page(
        self,
        conditions: Sequence[Any],
        *,
        after: str | None,
        before: str | None,
        limit: int,
        with_total: bool,
        org_id: int | None,
    ) -> Page[LedgerT]:
        model: Any = self.model
        conditions = [of_organization(model, self._organization(org_id)), *conditions]

        def read(place: Place | None, is_before: bool, rows: int) -> Sequence[LedgerT]:
            beyond = [] if place is None else [model.id > place[1] if is_before else model.id < place[1]]
            found = (
                select(self.model)
                .where(*conditions, *beyond)
                .order_by(model.id if is_before else model.id.desc())
                .limit(rows)
            )
            return self.session.exec(own(found)).all()

        page = keyset_page(Cursors(model, _LAST_FIRST), read, attrgetter("id", "id"), after, before, limit)
        if with_total:
            page.total = self.session.exec(own(select(func.count()).select_from(model).where(*conditions))).one()
        return page

    def _organization(self, org_id: int | None) -> int:
        session = self.session
        if not isinstance(session, TenantSession):
            raise TenantRequiredError(f"{self.model.__name__} in a system session (see as_organization)")
        return session.organization_id if org_id is None else session.bind_organization(org_id)
