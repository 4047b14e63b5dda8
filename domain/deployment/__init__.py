"""The logins of a PostgreSQL deployment: making them, and checking a running one."""

from .doctor import Finding, Severity, examine
from .roles import Logins, create_roles, role_statements

__all__ = ["Finding", "Logins", "Severity", "create_roles", "examine", "role_statements"]
