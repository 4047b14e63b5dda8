"""The tables and the schemas: one set of classes. Importing them needs no database.

A new entity is a folder (``model.py`` and ``repository.py``), its names here and in ``repositories``, and a revision in
``alembic/versions``: docs/3-extending.md has each step. Policies, audit trail, purge, export and their tests follow
from the class.
"""

from .analyses.model import (
    AnalysisContent,
    AnalysisCost,
    AnalysisFilter,
    AnalysisPatch,
    AnalysisPublic,
    AnalysisRating,
    AnalysisResult,
)
from .api_keys.model import ApiKey, ApiKeyContent, ApiKeyPublic, IssuedApiKey
from .bids.model import BidContent, BidCost, BidDocument, BidDocumentContent, BidPatch, BidPublic
from .costs.model import CostContent, CostEntry, CostEntryPublic, CostReservation
from .kit.model import DomainModel, Entity, OwnedByOrganization, Patch, Public, Stamped, TenantEntity
from .kit.model.fields import lookup_field
from .kit.model.tables import rank_column
from .kit.model.types import json_dict
from .kit.records import (
    AuditAction,
    AuditEntry,
    AuditEntryPublic,
    PurgeRecord,
    SystemAccess,
)
from .organizations.model import (
    Organization,
    OrganizationContent,
    OrganizationPatch,
    OrganizationPlan,
    OrganizationPublic,
    OrganizationUsage,
    SubscriptionTier,
)
from .tenders.model import Tender, TenderContent, TenderDB, TenderPatch, TenderProgress, TenderPublic, TenderStatus
from .tenders.notices import TenderNotice, TenderNoticeContent
from .tenders.purged import PurgedTender
from .users.model import User, UserAccess, UserActivity, UserPatch, UserProfile, UserPublic, UserRole

__all__ = [
    "AnalysisContent",
    "AnalysisCost",
    "AnalysisFilter",
    "AnalysisPatch",
    "AnalysisPublic",
    "AnalysisRating",
    "AnalysisResult",
    "ApiKey",
    "ApiKeyContent",
    "ApiKeyPublic",
    "AuditAction",
    "AuditEntry",
    "AuditEntryPublic",
    "BidContent",
    "BidCost",
    "BidDocument",
    "BidDocumentContent",
    "BidPatch",
    "BidPublic",
    "CostContent",
    "CostEntry",
    "CostEntryPublic",
    "CostReservation",
    "DomainModel",
    "Entity",
    "IssuedApiKey",
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
    "PurgedTender",
    "Stamped",
    "SubscriptionTier",
    "SystemAccess",
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
    "json_dict",
    "lookup_field",
    "rank_column",
]
