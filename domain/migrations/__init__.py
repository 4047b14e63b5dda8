"""The schema's migrations: running and checking them, and the helper for an application's own env.py."""

from .audit import SetAuditOp
from .commands import check, current, downgrade, head, upgrade
from .env import run_env
from .errors import MigrationError
from .policies import SetPoliciesOp

__all__ = [
    "MigrationError",
    "SetAuditOp",
    "SetPoliciesOp",
    "check",
    "current",
    "downgrade",
    "head",
    "run_env",
    "upgrade",
]
