"""Sessions bound to an organization, and what guards them."""

from .acting import acting
from .acting import forget as forget_acting
from .guard import prebuilt
from .sessions import READS, TRUSTED, DomainSession, SystemSession, TenantSession

__all__ = [
    "READS",
    "TRUSTED",
    "DomainSession",
    "SystemSession",
    "TenantSession",
    "acting",
    "forget_acting",
    "prebuilt",
]
