"""A table in FROM is written as the rows that it stands for, so that no form of statement is missed.

``t`` becomes ``(SELECT * FROM t WHERE organization_id = :organization AND NOT is_deleted) AS t``, which planners
flatten. The organization is written in everything that an organization's session sends, the live rows in what was
marked so (``options.Marked``). A repository's statement, and a flush, compares the organization with a parameter
itself: that is not written twice, but the parameter's value is checked (``executing``).
"""

# mypy: disable-error-code="no-untyped-call"
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (Most of what is overridden has no types.)

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Boolean, Label, Select, Table, and_, bindparam, column
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BooleanClauseList,
    ColumnClause,
    ColumnElement,
    FunctionFilter,
    Over,
    WithinGroup,
)
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import AliasedReturnsRows, TableClause
from sqlalchemy.types import TypeEngine

from ...errors import MisuseError
from ..model.registry import REGISTRY
from ..model.tables import organization_column
from .opaque import SeeingCompiler
from .options import Wanted, wanted

SESSION_ORGANIZATION = bindparam("domain_organization_id", type_=BigInteger(), required=True)

_SYSTEM_COLUMNS = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "rowid", "oid", "_rowid_"}
_CLOSED = (FunctionElement, FunctionFilter, WithinGroup, Over, Select)  # may hold columns that are not in GROUP BY
_CATALOGS = ("pg_", "sqlite_")  # the database's own tables: some hold statistics with values of every row


class ReadingCompiler(SeeingCompiler):
    """Writes tables as rows. ``dialect.for_organization``: an organization's (see ``executing``)."""

    def __init__(self, dialect: Any, statement: Any, *args: Any, **options: Any) -> None:
        self.wanted: Wanted | None = wanted(statement)
        self.is_live: bool = self.wanted is not None and self.wanted.live
        is_known = self.wanted is None or not self.wanted.before_organization
        self.is_for_organization: bool = is_known and getattr(dialect, "for_organization", False)
        self.is_target: bool = False
        self.reached: str | None = None
        """A table that is named and has rows of organizations, if any."""
        self.named: list[list[str]] = []  # the keys of the parameters below
        super().__init__(dialect, statement, *args, **options)
        names = {parameter.key: name for parameter, name in self.bind_names.items()} if self.named else {}
        self.compared: list[list[str]] = [[names[key] for key in keys] for keys in self.named]
        """Lists of parameters; one of each has to be the session's organization."""

    def visit_table(self, table: Any, *args: Any, **options: Any) -> Any:
        is_read = options.get("asfrom") and not (options.get("iscrud") or self.is_target)
        alias: Any = options.get("enclosing_alias")
        is_aliased = alias is not None and alias.element is table
        beside = getattr(self.stack[-1]["selectable"], "_where_criteria", ()) if self.stack else ()
        known = self.known(table) if is_read else None
        conditions = self.conditions(known, beside, alias if is_aliased else table)
        if not conditions:
            return super().visit_table(table, *args, **options)
        meant = self.process(and_(*conditions), include_table=False)
        others: Any = options.pop("ambiguous_table_name_map", None) or {}
        read = super().visit_table(table, *args, **options)
        rows = f"(SELECT * FROM {read} WHERE {meant})"  # noqa: S608  # SQLAlchemy's words
        if is_aliased:
            return rows
        other: Any = dict(others).get(table.name)
        name = table.name if other is None else self._truncated_identifier("alias", other)
        return f"{rows} AS {self.preparer.quote(name)}"

    def visit_tablesample(self, tablesample: Any, asfrom: bool = False, **options: Any) -> Any:
        if self.known(tablesample) is not None:
            raise MisuseError(
                "tablesample() chooses among the rows of every organization: write"
                " select(...).order_by(func.random()).limit(...)"
            )
        return super().visit_tablesample(tablesample, asfrom=asfrom, **options)

    def visit_column(self, column: Any, *args: Any, **options: Any) -> Any:
        table: Any = column.table
        declared = isinstance(table, Table) and column.name in table.c
        if self.is_scoping and not declared and str(column.name).lower() in _SYSTEM_COLUMNS:
            raise MisuseError(f"{column.name} is a column of the database's own: name one of the model, as its id")
        return super().visit_column(column, *args, **options)

    def _setup_select_stack(self, select: Any, *args: Any, **options: Any) -> Any:
        self.look_into(select)
        return super()._setup_select_stack(select, *args, **options)

    def _compose_select_body(self, text: str, select: Any, compile_state: Any, *args: Any, **options: Any) -> Any:
        if self.is_scoping and select._group_by_clauses:
            columns = [found[3] for found in compile_state.columns_plus_names]
            self._refuse_half_grouped(select, [*columns, *select._having_criteria, *select._order_by_clauses])
        return super()._compose_select_body(text, select, compile_state, *args, **options)

    def _refuse_half_grouped(self, select: Any, used: Iterable[Any]) -> None:
        """Raise for a column that depends on a grouped key: PostgreSQL sees that in the table itself only."""
        keys = [clause.element if _is_reference(clause) else clause for clause in select._group_by_clauses]
        for part in (found for each in used for found in _outside_functions(each, keys)):
            if self.known(part.table) is not None:
                raise MisuseError(f"name {part.name} in group_by() as well: a key does not stand for its columns")

    def as_target(self, write: Any, *args: Any, **options: Any) -> Any:
        """Write the target of a write as itself."""
        self.is_target = True
        try:
            return write(*args, **options)
        finally:
            self.is_target = False

    def reach(self, known: Table) -> None:
        """Note that a table with rows of organizations is named."""
        self.reached = self.reached or known.name

    @property
    def is_scoping(self) -> bool:
        """True if tables may be written as some of their rows."""
        return self.is_for_organization or self.is_live

    def known(self, table: Any) -> Table | None:
        """Same as ``known_table``; None if the statement has no scope and no mark."""
        if not (self.is_scoping or self.wanted is not None):
            return None
        found = known_table(table)
        if not self.is_for_organization:
            return found
        if found is None and isinstance(table, TableClause) and table.name.lower().startswith(_CATALOGS):
            self.hide(f"the table {table.name}")
        if found is not None and found.info.get("of_the_system"):
            raise MisuseError(f"{found.name} is the system's own: read it in db.system_session(actor=..., reason=...)")
        return found

    def conditions(
        self, known: Table | None, beside: Sequence[Any], named: Any, *, source: Any = None
    ) -> list[ColumnElement[bool]]:
        """The conditions on a table's rows, by columns of ``source``, unless the criteria ``beside`` have them."""
        conditions: list[ColumnElement[bool]] = []
        organization = organization_column(known) if known is not None and self.is_for_organization else None
        if known is not None and organization is not None:
            self.reach(known)
            compared = [] if self.wanted is not None else [*_compared(beside, named.name, organization.name)]
            if compared:
                self.named.append(compared)
            else:
                conditions.append(_column(organization.name, BigInteger(), source) == SESSION_ORGANIZATION)
        itself = source is None and self.wanted is not None and named.name in self.wanted.itself
        if known is not None and self.is_live and "deletion_id" in known.c and not itself:
            conditions.append(~_column("is_deleted", Boolean(), source))
        return conditions


def known_table(table: Any) -> Table | None:
    """The package's or an application's table of this name, whatever object stands for it."""
    while isinstance(table, AliasedReturnsRows):
        table = table.element
    if not isinstance(table, TableClause):
        return None
    tables, name = REGISTRY.metadata.tables, table.name.lower()
    if (exact := tables.get(table.name)) is not None:
        return exact
    return next((each for each in tables.values() if each.name.lower() == name), None)


def _column(name: str, kind: TypeEngine[Any], source: Any) -> ColumnElement[Any]:
    made: Any = column(name, kind)
    made.table = source
    found: ColumnElement[Any] = made
    return found


def _compared(criteria: Iterable[Any], named: str, name: str) -> Iterator[str]:
    """The keys of all parameters that the column has to equal."""
    for part in criteria:
        if isinstance(part, BooleanClauseList) and part.operator is operators.and_:
            yield from _compared(part.clauses, named, name)
        elif isinstance(part, BinaryExpression) and part.operator is operators.eq:
            left: Any = part.left
            is_it = isinstance(left, ColumnClause) and left.name == name and isinstance(part.right, BindParameter)
            if is_it and getattr(left.table, "name", None) == named:
                yield str(part.right.key)


def _is_reference(clause: Any) -> bool:
    return str(clause.__visit_name__) == "label_reference"


def _outside_functions(found: Any, keys: Sequence[Any]) -> Iterator[ColumnClause[Any]]:
    """The columns of an ungrouped expression, except those inside functions, which may be aggregates."""
    part: Any = found.element if isinstance(found, Label) else found
    if isinstance(part, _CLOSED) or any(part.compare(key) for key in keys):
        return
    if isinstance(part, ColumnClause):
        yield part
        return
    for child in part.get_children():
        yield from _outside_functions(child, keys)
