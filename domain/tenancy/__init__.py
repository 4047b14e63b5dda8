"""Sessions bound to an organization, and what guards them."""

from .guard import prebuilt
from .liveness import including_deleted
from .organizations import forget_live
from .sessions import INCLUDE_DELETED, PURGING, TRUSTED, DomainSession, SystemSession, TenantSession
from .setting import send_settings
from .shown import note_shown

__all__ = [
    "INCLUDE_DELETED",
    "PURGING",
    "TRUSTED",
    "DomainSession",
    "SystemSession",
    "TenantSession",
    "forget_live",
    "including_deleted",
    "note_shown",
    "prebuilt",
    "send_settings",
]
