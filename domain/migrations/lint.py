"""Reading revisions for what would hold up an application that is running: by the SQL that they print, offline."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from .lint_rules import RECIPES, Action, Statement, parsed
from .transaction import MigrationError

ALLOW = "lint_allow"
"""The name in a revision for the rules that it breaks on purpose, each with its reason."""

_Name: TypeAlias = tuple[str, str]  # of something of a table


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A statement of a revision that should be written otherwise, and how."""

    revision: str
    rule: str
    what: str
    recipe: str


def lint(location: Path, *, since: str | None = None) -> list[Refusal]:
    """Read a tree of revisions, an alembic.ini or its folder; ``since``: only what comes after this revision.

    It runs each ``upgrade`` as ``--sql`` does, for PostgreSQL, and needs no database and no env.py.

    Raises:
        MigrationError: there is no such tree or revision, or none at all.
    """
    config = Config(location) if location.is_file() else Config()
    if not location.is_file():
        config.set_main_option("script_location", str(location).replace("%", "%%"))
    conditions, proven, found = dict[_Name, str](), set[_Name](), list[Refusal]()
    try:
        scripts = ScriptDirectory.from_config(config)
        skipped = {script.revision for script in scripts.iterate_revisions(since, "base")} if since else set[str]()
        revisions = list(scripts.walk_revisions())
    except (CommandError, RevisionError) as error:
        raise MigrationError(str(error)) from error
    if not revisions:
        raise MigrationError(f"{location} has no revisions: name an alembic.ini, or the folder that has versions/")
    for script in reversed(revisions):
        refused = list(_Revision(script, conditions, proven).refusals())
        found += [] if script.revision in skipped else refused
    return found


class _Printed(io.StringIO):
    """Alembic's output: each statement is one call."""

    def __init__(self) -> None:
        super().__init__()
        self.statements: list[str] = []

    def write(self, text: str, /) -> int:
        self.statements.append(text)
        return len(text)


class _Revision:
    def __init__(self, script: Script, conditions: dict[_Name, str], proven: set[_Name]) -> None:
        self._script = script
        self._conditions = conditions  # of earlier revisions, that say a column is not null; validated they prove it
        self._proven = proven
        self._made: set[str] = set()  # tables of this revision: nobody waits for them
        self._dropped: set[str] = set()  # indexes
        self._locked: dict[str, None] = {}  # tables, in this transaction
        self._outside = False  # in an autocommit_block

    def refusals(self) -> Iterator[Refusal]:
        given: object = getattr(self._script.module, ALLOW, {})
        allowed = cast("dict[object, object]", given) if isinstance(given, dict) else {}
        if not isinstance(given, dict):
            yield self._refusal("allow", ALLOW)
        for name, reason in allowed.items():
            if name not in RECIPES or not isinstance(reason, str) or not reason.strip():
                yield self._refusal("allow", f"{ALLOW}[{name!r}]")
        printed = _Printed()
        options = {"as_sql": True, "literal_binds": True, "output_buffer": printed}
        refused: dict[tuple[str, str], None] = {}
        try:
            with Operations.context(MigrationContext.configure(dialect_name="postgresql", opts=options)):
                self._script.module.upgrade()
        except Exception as error:  # whatever a revision does without rows
            refused["unreadable", f"{type(error).__name__}: {error}"] = None
        for statement in (each for text in printed.statements for each in parsed(text)):
            refused |= dict.fromkeys((rule, statement.shown) for rule in self._rules(statement))
        yield from (self._refusal(rule, shown) for rule, shown in refused if rule not in allowed)

    def _refusal(self, rule: str, what: str) -> Refusal:
        doc = f" {self._script.doc}" if self._script.doc else ""
        return Refusal(revision=f"{self._script.revision}{doc}", rule=rule, what=what, recipe=RECIPES[rule])

    def _rules(self, statement: Statement) -> Iterable[str]:
        """The rules that a statement breaks, after those before it."""
        if statement.shown.upper() in ("COMMIT", "BEGIN"):
            self._outside = statement.shown.upper() == "COMMIT"
            self._locked.clear()
        if statement.makes:
            self._made.add(statement.makes)
        if statement.drops_index:
            self._dropped.add(statement.drops_index)
        if statement.on and statement.on not in self._made:
            yield from self._index(statement)
        for action in statement.actions:
            if action.table not in self._made:
                yield from self._action(action)

    def _index(self, statement: Statement) -> Iterator[str]:
        if not statement.is_concurrent:
            yield from ("index", *(["lock"] if self._locked else []))
        elif not self._outside:
            yield "outside"
        elif statement.index not in self._dropped:
            yield "again"

    def _action(self, action: Action) -> Iterator[str]:
        key = (action.table, action.name)
        match action.kind:
            case "prove":
                self._conditions[key] = action.column
            case "validate" if key in self._conditions:
                self._proven.add((action.table, self._conditions[key]))
            case "require" if (action.table, action.column) not in self._proven:
                yield "not null"
            case rule if rule in RECIPES:
                yield rule
            case _:
                pass
        if action.kind in ("validate", "backfill"):  # they take as long as the table is large
            if self._locked:
                yield "lock"
        elif not self._outside:
            self._locked[action.table] = None
            if len(self._locked) > 1:
                yield "lock"
