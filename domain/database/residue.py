"""Whether a statement may leave something on its connection that outlives the transaction.

Text may (SET, LISTEN, PREPARE), and so may a function: ``set_config``, ``pg_advisory_lock``, an application's own.
Tables, columns, operators and the functions that SQLAlchemy knows itself can't, nor can the repositories' statements.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.sql.functions import GenericFunction

from ..tenancy import TRUSTED


def leaves_nothing(context: Any) -> bool:
    """Whether what is executed in this context is known to leave nothing."""
    trusted: bool = context.execution_options.get(TRUSTED, False)
    return trusted or getattr(context.compiled, "leaves_nothing", False)


def mark_residue(dialect: Dialect) -> None:
    """Have the dialect's compiler note of each statement, once, whether it leaves nothing."""
    compiler: Any = dialect.statement_compiler

    def noting(visit: Callable[..., Any], is_harmless: Callable[..., bool]) -> Callable[..., Any]:
        def noted(self: Any, *args: Any, **options: Any) -> Any:
            self.leaves_nothing = self.leaves_nothing and is_harmless(*args)
            return visit(self, *args, **options)

        return noted

    visits = {name: noting(getattr(compiler, name), is_harmless) for name, is_harmless in _WAYS_IN.items()}
    dialect.statement_compiler = type(compiler.__name__, (compiler,), {"leaves_nothing": True, **visits})


def _never(*_: object) -> bool:
    return False


def _is_name(column: Any, *_: object) -> bool:
    return not column.is_literal or column.name == "*" or column.name.isdecimal()


def _is_known(function: Any, *_: object) -> bool:
    kinds: list[Any] = [kind for kind in function.__class__.__mro__ if issubclass(kind, GenericFunction)]
    return bool(kinds) and all(kind.__module__.startswith("sqlalchemy.") for kind in kinds)


def _is_operator(_element: object, operator: Any, *_: object) -> bool:
    """Whether it is one, such as JSON's, and not text that was given to ``op()``."""
    return set(operator.opstring) <= set("+-*/<>=~!@#%^&|`?")


_WAYS_IN: dict[str, Callable[..., bool]] = {
    "visit_textclause": _never,
    "visit_column": _is_name,
    "visit_function": _is_known,
    "visit_custom_op_binary": _is_operator,
    "visit_custom_op_unary_operator": _is_operator,
    "visit_custom_op_unary_modifier": _is_operator,
}
