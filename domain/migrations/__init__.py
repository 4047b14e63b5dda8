"""The schema's migrations: running and checking them, and the helper for an application's own env.py."""

from ..kit.model.clock import DatabaseTime
from .backfill import backfill
from .commands import check, current, downgrade, head, upgrade
from .env import run_env
from .indexes import repair
from .lint import Refusal, lint
from .replaceable import ReplaceOp
from .transaction import MigrationBusyError, MigrationError
from .written_on_sqlite import WrittenOnSQLite

__all__ = [
    "DatabaseTime",
    "MigrationBusyError",
    "MigrationError",
    "Refusal",
    "ReplaceOp",
    "WrittenOnSQLite",
    "backfill",
    "check",
    "current",
    "downgrade",
    "head",
    "lint",
    "repair",
    "run_env",
    "upgrade",
]
