"""The one door to hard deletion, and the erasure of a person."""

from .erasure import erase_user
from .leaving import erase_organization
from .planning import PurgeCount, PurgePlan, plan_purge
from .purging import purge

__all__ = ["PurgeCount", "PurgePlan", "erase_organization", "erase_user", "plan_purge", "purge"]
