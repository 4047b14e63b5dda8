"""Rows that are written once and belong to an organization: what is read of them, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from sqlmodel import select

from ...errors import TenantRequiredError
from ..model import OwnedByOrganization
from ..model.tables import of_organization
from ..session import DomainSession, TenantSession, own
from .cursor import Page, Place, keyset_page

LedgerT = TypeVar("LedgerT", bound=OwnedByOrganization)


class LedgerRepository(Generic[LedgerT]):
    """Reads one organization's rows of a model that is no ``Entity``."""

    model: type[LedgerT]
    moment: ClassVar[str]
    """The field that says when."""

    def __init__(self, session: DomainSession) -> None:
        self.session = session

    def _page(
        self, conditions: Sequence[Any], *, after: str | None, before: str | None, limit: int, org_id: int | None
    ) -> Page[LedgerT]:
        model: Any = self.model
        statement = select(self.model).where(of_organization(model, self._organization(org_id)), *conditions)

        def read(place: Place | None, is_before: bool, rows: int) -> Sequence[LedgerT]:
            beyond = [] if place is None else [model.id > place[1] if is_before else model.id < place[1]]
            found = statement.where(*beyond).order_by(model.id if is_before else model.id.desc()).limit(rows)
            return self.session.exec(own(found)).all()

        def place_of(row: Any) -> tuple[datetime, int]:
            return getattr(row, self.moment), row.id

        return keyset_page(model.__tablename__, read, place_of, after, before, limit)

    def _organization(self, org_id: int | None) -> int:
        session = self.session
        if not isinstance(session, TenantSession):
            raise TenantRequiredError(f"{self.model.__name__} in a system session (see as_organization)")
        return session.organization_id if org_id is None else session.bind_organization(org_id)
