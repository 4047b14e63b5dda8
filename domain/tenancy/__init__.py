"""Sessions bound to an organization, and what guards them."""

from . import guard as guard
from .sessions import TRUSTED, DomainSession, SystemSession, TenantSession
from .setting import send_settings

__all__ = ["TRUSTED", "DomainSession", "SystemSession", "TenantSession", "send_settings"]
