"""Engines, sessions that commit, and the process's default database."""

from .database import Database
from .default import get_db, get_db_session, init_db
from .handle import TenantHandle
from .readiness import Readiness

__all__ = ["Database", "Readiness", "TenantHandle", "get_db", "get_db_session", "init_db"]
