"""Objects beside a table in the database: its organization's scope, the audit trail's triggers, indexes of searches."""

from ..model.registry import REGISTRY
from .beside import attach

attach(REGISTRY.metadata)
