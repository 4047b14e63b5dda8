"""Typed repositories over any model."""

from .audit import AuditRepository
from .bulk import RowOutcome, Upserted
from .constructor import constructor
from .cursor import Page
from .repository import Repository, TenantRepository

__all__ = ["AuditRepository", "Page", "Repository", "RowOutcome", "TenantRepository", "Upserted", "constructor"]
