"""Bid documents: one live draft per tender."""

from collections.abc import Sequence

from ..costs.repository import CostedRepository
from ..kit.repository import constructor
from ..kit.repository.paging import newest_with
from .model import BidDocument, BidPatch


class BidDocumentRepository(CostedRepository[BidDocument]):
    """The bids of one organization."""

    model = BidDocument
    patch = BidPatch
    purpose = "bid"
    cost_field = "generation_cost"

    @constructor(BidDocument)
    def create(self, entity: BidDocument) -> BidDocument:
        """Insert the tender's bid. Raises DuplicateError where it has a live one, ConstraintError where the
        tender is not this organization's."""
        return self.add(entity)

    @constructor(BidDocument)
    def upsert(self, entity: BidDocument) -> BidDocument:
        """Insert the tender's bid, or set the given fields on its live one."""
        return self.put(entity)

    def get_by_tender_id(self, tender_id: int, org_id: int | None = None) -> BidDocument | None:
        """The tender's live bid, or None."""
        return newest_with(self._scope, "tender_id", tender_id, org_id=org_id)

    def list_by_organization(
        self, org_id: int | None = None, limit: int = 50, offset: int = 0
    ) -> Sequence[BidDocument]:
        """The organization's live bids, newest first."""
        return self.find(limit=limit, offset=offset, org_id=org_id)
