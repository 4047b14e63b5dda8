"""Sessions bound to an organization, and what guards them."""

from .acting import acting
from .acting import forget as forget_acting
from .guard import prebuilt
from .sessions import TRUSTED, DomainSession, SystemSession, TenantSession
from .setting import send_settings

__all__ = [
    "TRUSTED",
    "DomainSession",
    "SystemSession",
    "TenantSession",
    "acting",
    "forget_acting",
    "prebuilt",
    "send_settings",
]
