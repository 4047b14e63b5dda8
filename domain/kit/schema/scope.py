"""The scope of a table's rows, declared once: rendered as PostgreSQL's policies, and SQLite's views and triggers."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Table

from ..model.tables import organization_column

ORGANIZATION_SETTING = "app.organization_id"
SYSTEM_SETTING = "app.system"  # SQLite's, which has no logins


class Command(StrEnum):
    """Access that a rule admits. ALL: read and write."""

    ALL = "ALL"
    SELECT = "SELECT"
    INSERT = "INSERT"


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
            Rule(Command.SELECT, column.name, ORGANIZATION_SETTING),
            Rule(Command.INSERT, column.name, ORGANIZATION_SETTING, in_trigger=True),
        )
    own = (Command.SELECT, Command.INSERT) if table.info.get("append_only") else (Command.ALL,)
    return (
        *(Rule(command, column.name, ORGANIZATION_SETTING) for command in own),
        *(Rule(Command.SELECT, *pair) for pair in table.info.get("lookups", {}).items()),
        *(Rule(Command.INSERT, *pair) for pair in table.info.get("creations", {}).items()),
    )
