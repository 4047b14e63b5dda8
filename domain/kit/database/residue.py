"""Statements that may leave something on their connection that outlives the transaction.

Text may (SET, LISTEN, PREPARE), and so may a function: ``set_config``, ``pg_advisory_lock``, an application's own.
Tables, columns, operators and the functions that SQLAlchemy knows itself can't, nor can the repositories' statements.
"""

from typing import Any

from ..session import OWN


def leaves_nothing(context: Any) -> bool:
    """True if what is executed in this context is known to leave nothing."""
    is_own: bool = context.execution_options.get(OWN, False)
    compiled = context.compiled
    return is_own or (getattr(compiled, "hidden", "text") is None and not compiled.calls_unknown)
