"""Opaque parts of statements: text may name any table, and a function may leave anything behind."""

# mypy: disable-error-code="no-untyped-call"
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (Most of what is overridden has no types.)

import re
from typing import Any

from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.sql.visitors import iterate

_HARMLESS = ("*", "'%'")  # SQLAlchemy's own, the latter in contains() and its like
_OPERATOR = re.compile(r"[-+*/<>=~!@#%^&|`?]+")
_TYPE = re.compile(r"[\w .,\[\]\"']*(\([\d, ]*\))?[\w .,\[\]\"']*")


class SeeingCompiler(SQLCompiler):
    """Notes the kind of text that it meets, and whether a function is called that SQLAlchemy does not know."""

    hidden: str | None = None
    """A part that may name a table unseen, and so is refused in an organization's session."""
    calls_unknown: bool = False

    def hide(self, what: str) -> None:
        """Note an opaque part."""
        self.hidden = what

    def look_into(self, statement: Any) -> None:
        """Note what no visitor meets: hints, unquoted names, and elements that write text of their own."""
        if statement._hints or getattr(statement, "_statement_hints", ()):
            self.hidden = "a hint"
        parts: list[Any] = list(iterate(statement))
        for part in parts:
            name = getattr(part, "name", None)
            if isinstance(name, quoted_name) and name.quote is False and not name.isidentifier():
                self.hidden = "a name that is not quoted"
        for kind in set(map(type, parts)):
            if any("_compiler_dispatcher" in vars(base) and not _is_ours(base) for base in kind.__mro__):
                self.hidden = f"{kind.__name__}, which is compiled by a function of its own"

    def visit_textclause(self, *args: Any, **options: Any) -> Any:
        self.hidden = "text"
        return super().visit_textclause(*args, **options)

    def visit_tstring_text(self, *args: Any, **options: Any) -> Any:
        self.hidden = "a tstring"
        return super().visit_tstring_text(*args, **options)

    def visit_column(self, column: Any, *args: Any, **options: Any) -> Any:
        if column.is_literal and column.name not in _HARMLESS and not str(column.name).isdecimal():
            self.hidden = "literal_column"
        return super().visit_column(column, *args, **options)

    def visit_custom_op_binary(self, element: Any, operator: Any, **options: Any) -> Any:
        self._see_operator(operator)
        return super().visit_custom_op_binary(element, operator, **options)

    def visit_custom_op_unary_operator(self, element: Any, operator: Any, **options: Any) -> Any:
        self._see_operator(operator)
        return super().visit_custom_op_unary_operator(element, operator, **options)

    def visit_custom_op_unary_modifier(self, element: Any, operator: Any, **options: Any) -> Any:
        self._see_operator(operator)
        return super().visit_custom_op_unary_modifier(element, operator, **options)

    def visit_extract(self, extract: Any, **options: Any) -> Any:
        if not str(extract.field).isidentifier():
            self.hidden = "extract() of a text"
        return super().visit_extract(extract, **options)

    def visit_typeclause(self, typeclause: Any, **options: Any) -> Any:
        text: str = super().visit_typeclause(typeclause, **options)
        if not _TYPE.fullmatch(text):
            self.hidden = "a type with a text"
        return text

    def visit_function(self, func: Any, *args: Any, **options: Any) -> Any:
        self.calls_unknown |= not _is_known(func)
        return super().visit_function(func, *args, **options)

    def _see_operator(self, operator: Any) -> None:
        if not _OPERATOR.fullmatch(operator.opstring):
            self.hidden = f"op({operator.opstring!r})"


def _is_known(function: Any) -> bool:
    kinds: list[Any] = [kind for kind in function.__class__.__mro__ if issubclass(kind, GenericFunction)]
    return bool(kinds) and all(kind.__module__.startswith("sqlalchemy.") for kind in kinds)


def _is_ours(kind: type[Any]) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]
