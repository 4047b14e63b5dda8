"""SQLite's part of the scope: a connection that limits tables to its organization, and a compiler for writes."""

from typing import Any

from sqlalchemy import Table

from ..model import DomainModel
from ..model.searching import has_words_in
from ..model.tables import ORGANIZATION_ID, ORGANIZATIONS
from ..schema.audit_sqlite import CONTEXT
from ..schema.scope import scope
from ..schema.scope_sqlite import TABLES, created, dropped, scoped
from .forking import InheritableConnection
from .sqlite_amounts import AmountsCompiler


class ScopedConnection(InheritableConnection):
    """A connection with settings for a transaction, as PostgreSQL has; SQL reads them by ``current_setting``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.settings: dict[str, int | str] = {}
        self.has_trail: bool = False  # none before its migration, or if an application made its own tables only
        self._version: tuple[int, int] | None = None
        self._held: list[str] = []
        self.create_function("current_setting", 1, self.settings.get, deterministic=True)  # for one statement
        self.create_function("has_words_in", -1, has_words_in, deterministic=True)

    def set_local(self, name: str, value: int | str) -> None:
        """Keep the setting until the transaction ends; an empty value removes it."""
        self.settings[name] = value
        if value == "":
            del self.settings[name]

    def hold_scope(self) -> None:
        """Make the scope's views and triggers for every table that the file has. Not within a transaction.

        Again where the schema changed, or a model was imported, since it did so.
        """
        known = DomainModel.metadata.tables
        version = (self.execute("PRAGMA main.schema_version").fetchone()[0], len(known))
        if version != self._version:
            tables = dict(self.execute(TABLES).fetchall())
            self.has_trail = CONTEXT in tables
            rules = scoped(tables, known)
            script = [statement for name in self._held for statement in dropped(name)]
            script += [
                statement for name in rules for statement in created(name, rules[name], rules.get(ORGANIZATIONS, ()))
            ]
            self.executescript(";\n".join(script))
            self._version, self._held = version, list(rules)


class ScopedCompiler(AmountsCompiler):
    """Names the tables themselves where they are written to: views take no writes."""

    def visit_insert(self, insert_stmt: Any, *args: Any, **options: Any) -> str:
        base: Any = super()
        written: str = base.visit_insert(insert_stmt, *args, **options)
        name = self.preparer.format_table(insert_stmt.table)
        return written.replace(f"INTO {name}", f"INTO main.{name}", 1) if _is_view(insert_stmt.table) else written

    def update_tables_clause(self, update_stmt: Any, from_table: Any, extra_froms: Any, **options: Any) -> str:
        base: Any = super()
        written: str = base.update_tables_clause(update_stmt, from_table, extra_froms, **options)
        return f"main.{written}" if _is_view(from_table) else written

    def delete_table_clause(self, delete_stmt: Any, from_table: Any, extra_froms: Any, **options: Any) -> str:
        base: Any = super()
        written: str = base.delete_table_clause(delete_stmt, from_table, extra_froms, **options)
        return f"main.{written}" if _is_view(from_table) else written


def _is_view(written: Any) -> bool:
    """True if a view shadows the table, or the aliased one."""
    table = getattr(written, "element", written)
    known = DomainModel.metadata.tables.get(table.name, table)
    return ORGANIZATION_ID in table.c or (isinstance(known, Table) and scope(known) is not None)
