"""Typed repositories over the models."""

from .analyses.repository import AnalysisRepository
from .api_keys.repository import ApiKeyRepository
from .bids.repository import BidDocumentRepository
from .costs.repository import CostRepository, CostSum
from .kit.repository import (
    AuditRepository,
    Deletion,
    Filter,
    Matches,
    Page,
    Repository,
    RowOutcome,
    TenantRepository,
    Upserted,
    constructor,
)
from .organizations.repository import OrganizationRepository, Usage
from .tenders.filtering import TenderFilter, TenderOrder
from .tenders.notices import TenderNoticeRepository
from .tenders.repository import TenderRepository
from .users.repository import UserRepository

__all__ = [
    "AnalysisRepository",
    "ApiKeyRepository",
    "AuditRepository",
    "BidDocumentRepository",
    "CostRepository",
    "CostSum",
    "Deletion",
    "Filter",
    "Matches",
    "OrganizationRepository",
    "Page",
    "Repository",
    "TenantRepository",
    "TenderFilter",
    "TenderNoticeRepository",
    "TenderOrder",
    "TenderRepository",
    "RowOutcome",
    "Upserted",
    "Usage",
    "UserRepository",
    "constructor",
]
