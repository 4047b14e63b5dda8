"""The SQL that both databases' triggers share; each has its own names of a row's two versions, and its JSON."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .audit_columns import HIDDEN, AuditedColumn, AuditedTable, json_key


@dataclass(frozen=True)
class Words:
    """``old`` and ``new`` are the row's versions; ``json`` renders a value as JSON text, which is never NULL."""

    old: str
    new: str
    distinct: str  # between two values, NULL being one
    quote: Callable[[str], str]
    json: Callable[[AuditedColumn, str], str]

    def differ(self, columns: Iterable[AuditedColumn]) -> str:
        """The condition that one of the columns has changed."""
        return " OR ".join(self._differs(column) for column in columns)

    def comparable(self, column: AuditedColumn, row: str) -> str:
        """Render a value to compare: JSON as text, since it knows no equality, and to read it may fail."""
        value = self._value(column, row)
        return f"CAST({value} AS text)" if column.kind == "json" else value

    def action(self, table: AuditedTable) -> str:
        """The name of what happened to a row that was updated."""
        if not table.is_deletable:
            return "'update'"
        return (
            f"CASE WHEN {self.new}.is_deleted AND NOT {self.old}.is_deleted THEN 'soft_delete'"
            f" WHEN {self.old}.is_deleted AND NOT {self.new}.is_deleted THEN 'restore' ELSE 'update' END"
        )

    def object(self, columns: Iterable[AuditedColumn], row: str, *, hides: bool = True) -> str:
        """The values that changed, as a JSON object."""
        changes = (
            f"CASE WHEN {self._differs(column)} THEN ',' || {json_key(column.name)} || "
            + (HIDDEN if hides and column.keeping else self.json(column, self._value(column, row)))
            + " ELSE '' END"
            for column in columns
        )
        return "'{' || substr(\n      " + " ||\n      ".join(changes) + ", 2) || '}'"

    def personal(self, table: AuditedTable) -> str:
        """Before and after of the personal columns; NULL where none changed."""
        if not table.personal:
            return "NULL"
        before, after = (self.object(table.personal, row, hides=False) for row in (self.old, self.new))
        halves = f"'{{\"before\":' || {before} || ',\"after\":' || {after} || '}}'"
        return f"CASE WHEN {self.differ(table.personal)} THEN\n      {halves} END"

    def _value(self, column: AuditedColumn, row: str) -> str:
        return f"{row}.{self.quote(column.name)}"

    def _differs(self, column: AuditedColumn) -> str:
        return f"{self.comparable(column, self.old)} {self.distinct} {self.comparable(column, self.new)}"
