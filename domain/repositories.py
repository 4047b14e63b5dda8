"""Typed repositories over the models."""

from .analyses.repository import AnalysisRepository as AnalysisRepository
from .api_keys.repository import ApiKeyRepository as ApiKeyRepository
from .bids.repository import BidDocumentRepository as BidDocumentRepository
from .costs.repository import CostRepository as CostRepository
from .costs.repository import CostSum as CostSum
from .kit.repository import AuditRepository as AuditRepository
from .kit.repository import Deletion as Deletion
from .kit.repository import Filter as Filter
from .kit.repository import Matches as Matches
from .kit.repository import Page as Page
from .kit.repository import Repository as Repository
from .kit.repository import RowOutcome as RowOutcome
from .kit.repository import TenantRepository as TenantRepository
from .kit.repository import Upserted as Upserted
from .kit.repository import constructor as constructor
from .organizations.repository import OrganizationRepository as OrganizationRepository
from .organizations.repository import Usage as Usage
from .tenders.filtering import TenderFilter as TenderFilter
from .tenders.filtering import TenderOrder as TenderOrder
from .tenders.notices import TenderNoticeRepository as TenderNoticeRepository
from .tenders.repository import TenderRepository as TenderRepository
from .users.repository import UserRepository as UserRepository
