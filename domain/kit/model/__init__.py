"""Bases of tables and schemas. Importing them needs no database."""

from .base import DomainModel as DomainModel
from .entity import OMITTED as OMITTED
from .entity import Entity as Entity
from .entity import FieldGroup as FieldGroup
from .entity import OwnedByOrganization as OwnedByOrganization
from .entity import Patch as Patch
from .entity import Public as Public
from .entity import Stamped as Stamped
from .entity import TenantEntity as TenantEntity
