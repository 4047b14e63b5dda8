"""Typed repositories over the models."""

from .analysis import AnalysisRepository, MonthlyCost
from .audit import AuditRepository
from .base import Repository, TenantRepository, constructor
from .bid import BidDocumentRepository
from .bulk import RowOutcome, Upserted
from .notice import TenderNoticeRepository
from .organization import OrganizationRepository
from .page import Page
from .tender import TenderRepository
from .user import UserRepository

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
