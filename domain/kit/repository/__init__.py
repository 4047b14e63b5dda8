"""Typed repositories over any model."""

from .audit import AuditRepository
from .bulk import RowOutcome, Upserted
from .constructor import constructor
from .deleting import Deletion
from .filters import Filter, Matches
from .page import Page
from .repository import Repository, TenantRepository

__all__ = [
    "AuditRepository",
    "Deletion",
    "Filter",
    "Matches",
    "Page",
    "Repository",
    "RowOutcome",
    "TenantRepository",
    "Upserted",
    "constructor",
]
