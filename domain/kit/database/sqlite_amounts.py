"""Computing with amounts in SQL on SQLite, where they are integers scaled by a power of ten.

Sums, extremes and comparisons of amounts are computed from the integers, exactly. Anything else (products, ratios,
averages, casts, amounts beside plain numbers) is computed from the amounts, as on PostgreSQL but in floating point, and
rounded to the column's decimals where it is an amount again.
"""

# mypy: disable-error-code="no-untyped-call,no-any-return"
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (Most of what is overridden has no types.)

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BindParameter, Cast, ClauseElement, ClauseList, Null, SelectBase
from sqlalchemy import type_coerce as coerced_to
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import Grouping

from ..model.types import Money
from ..private import values_of

_RATIOS = {operators.mul, operators.truediv, operators.floordiv, operators.mod}


class AmountsCompiler(SQLiteCompiler):
    """Writes amounts where they are computed with, and integers where they are kept."""

    _is_plain = False  # True while amounts are written unscaled

    def visit_column(self, column: Any, *args: Any, **options: Any) -> str:
        return self._leaf(column, super().visit_column(column, *args, **options))

    def visit_bindparam(self, bindparam: Any, *args: Any, **options: Any) -> str:
        return self._leaf(bindparam, super().visit_bindparam(bindparam, *args, **options))

    def visit_binary(self, binary: Any, *args: Any, **options: Any) -> str:
        is_mixed = _is_mixed(binary.left, binary.right) or (
            binary.operator in _RATIOS and _has_amounts(binary.left, binary.right)
        )
        # A comparison is a boolean: what is around it does not change its operands.
        is_apart = operators.is_comparison(binary.operator)
        with self._writing(is_mixed, binary, is_apart=is_apart) as finish:
            return finish(super().visit_binary(binary, *args, **options))

    def visit_function(self, func: Any, *args: Any, **options: Any) -> str:
        is_mixed = func.name.lower() != "count" and _is_mixed(*func.clauses, func)
        with self._writing(is_mixed, func) as finish:
            return finish(super().visit_function(func, *args, **options))

    def visit_cast(self, cast: Cast[Any], **options: Any) -> str:
        with self._writing(_is_mixed(cast.clause, cast), cast) as finish:
            return finish(super().visit_cast(cast, **options))

    def visit_case(self, clause: Any, **options: Any) -> str:
        results = [result for _, result in clause.whens] + ([] if clause.else_ is None else [clause.else_])
        with self._writing(_is_mixed(*results), clause) as finish:
            return finish(super().visit_case(clause, **options))

    def visit_type_coerce(self, type_coerce: Any, **options: Any) -> str:
        with self._writing(_is_mixed(type_coerce.clause, type_coerce), type_coerce) as finish:
            return finish(super().visit_type_coerce(type_coerce, **options))

    def visit_grouping(self, grouping: Any, *args: Any, **options: Any) -> str:
        written = super().visit_grouping(grouping, *args, **options)
        return self._leaf(grouping, written) if isinstance(grouping.element, SelectBase) else written

    def visit_update(self, update_stmt: Any, *args: Any, **options: Any) -> str:
        return super().visit_update(_with_amounts(update_stmt), *args, **options)

    def visit_insert(self, insert_stmt: Any, *args: Any, **options: Any) -> str:
        return super().visit_insert(_with_amounts(insert_stmt), *args, **options)

    def visit_select(self, select_stmt: Any, *args: Any, **options: Any) -> str:
        outside, self._is_plain = self._is_plain, False
        try:
            return super().visit_select(select_stmt, *args, **options)
        finally:
            self._is_plain = outside

    def _leaf(self, element: Any, written: str) -> str:
        is_amount = self._is_plain and isinstance(element.type, Money)
        return f"({written} / {10.0**element.type.scale})" if is_amount else written

    @contextmanager
    def _writing(self, is_mixed: bool, element: Any, *, is_apart: bool = False) -> Generator[Callable[[str], str]]:
        """Write an element's operands unscaled where they are mixed; yield the function that finishes its text."""
        outside = self._is_plain
        self._is_plain = is_mixed or (outside and not is_apart)
        is_kept = self._is_plain and not outside and isinstance(element.type, Money)

        def finish(text: str) -> str:
            return f"CAST(ROUND(({text}) * {10**element.type.scale}) AS INTEGER)" if is_kept else text

        try:
            yield finish
        finally:
            self._is_plain = outside


def _with_amounts(statement: Any) -> Any:
    """The statement, its expressions for amount columns typed so."""
    values: dict[Any, Any] = dict(values_of(statement) or {})
    columns = {key: statement.table.c.get(getattr(key, "key", key)) for key in values}
    made = {
        key: coerced_to(value, columns[key].type)
        for key, value in values.items()
        if isinstance(getattr(columns[key], "type", None), Money) and _is_computed(value)
    }
    return statement.values(made) if made else statement


def _is_computed(value: Any) -> bool:
    is_expression = isinstance(value, ClauseElement) and not isinstance(value, BindParameter)
    return is_expression and any(kind is None for kind in _kinds(value))


def _is_mixed(*elements: Any) -> bool:
    """True if amounts stand beside something else, or beside amounts of other decimals."""
    return len(set(_kinds(*elements))) > 1


def _has_amounts(*elements: Any) -> bool:
    return any(scale is not None for scale in _kinds(*elements))


def _kinds(*elements: Any) -> Iterator[int | None]:
    """The decimals of each operand; None if it is no amount."""
    for element in elements:
        match element:
            case Null():
                pass
            case Grouping():
                yield from _kinds(element.element)
            case ClauseList():
                yield from _kinds(*element.clauses)
            case SelectBase():
                yield from _kinds(next(iter(element.selected_columns)))
            case _:
                kind = getattr(element, "type", None)
                yield kind.scale if isinstance(kind, Money) else None
