"""The scope as SQLite holds it: temporary views that shadow the tables, and temporary triggers on what is written.

They say of a connection what the policies say of a login, over settings that the connection keeps; a system session
reaches every row while no organization is set. They are the connection's own: the file has none of them.
"""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import BigInteger, Column, MetaData, Table

from ..model.tables import ORGANIZATION_ID, ORGANIZATIONS
from .scope import ORGANIZATION_SETTING, SYSTEM_SETTING, Command, Rule, scope

REFUSED = "row of another organization"
TABLES = f"""SELECT m.name, max(c.name = '{ORGANIZATION_ID}') FROM main.sqlite_master m, pragma_table_info(m.name) c
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' GROUP BY m.name"""  # noqa: S608  # a constant
"""Every table of the file, and whether it has a column for the organization."""

_IS_OPEN = f"current_setting('{SYSTEM_SETTING}') AND current_setting('{ORGANIZATION_SETTING}') IS NULL"


def scoped(present: Mapping[str, bool], known: Mapping[str, Table]) -> dict[str, Sequence[Rule]]:
    """The rules of the tables that a file has, by name; for those without a model, by their columns."""
    found: dict[str, Sequence[Rule]] = {}
    for name, has_organization in present.items():
        columns = [Column(ORGANIZATION_ID, BigInteger)] if has_organization else []
        table = known[name] if name in known else Table(name, MetaData(), *columns)
        if (rules := scope(table)) is not None:
            found[name] = rules
    return found


def created(name: str, rules: Sequence[Rule], organizations: Sequence[Rule]) -> Iterator[str]:
    """The statements that hold a connection to the table's rules; triggers may also write for new ``organizations``."""
    table = f"main.{quoted(name)}"
    made = [_admits(rule) for rule in organizations if rule.command == "INSERT"]
    new = f"SELECT id FROM main.{ORGANIZATIONS} WHERE {' OR '.join(made) or 'false'}"  # noqa: S608  # the rules' own names
    yield f"CREATE TEMP VIEW {quoted(name)} AS SELECT * FROM {table} WHERE {_admitted(rules, 'SELECT')}"  # noqa: S608  # names are quoted
    was = f"({_admitted(rules, 'ALL', 'OLD.')}) IS NOT TRUE"
    becomes = f"({_admitted(rules, 'ALL', 'NEW.')}) IS NOT TRUE"
    is_new = f"({_admitted(rules, 'INSERT', 'NEW.', new=new)}) IS NOT TRUE"
    refuse, pass_over = f"RAISE(ABORT, '{REFUSED}')", "RAISE(IGNORE)"
    yield _trigger(name, "INSERT", is_new, refuse)
    # One trigger, as several run in no certain order: to refuse a row that is passed over would reveal it.
    yield _trigger(name, "UPDATE", f"{was} OR {becomes}", f"CASE WHEN {was} THEN {pass_over} ELSE {refuse} END")
    yield _trigger(name, "DELETE", was, pass_over)


def dropped(name: str) -> Iterator[str]:
    """The statements that undo ``created``."""
    yield f"DROP VIEW IF EXISTS temp.{quoted(name)}"
    yield from (f"DROP TRIGGER IF EXISTS temp.{_named(name, event)}" for event in ("INSERT", "UPDATE", "DELETE"))


def quoted(name: str) -> str:
    """The name as an identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def _admitted(rules: Sequence[Rule], command: Command, row: str = "", *, new: str = "") -> str:
    admitting = [rule for rule in rules if rule.command in ("ALL", command)]
    conditions = [_admits(rule, row) for rule in admitting]
    conditions += [f"{row}{quoted(rule.column)} IN ({new})" for rule in admitting if rule.in_trigger]
    return " OR ".join([*conditions, _IS_OPEN])


def _admits(rule: Rule, row: str = "") -> str:
    return f"{row}{quoted(rule.column)} = current_setting('{rule.setting}')"


def _trigger(name: str, event: str, condition: str, action: str) -> str:
    return (
        f"CREATE TEMP TRIGGER {_named(name, event)} BEFORE {event} ON main.{quoted(name)} WHEN {condition}"
        f" BEGIN SELECT {action}; END"
    )


def _named(name: str, event: str) -> str:
    return quoted(f"scope_{event.lower()}_{name}")
