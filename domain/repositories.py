"""Typed repositories over the models."""

from .analyses.repository import AnalysisRepository, MonthlyCost
from .bids.repository import BidDocumentRepository
from .kit.repository import AuditRepository, Page, Repository, RowOutcome, TenantRepository, Upserted, constructor
from .organizations.repository import OrganizationRepository
from .tenders.notices import TenderNoticeRepository
from .tenders.repository import TenderRepository
from .users.repository import UserRepository

__all__ = [
    "AnalysisRepository",
    "AuditRepository",
    "BidDocumentRepository",
    "MonthlyCost",
    "OrganizationRepository",
    "Page",
    "Repository",
    "TenantRepository",
    "TenderNoticeRepository",
    "TenderRepository",
    "RowOutcome",
    "Upserted",
    "UserRepository",
    "constructor",
]
