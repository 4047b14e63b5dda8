"""Engines, and the sessions that commit."""

from .database import Database
from .handle import TenantHandle
from .readiness import Readiness

__all__ = ["Database", "Readiness", "TenantHandle"]
