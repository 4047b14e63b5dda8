"""Engines, sessions that commit, and the process's default database."""

from .database import Database
from .default import get_db, get_db_session, init_db

__all__ = ["Database", "get_db", "get_db_session", "init_db"]
