"""Rules about tables that are in use, read off the SQL for PostgreSQL, and what to write instead."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .backfill import IN_BATCHES

_SHOWN = 100

RECIPES = {
    "not null": "add the column with a server_default, or nullable and, once the application writes it, filled by"
    " domain.migrations.backfill; then, a revision each: op.create_check_constraint(op.f(name), table, 'x IS NOT NULL',"
    " postgresql_not_valid=True), op.execute('ALTER TABLE ... VALIDATE CONSTRAINT name'),"
    " op.alter_column(..., nullable=False)",
    "rewrite": "this writes every row anew while nobody reads: add the column nullable and without the default, set the"
    " default in a revision of its own, and fill it by domain.migrations.backfill",
    "type": "this may write every row anew while nobody reads: add a second column, have the application write both,"
    " fill it by domain.migrations.backfill, and drop the first a release later (a longer VARCHAR is harmless: allow"
    " it)",
    "index": "make it in a revision of its own: with op.get_context().autocommit_block(): op.drop_index(name, table,"
    " if_exists=True, postgresql_concurrently=True); op.create_index(name, table, [...], postgresql_concurrently=True)."
    " A unique constraint takes that index: ALTER TABLE ... ADD CONSTRAINT ... UNIQUE USING INDEX name",
    "outside": "CONCURRENTLY can't be in a transaction: with op.get_context().autocommit_block(): ...",
    "again": "a CREATE INDEX CONCURRENTLY that fails leaves an invalid index: before it, op.drop_index(name, table,"
    " if_exists=True, postgresql_concurrently=True)",
    "constraint": "it reads every row while nobody writes: add it as op.f(name) with postgresql_not_valid=True, and in"
    " the next revision op.execute('ALTER TABLE ... VALIDATE CONSTRAINT name')",
    "rename": "the release that is running knows the old name: add the new one beside it, have the application write"
    " both, fill it by domain.migrations.backfill, and drop the old one a release later",
    "drop": "the release that is running may use it: drop it a release after the one that has stopped, and say so:"
    " lint_allow = {'drop': 'not used since 2.3'}",
    "backfill": "it locks every row to the end of the transaction: domain.migrations.backfill(table, 'x = 1',"
    " where='x IS NULL'), in a revision of its own",
    "lock": "the lock on one table is held while another is waited for, or rows are read: a revision for each",
    "unreadable": "it asks the database, which lint has not: write it as SQL, or say why it is harmless:"
    " lint_allow = {'unreadable': '...'}",
    "allow": "lint_allow is {rule: reason}; the rules are those that lint names",
}

_TEXT_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)
_COMMA = re.compile(r",\s*(?![^(]*\))")  # none within brackets
_NAME = r'((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))*)'
_ONLY = r"(?:IF (?:NOT )?EXISTS )?(?:ONLY )?"

_MAKES = re.compile(rf"CREATE (?:(?:UNLOGGED|TEMP|TEMPORARY) )?TABLE {_ONLY}{_NAME}", re.IGNORECASE)
_INDEX = re.compile(
    rf"CREATE (?:UNIQUE )?INDEX (CONCURRENTLY )?(?:{_ONLY}{_NAME} )?ON (?:ONLY )?{_NAME}", re.IGNORECASE
)
_DROPS_INDEX = re.compile(rf"DROP INDEX (?:CONCURRENTLY )?IF EXISTS {_NAME}", re.IGNORECASE)
_ALTERS = re.compile(rf"ALTER TABLE {_ONLY}{_NAME} (.*)", re.IGNORECASE)
_LOCKS = re.compile(
    rf"(?:(?:CREATE|ALTER|DROP)(?: OR REPLACE)? (?:POLICY|TRIGGER) .*? ON|LOCK(?: TABLE)?) (?:ONLY )?{_NAME}",
    re.IGNORECASE,
)
_DROPS = re.compile(rf"(?:DROP TABLE|TRUNCATE(?: TABLE)?) {_ONLY}{_NAME}", re.IGNORECASE)
_CHANGES = re.compile(
    rf"(?:WITH .*?)?\b(?:(?:UPDATE|DELETE FROM) (?:ONLY )?|MERGE INTO |INSERT INTO (?=.*\bSELECT\b)){_NAME}",
    re.IGNORECASE,
)

# Of ALTER TABLE, the first that fits.
_ACTIONS = {
    "validate": rf"VALIDATE CONSTRAINT {_NAME}",
    "prove": rf"ADD CONSTRAINT {_NAME} CHECK \(+{_NAME} IS NOT NULL\)+ NOT VALID",
    "": r"ADD (?:CONSTRAINT .* )?(?:FOREIGN KEY|CHECK|NOT NULL)\b.* NOT VALID|ADD .* USING INDEX",
    "constraint": r"ADD (?:CONSTRAINT \S+ )?(?:FOREIGN KEY|CHECK)\b|ADD .*\bREFERENCES\b",
    "index": r"ADD (?:CONSTRAINT \S+ )?(?:UNIQUE|PRIMARY KEY|EXCLUDE)\b",
    "rewrite": r"ADD .*(?:\bGENERATED\b|\bSERIAL|\bBIGSERIAL|DEFAULT .*(?:random|uuid|nextval|clock_timestamp))",
    "not null": r"ADD (?!.*\bDEFAULT\b).*\bNOT NULL",
    "require": rf"ALTER (?:COLUMN )?{_NAME} SET NOT NULL",
    "type": rf"ALTER (?:COLUMN )?{_NAME} (?:SET DATA )?TYPE",
    "rename": r"RENAME (?!CONSTRAINT)",
    "drop": r"DROP (?!CONSTRAINT)",
}
_COMPILED = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _ACTIONS.items()}


@dataclass(frozen=True)
class Action:
    """One thing that a statement does to a table."""

    table: str
    kind: str = ""
    name: str = ""
    column: str = ""


@dataclass(frozen=True)
class Statement:
    """A statement of SQL, as far as the rules look at it."""

    shown: str
    makes: str = ""
    index: str = ""
    on: str = ""
    is_concurrent: bool = False
    drops_index: str = ""
    actions: tuple[Action, ...] = ()


def parsed(sql: str) -> Iterator[Statement]:
    """The statements of a text, without what stands in quotes and comments."""
    if sql.startswith(IN_BATCHES):
        return
    for words in _TEXT_OR_COMMENT.sub(_blank, sql).split(";"):
        if plain := " ".join(words.split()):
            yield _statement(plain)


def _blank(found: re.Match[str]) -> str:
    return " " if found[0].startswith(("--", "/*")) else "''"


def _statement(sql: str) -> Statement:
    shown = sql if len(sql) <= _SHOWN else f"{sql[:_SHOWN]}..."
    if index := _INDEX.match(sql):
        return Statement(shown, index=_plain(index[2]), on=_plain(index[3]), is_concurrent=bool(index[1]))
    makes, drops_index = _MAKES.match(sql), _DROPS_INDEX.match(sql)
    return Statement(
        shown,
        makes=_plain(makes[1]) if makes else "",
        drops_index=_plain(drops_index[1]) if drops_index else "",
        actions=tuple(_actions(sql)),
    )


def _actions(sql: str) -> Iterator[Action]:
    if alters := _ALTERS.match(sql):
        for words in _COMMA.split(alters[2]):
            yield _altering(_plain(alters[1]), words)
    elif drops := _DROPS.match(sql):
        yield Action(_plain(drops[1]), "drop")
    elif changes := _CHANGES.match(sql):
        yield Action(_plain(changes[1]), "backfill")
    elif locks := _LOCKS.match(sql):
        yield Action(_plain(locks[1]))


def _altering(table: str, words: str) -> Action:
    for kind, pattern in _COMPILED.items():
        if found := pattern.match(words):
            names = [_plain(name) for name in found.groups()]
            return Action(table, kind, names[0] if names else "", names[-1] if names else "")
    return Action(table)


def _plain(name: str | None) -> str:
    return (name or "").replace('"', "")
