"""Whose rows a table has, declared once: rendered as policies on PostgreSQL, as views and triggers on SQLite."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Table

from ..model.tables import organization_column

ORGANIZATION_SETTING = "app.organization_id"
SYSTEM_SETTING = "app.system"  # SQLite's, which has no logins


class Command(StrEnum):
    """What a rule admits. ALL is reading and writing."""

    ALL = "ALL"
    SELECT = "SELECT"
    INSERT = "INSERT"


class Rule(NamedTuple):
    """Rows are admitted whose column equals a setting, which lasts for a transaction; or that a trigger writes."""

    command: Command
    column: str
    setting: str
    in_trigger: bool = False


def scope(table: Table) -> Sequence[Rule] | None:
    """The rules of which any admits a row of the table to a session.

    Those of the system's records admit none; None where rows are nobody's, and every session's.
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
