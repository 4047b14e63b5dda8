"""The tables and the schemas: one set of classes. Importing them needs no database.

A new entity is a folder (``model.py`` and ``repository.py``), a line in ``repositories``, and a revision in
``alembic/versions``; what applications import stands here and in the package's names, too. docs/3-extending.md has each
step. Policies, audit trail, purge, export and their tests follow from the class.
"""

from .analyses.model import AnalysisContent as AnalysisContent
from .analyses.model import AnalysisCost as AnalysisCost
from .analyses.model import AnalysisFilter as AnalysisFilter
from .analyses.model import AnalysisPatch as AnalysisPatch
from .analyses.model import AnalysisPublic as AnalysisPublic
from .analyses.model import AnalysisRating as AnalysisRating
from .analyses.model import AnalysisResult as AnalysisResult
from .api_keys.model import ApiKey as ApiKey
from .api_keys.model import ApiKeyContent as ApiKeyContent
from .api_keys.model import ApiKeyPublic as ApiKeyPublic
from .api_keys.model import IssuedApiKey as IssuedApiKey
from .bids.model import BidContent as BidContent
from .bids.model import BidCost as BidCost
from .bids.model import BidDocument as BidDocument
from .bids.model import BidDocumentContent as BidDocumentContent
from .bids.model import BidPatch as BidPatch
from .bids.model import BidPublic as BidPublic
from .costs.model import CostContent as CostContent
from .costs.model import CostEntry as CostEntry
from .costs.model import CostEntryPublic as CostEntryPublic
from .costs.model import CostReservation as CostReservation
from .kit.model import DomainModel as DomainModel
from .kit.model import Entity as Entity
from .kit.model import OwnedByOrganization as OwnedByOrganization
from .kit.model import Patch as Patch
from .kit.model import Public as Public
from .kit.model import Stamped as Stamped
from .kit.model import TenantEntity as TenantEntity
from .kit.model.fields import lookup_field as lookup_field
from .kit.model.tables import rank_column as rank_column
from .kit.model.types import json_dict as json_dict
from .kit.records import AuditAction as AuditAction
from .kit.records import AuditEntry as AuditEntry
from .kit.records import AuditEntryPublic as AuditEntryPublic
from .kit.records import PurgeRecord as PurgeRecord
from .kit.records import SystemAccess as SystemAccess
from .organizations.model import Organization as Organization
from .organizations.model import OrganizationContent as OrganizationContent
from .organizations.model import OrganizationPatch as OrganizationPatch
from .organizations.model import OrganizationPlan as OrganizationPlan
from .organizations.model import OrganizationPublic as OrganizationPublic
from .organizations.model import OrganizationUsage as OrganizationUsage
from .organizations.model import SubscriptionTier as SubscriptionTier
from .tenders.model import Tender as Tender
from .tenders.model import TenderContent as TenderContent
from .tenders.model import TenderDB as TenderDB
from .tenders.model import TenderPatch as TenderPatch
from .tenders.model import TenderProgress as TenderProgress
from .tenders.model import TenderPublic as TenderPublic
from .tenders.model import TenderStatus as TenderStatus
from .tenders.notices import TenderNotice as TenderNotice
from .tenders.notices import TenderNoticeContent as TenderNoticeContent
from .tenders.purged import PurgedTender as PurgedTender
from .users.model import User as User
from .users.model import UserAccess as UserAccess
from .users.model import UserActivity as UserActivity
from .users.model import UserPatch as UserPatch
from .users.model import UserProfile as UserProfile
from .users.model import UserPublic as UserPublic
from .users.model import UserRole as UserRole
