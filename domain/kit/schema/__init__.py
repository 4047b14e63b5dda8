"""Objects beside a table in the database: its organization's scope and the audit trail's triggers."""

from ..model.registry import REGISTRY
from .beside import attach

attach(REGISTRY.metadata)
