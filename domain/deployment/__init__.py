"""The logins of a PostgreSQL deployment: making them, and checking a running one."""

from .doctor import examine
from .findings import Finding, Severity, error, warning
from .logins import Logins
from .roles import create_roles, plan

__all__ = ["Finding", "Logins", "Severity", "create_roles", "error", "examine", "plan", "warning"]
