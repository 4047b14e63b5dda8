"""The logins of a PostgreSQL deployment: making them, checking a running one, and dumps of it."""

from .backups import BackupError, dump, restore
from .doctor import dumping_login, examine
from .findings import Finding, Severity, error, warning
from .logins import Logins
from .roles import create_roles, plan

__all__ = [
    "BackupError",
    "Finding",
    "Logins",
    "Severity",
    "create_roles",
    "dump",
    "dumping_login",
    "error",
    "examine",
    "plan",
    "restore",
    "warning",
]
