"""Bases of tables and schemas. Importing them needs no database."""

from .base import DomainModel
from .entity import OMITTED, Entity, FieldGroup, OwnedByOrganization, Patch, Public, Stamped, TenantEntity

__all__ = [
    "DomainModel",
    "Entity",
    "FieldGroup",
    "OMITTED",
    "OwnedByOrganization",
    "Patch",
    "Public",
    "Stamped",
    "TenantEntity",
]
