"""The scope of a table's rows, declared once.

``scope_postgresql`` renders it as policies, which ``create_all`` (``beside``) and revisions make; ``scope_sqlite`` as
views and triggers, which each connection makes (``database.sqlite_connection``).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Table

from ..model.tables import organization_column

ORGANIZATION_SETTING = "app.organization_id"
SYSTEM_SETTING = "app.system"  # SQLite's, which has no logins


Command = Literal["ALL", "SELECT", "INSERT"]
"""Access that a rule admits. ALL: read and write."""


class Rule(NamedTuple):
    """Admits rows whose column equals a setting of the transaction; ``in_trigger``: that a trigger writes."""

    command: Command
    column: str
    setting: str
    in_trigger: bool = False


def scope(table: Table) -> Sequence[Rule] | None:
    """The rules for a table's rows: a session sees a row that any of them admits.

    Empty for the system's records, which none admits; None where every session has every row.
    """
    if table.info.get("of_the_system"):
        return ()
    column = organization_column(table)
    if column is None:
        return None
    if table.info.get("written_by_triggers"):
        return (
            Rule("SELECT", column.name, ORGANIZATION_SETTING),
            Rule("INSERT", column.name, ORGANIZATION_SETTING, in_trigger=True),
        )
    own: tuple[Command, ...] = ("SELECT", "INSERT") if table.info.get("append_only") else ("ALL",)
    return (
        *(Rule(command, column.name, ORGANIZATION_SETTING) for command in own),
        *(Rule("SELECT", *pair) for pair in table.info.get("lookups", {}).items()),
        *(Rule("INSERT", *pair) for pair in table.info.get("creations", {}).items()),
    )
