"""Engines, and the sessions that commit."""

from .database import Database as Database
from .handle import TenantHandle as TenantHandle
from .readiness import Readiness as Readiness
