"""Typed repositories over any model."""

from .audit import AuditRepository
from .bulk import RowOutcome, Upserted
from .constructor import constructor
from .cursor import Page
from .deleting import Deletion
from .repository import Repository, TenantRepository

__all__ = [
    "AuditRepository",
    "Deletion",
    "Page",
    "Repository",
    "RowOutcome",
    "TenantRepository",
    "Upserted",
    "constructor",
]
