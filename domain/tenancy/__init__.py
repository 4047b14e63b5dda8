"""Sessions bound to an organization, and what guards them."""

from .acting import acting, forget
from .guard import prebuilt
from .sessions import TRUSTED, DomainSession, SystemSession, TenantSession
from .setting import send_settings

__all__ = ["TRUSTED", "DomainSession", "SystemSession", "TenantSession", "acting", "forget", "prebuilt", "send_settings"]
