"""Compiling of writes: the target of an UPDATE or DELETE gets its conditions in WHERE, an INSERT the organization."""

# mypy: disable-error-code="no-untyped-call"
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (Most of what is overridden has no types.)

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, BindParameter, CompoundSelect, Label, Select, Table, and_, bindparam
from sqlalchemy.sql.elements import ColumnClause, ColumnElement

from ...errors import MisuseError, UnguardedStatementError
from ..model.registry import REGISTRY
from ..model.tables import ORGANIZATION_ID, organization_column
from .reading_compiler import SESSION_ORGANIZATION, ReadingCompiler
from .refused_writes import APPEND_ONLY, WRITES_TRAIL, assigned, key_of, raise_version, refuse_managed_columns


class OrganizationCompiler(ReadingCompiler):
    """The whole compiler, of reads too, which is mixed into that of each engine's dialect."""

    removed: str | None = None
    """The model whose rows a DELETE would remove instead of marking them."""
    moves: bool = False
    """True if an UPDATE would assign rows to an organization."""

    def visit_update(self, update_stmt: Any, *args: Any, **options: Any) -> Any:
        known = self._known_target(update_stmt)
        if known is not None:
            names = set(assigned(update_stmt))
            if self._is_top(options):
                names |= {*(self.column_keys or ())}
            elif self.wanted is not None:
                refuse_managed_columns(update_stmt, known)
                update_stmt = raise_version(update_stmt, known)
            self._note_moving(known, names)
        return super().visit_update(self._held(update_stmt, known), *args, **options)

    def visit_delete(self, delete_stmt: Any, *args: Any, **options: Any) -> Any:
        known = self._known_target(delete_stmt)
        if known is not None and "deletion_id" in known.c and self.wanted is not None and not self.wanted.purging:
            self.removed = next((m.class_.__name__ for m in REGISTRY.mappers if m.local_table is known), known.name)
        return super().visit_delete(self._held(delete_stmt, known), *args, **options)

    def visit_insert(self, insert_stmt: Any, *args: Any, **options: Any) -> Any:
        known = self._known_target(insert_stmt)
        if known is not None and self.wanted is not None and not self._is_top(options):
            refuse_managed_columns(insert_stmt, known)
        if known is not None and self.is_for_organization and ORGANIZATION_ID in known.c:
            self.reach(known)
            insert_stmt = self._of_organization(insert_stmt, is_top=self._is_top(options))
        return super().visit_insert(insert_stmt, *args, **options)

    def visit_on_conflict_do_update(self, on_conflict: Any, **options: Any) -> Any:
        insert: Any = self.stack[-1]["selectable"]
        target: Any = insert.table
        known = self.known(target)
        if known is not None:
            where = [] if on_conflict.update_whereclause is None else [on_conflict.update_whereclause]
            self._refuse_change(known)
            self._note_moving(known, {key_of(key) for key in dict(on_conflict.update_values_to_set)})
            conditions = [*self.conditions(known, where, target, source=target), *where]
            on_conflict = _with(on_conflict, update_whereclause=and_(*conditions) if conditions else None)
        dialect: Any = super()  # that of the dialect, whose compiler this is mixed into
        return dialect.visit_on_conflict_do_update(on_conflict, **options)

    def update_tables_clause(self, *args: Any, **options: Any) -> Any:
        return self.as_target(super().update_tables_clause, *args, **options)

    def delete_table_clause(self, *args: Any, **options: Any) -> Any:
        return self.as_target(super().delete_table_clause, *args, **options)

    def _is_top(self, options: dict[str, Any]) -> bool:
        return not (self.stack or options.get("visiting_cte"))

    def _known_target(self, statement: Any) -> Table | None:
        self.look_into(statement)
        known = self.known(statement.table)
        if known is not None and self.is_for_organization and known.info.get("written_by_triggers"):
            raise MisuseError(WRITES_TRAIL)
        if known is not None and not statement.is_insert:
            self._refuse_change(known)
        return known

    def _refuse_change(self, known: Table) -> None:
        is_sessions = self.is_for_organization or (self.wanted is not None and not self.wanted.purging)
        if known.info.get("append_only") and is_sessions:
            raise MisuseError(f"{known.name}: {APPEND_ONLY}")

    def _note_moving(self, known: Table, names: Iterable[str]) -> None:
        """Note an assignment of rows to an organization."""
        self.moves |= ORGANIZATION_ID in known.c and ORGANIZATION_ID in map(str.lower, names)

    def _held(self, statement: Any, known: Table | None) -> Any:
        """The UPDATE or DELETE with the conditions on its target, before those that it has."""
        beside = statement._where_criteria
        conditions = self.conditions(known, beside, statement.table, source=statement.table)
        return _with(statement, _where_criteria=(*conditions, *beside)) if conditions else statement

    def _of_organization(self, insert: Any, *, is_top: bool) -> Any:
        """The INSERT with the organization in every row; one that a row names is noted, to be compared."""
        target = next((c for c in insert.table.c if c.name.lower() == ORGANIZATION_ID), None)
        if target is None:
            raise UnguardedStatementError(f"insert() into {insert.table.name} without its column {ORGANIZATION_ID}")
        if insert.select is not None:
            return self._selected_of_organization(insert, target)
        if insert._multi_values:
            rows = [[self._row_of_organization(row, target) for row in part] for part in insert._multi_values]
            return _with(insert, _multi_values=tuple(rows))
        if is_top and target.key in (self.column_keys or ()) and target.key not in assigned(insert):
            self.named.append([target.key])
            return insert
        return _with(insert, _values=self._row_of_organization(insert._values or {}, target))

    def _row_of_organization(self, row: Any, target: Any) -> dict[Any, Any]:
        values: dict[Any, Any] = dict(row if hasattr(row, "items") else zip(target.table.c, row, strict=False))
        named = next((key for key in values if key_of(key) == target.key), target)
        value = values.get(named, SESSION_ORGANIZATION)
        if not isinstance(value, ColumnElement):
            value = bindparam(None, value, type_=BigInteger(), unique=True)
        self._note(value)
        return {**values, named: value}

    def _selected_of_organization(self, insert: Any, target: Any) -> Any:
        names = [key_of(name) for name in insert._select_names]
        if target.key in names:
            self._note_selected(insert.select, names.index(target.key))
            return insert
        chosen = insert.select
        if not isinstance(chosen, Select):
            raise UnguardedStatementError(f"from_select() of a union that does not select {ORGANIZATION_ID}")
        return _with(insert, _select_names=[*names, target.key], select=chosen.add_columns(SESSION_ORGANIZATION))

    def _note_selected(self, select: Any, position: int) -> None:
        if isinstance(select, CompoundSelect):
            for part in select.selects:
                self._note_selected(getattr(part, "element", part), position)
        else:
            self._note(list(select._all_selected_columns)[position])

    def _note(self, value: Any) -> None:
        """Have a parameter compared later; raise for any other value, except a column of this organization."""
        value = value.element if isinstance(value, Label) else value
        if isinstance(value, BindParameter):
            self.named.append([value.key])
        elif not (
            isinstance(value, ColumnClause) and value.base_columns and all(map(self._is_own, value.base_columns))
        ):
            raise UnguardedStatementError(f"insert() with an expression for {ORGANIZATION_ID} (leave it out)")

    def _is_own(self, base: Any) -> bool:
        """True if a column holds the session's organization, since its table is written as that one's rows."""
        known = self.known(getattr(base, "table", None))
        organization = None if known is None else organization_column(known)
        return organization is not None and str(base.name).lower() == organization.name


def _with(statement: Any, **attributes: Any) -> Any:
    """A copy with these attributes."""
    copied = statement._clone()
    vars(copied).update(attributes)
    return copied
