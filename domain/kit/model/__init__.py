"""Bases of tables and schemas. Importing them needs no database."""

from .base import DomainModel
from .entity import Entity, OwnedByOrganization, Patch, Public, Stamped, TenantEntity

__all__ = ["DomainModel", "Entity", "OwnedByOrganization", "Patch", "Public", "Stamped", "TenantEntity"]
