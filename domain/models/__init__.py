"""The tables and the schemas: one set of classes. Importing them needs no database."""

from .analysis import (
    AnalysisContent,
    AnalysisCost,
    AnalysisFilter,
    AnalysisPatch,
    AnalysisPublic,
    AnalysisRating,
    AnalysisResult,
)
from .audit import AuditAction, AuditEntry, AuditEntryPublic
from .base import DomainModel
from .bid import BidContent, BidCost, BidDocument, BidDocumentContent, BidPatch, BidPublic
from .entity import Entity, OwnedByOrganization, Patch, Public, Stamped, TenantEntity
from .notice import TenderNotice, TenderNoticeContent
from .organization import (
    Organization,
    OrganizationContent,
    OrganizationPatch,
    OrganizationPlan,
    OrganizationPublic,
    OrganizationUsage,
    SubscriptionTier,
)
from .purge_record import PurgeRecord, PurgeRecordContent
from .system_access import SystemAccess, SystemAccessContent
from .tender import Tender, TenderContent, TenderDB, TenderPatch, TenderProgress, TenderPublic, TenderStatus
from .user import User, UserAccess, UserActivity, UserPatch, UserProfile, UserPublic, UserRole

__all__ = [
    "AnalysisContent",
    "AnalysisCost",
    "AnalysisFilter",
    "AnalysisPatch",
    "AnalysisPublic",
    "AnalysisRating",
    "AnalysisResult",
    "AuditAction",
    "AuditEntry",
    "AuditEntryPublic",
    "BidContent",
    "BidCost",
    "BidDocument",
    "BidDocumentContent",
    "BidPatch",
    "BidPublic",
    "DomainModel",
    "Entity",
    "Organization",
    "OrganizationContent",
    "OrganizationPatch",
    "OrganizationPlan",
    "OrganizationPublic",
    "OrganizationUsage",
    "OwnedByOrganization",
    "Patch",
    "Public",
    "PurgeRecord",
    "PurgeRecordContent",
    "Stamped",
    "SubscriptionTier",
    "SystemAccess",
    "SystemAccessContent",
    "TenantEntity",
    "Tender",
    "TenderContent",
    "TenderDB",
    "TenderNotice",
    "TenderNoticeContent",
    "TenderPatch",
    "TenderProgress",
    "TenderPublic",
    "TenderStatus",
    "User",
    "UserAccess",
    "UserActivity",
    "UserPatch",
    "UserProfile",
    "UserPublic",
    "UserRole",
]
