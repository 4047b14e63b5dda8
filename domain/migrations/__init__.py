"""The schema's migrations: running and checking them, and the helper for an application's own env.py."""

from ..kit.model.clock import DatabaseTime
from .commands import check, current, downgrade, head, upgrade
from .env import run_env
from .replaceable import ReplaceOp
from .transaction import MigrationError
from .written_on_sqlite import WrittenOnSQLite

__all__ = [
    "DatabaseTime",
    "MigrationError",
    "ReplaceOp",
    "WrittenOnSQLite",
    "check",
    "current",
    "downgrade",
    "head",
    "run_env",
    "upgrade",
]
