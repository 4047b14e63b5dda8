"""Notices: what an import received for a tender."""

from collections.abc import Sequence

from ..models import TenderNotice
from .base import TenantRepository, constructor


class TenderNoticeRepository(TenantRepository[TenderNotice]):
    """The notices of one organization's tenders."""

    model = TenderNotice

    @constructor(TenderNotice)
    def create(self, entity: TenderNotice) -> TenderNotice:
        """Insert a notice. Raises DuplicateError where the tender has the same one."""
        return self.add(entity)

    def list_by_tender_id(
        self, tender_id: int, limit: int = 50, offset: int = 0, org_id: int | None = None
    ) -> Sequence[TenderNotice]:
        """The tender's notices, the last received first."""
        return self._all_with("tender_id", tender_id, limit=limit, offset=offset, org_id=org_id)
