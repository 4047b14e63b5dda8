"""This package's part in Alembic's comparison of models and database."""

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import AlterColumnOp
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Column, Identity

from .checks import compare_checks
from .replaceable import compare

NAME = "domain.migrations"


def _ignore_identity(
    _context: AutogenContext,
    _operation: AlterColumnOp,
    _schema: str | None,
    _table: str,
    _column: str,
    _found: Column[Any],
    wanted: Column[Any],
) -> PriorityDispatchResult:
    # SQLite gives ids to every INTEGER PRIMARY KEY, and shows no sign of it.
    is_identity = isinstance(wanted.server_default, Identity)
    return PriorityDispatchResult.STOP if is_identity else PriorityDispatchResult.CONTINUE


_plugin = Plugin(NAME)
_plugin.add_autogenerate_comparator(compare_checks, "table", "checkconstraints")
_plugin.add_autogenerate_comparator(compare, "schema", "replaceable", priority=DispatchPriority.LAST)
_plugin.add_autogenerate_comparator(
    _ignore_identity, "column", "server_default", qualifier="sqlite", priority=DispatchPriority.FIRST
)
