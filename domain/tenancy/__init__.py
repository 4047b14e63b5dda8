"""Sessions bound to an organization, and what guards them."""

from .guard import prebuilt
from .sessions import READS, TRUSTED, DomainSession, SystemSession, TenantSession

__all__ = ["READS", "TRUSTED", "DomainSession", "SystemSession", "TenantSession", "prebuilt"]
