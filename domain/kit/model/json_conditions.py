"""Conditions on JSON columns, alike on both databases: a list has items, or a dict has pairs."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import JSON, TypeDecorator, TypeEngine

from ...errors import ArgumentError, MisuseError

_ALIKE = {operators.eq, operators.ne, operators.is_, operators.is_not}


class HasItems(FunctionElement[bool]):
    """True if a list has every item of another, which is JSON as a text."""

    type: TypeEngine[bool] = Boolean()
    inherit_cache: bool | None = True
    same = "held.value = wanted.value"


class HasPairs(HasItems):
    """True if a dict has every pair of another."""

    inherit_cache: bool | None = True
    same = "held.key = wanted.key AND held.value = wanted.value"


class JSONComparator(TypeDecorator.Comparator[Any], JSON.Comparator[Any]):
    """``contains`` and what means the same on both databases; other operators are refused."""

    def operate(self, op: OperatorType, *other: Any, **options: Any) -> ColumnElement[Any]:
        if op is operators.contains_op:
            return self._contains(*other)
        if op not in _ALIKE and not operators.is_ordering_modifier(op) and "getitem" not in op.__name__:
            raise MisuseError(
                f"{self.expr}: {op.__name__} means something else on each database for JSON; use contains([...]) with"
                " the items that a list must have, == or is_(None)"
            )
        return super().operate(op, *other, **options)

    def _contains(self, wanted: Any) -> HasItems:
        kind: Any = self.type
        if kind.is_deep or not isinstance(wanted, list | dict):
            raise ArgumentError(f"{self.expr}: contains takes a list of plain values, or a dict of them")
        has = HasPairs if isinstance(wanted, dict) else HasItems
        return has(self.expr, literal(kind.dumped(kind.checked(wanted)).decode(), Text()))


@compiles(HasItems)
def _on_postgresql(element: HasItems, compiler: SQLCompiler, **options: Any) -> str:
    held, wanted = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(CAST({held} AS JSONB) @> CAST({wanted} AS JSONB))"


@compiles(HasItems, "sqlite")
def _on_sqlite(element: HasItems, compiler: SQLCompiler, **options: Any) -> str:
    # Each occurrence is compiled in its place: parameters are counted by position.
    is_null, wanted, held = (compiler.process(element.clauses.clauses[part], **options) for part in (0, 1, 0))
    found = f"SELECT 1 FROM json_each({held}) AS held WHERE {element.same}"  # noqa: S608  # compiled expressions
    missing = f"SELECT 1 FROM json_each({wanted}) AS wanted WHERE NOT EXISTS ({found})"  # noqa: S608  # as above
    return f"CASE WHEN {is_null} IS NOT NULL THEN NOT EXISTS ({missing}) END"
