"""Typed repositories over any model."""

from .audit import AuditRepository as AuditRepository
from .bulk import RowOutcome as RowOutcome
from .bulk import Upserted as Upserted
from .constructor import constructor as constructor
from .deleting import Deletion as Deletion
from .filters import Filter as Filter
from .filters import Matches as Matches
from .page import Page as Page
from .repository import Repository as Repository
from .repository import TenantRepository as TenantRepository
