"""Search beside a table on PostgreSQL: an index of its words, and the functions that read it.

The operator of text search is not leakproof: behind a policy no index serves it. So a function of the owner's reads
the index, for the organization of the setting alone, and gives out nothing but ids. Each word in the index carries its
organization: no search reads, or takes longer for, what others have.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import ClassVar, NamedTuple

from sqlalchemy import Connection, Table, text

from ..model.names import fitted
from ..model.searching import (
    BETWEEN_WORDS,
    CAPITALS,
    LETTERS,
    LIGATURES,
    MARKS,
    MOST_TEXT,
    MOST_WORD,
    SEARCHED,
    search_function,
)
from ..model.tables import ORGANIZATION_ID
from .audit_columns import literal
from .replaceable import NOTHING, Found, Replaceable, State
from .scope import ORGANIZATION_SETTING
from .scope_postgresql import quoted, text_setting

_COLUMNS = "columns"
_MARK = "-- searched "
_MADE = text(
    "SELECT c.relname, p.proname, p.prosrc, p.prosecdef, p.proowner = c.relowner AND array_to_string(p.proconfig, ';')"
    " IS NOT DISTINCT FROM CASE WHEN p.provolatile = 's' THEN 'search_path=pg_catalog, '"
    "  || quote_ident(current_schema()) || ', pg_temp' || CASE WHEN p.prosecdef THEN :planned ELSE '' END END"
    " FROM pg_class c LEFT JOIN pg_proc p ON p.pronamespace = c.relnamespace"
    "  AND starts_with(p.prosrc, concat(chr(10), CAST(:mark AS text), to_json(c.relname::text), ' '))"
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace"
).bindparams(mark=_MARK, planned=";plan_cache_mode=force_custom_plan;enable_seqscan=off")
_INDEXES = text(
    "SELECT c.relname, i.relname, pg_get_indexdef(i.oid), x.indisvalid FROM pg_index x"
    " JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid"
    " WHERE c.relnamespace = current_schema()::regnamespace AND pg_get_indexdef(i.oid) LIKE '%array\\_to\\_tsvector(%'"
)


def search_index(table: str) -> str:
    """The name of the index of a table's words."""
    return fitted(f"ix_{table}_search")


def own_search(table: str) -> str:
    """The name of the function that reads the index with its owner's rights."""
    return fitted(f"search_own_{table}")


class _Function(NamedTuple):
    """``with_rights``: it has those of its owner."""

    name: str
    arguments: str
    declared: str
    source: str
    with_rights: bool = False


class SearchIndex(Replaceable):
    """The state of a table is the columns that are searched, in their order; SQLite reads them without an index.

    SQLite keeps nothing of it, so that a revision that changes the columns is to be generated on PostgreSQL.
    """

    name: ClassVar[str] = "search"

    def wanted(self, table: Table) -> State:
        columns = table.info.get(SEARCHED, ())
        return {_COLUMNS: ", ".join(columns)} if columns and all(name in table.c for name in columns) else NOTHING

    def create(self, table: str, state: State, dialect: str) -> Iterator[str]:
        if dialect != "postgresql":
            return
        for function in _functions(table, state):
            signature = f"{quoted(function.name)}({function.arguments})"
            yield f"CREATE FUNCTION {signature} {function.declared} AS $search${function.source}$search$"
            if "STABLE" in function.declared:
                # The schema of the tables, whatever its name; after it the temporary tables, which else come first.
                yield (
                    f"DO $do$ BEGIN EXECUTE {literal(f'ALTER FUNCTION {signature} SET search_path = pg_catalog, ')}"
                    " || quote_ident(current_schema()) || ', pg_temp'; END $do$"
                )
            if function.with_rights:
                # Planned for the words at hand; and by the index, whatever statistics say of a table just filled.
                yield f"ALTER FUNCTION {signature} SET plan_cache_mode = force_custom_plan"
                yield f"ALTER FUNCTION {signature} SET enable_seqscan = off"
        # What waits to be merged is read by every search: 256 kB of it, not 4 MB.
        words = f"USING gin ({_vector(table, state)}) WITH (gin_pending_list_limit = 256)"
        yield f"CREATE INDEX {quoted(search_index(table))} ON {quoted(table)} {words}"

    def drop(self, table: str, dialect: str) -> Iterator[str]:
        if dialect == "postgresql":
            yield f"DROP INDEX IF EXISTS {quoted(search_index(table))}"
            for function in _functions(table, {_COLUMNS: ""}):
                yield f"DROP FUNCTION IF EXISTS {quoted(function.name)}({function.arguments})"

    def present(self, connection: Connection) -> dict[str, Found] | None:
        if connection.dialect.name != "postgresql":
            return None
        made: dict[str, dict[str, tuple[str, bool, bool]]] = {}
        for table, name, source, with_rights, holds in connection.execute(_MADE):
            made.setdefault(table, {}).update({name: (source, with_rights, holds)} if name else {})
        indexes: dict[str, dict[str, str]] = {}
        for table, name, words, is_valid in connection.execute(_INDEXES):
            indexes.setdefault(table, {}).update({name: _plain(words)} if is_valid else {})
        return {table: _found(table, functions, indexes.get(table, {})) for table, functions in made.items()}


def _found(table: str, functions: dict[str, tuple[str, bool, bool]], indexes: dict[str, str]) -> Found:
    marks = [source.split("\n", 2)[1] for source, _, _ in functions.values()]
    if not marks:
        return Found(NOTHING)
    state = {_COLUMNS: marks[0].removeprefix(_MARK).removeprefix(f"{json.dumps(table, ensure_ascii=False)} ")}
    wanted = {f.name: (f.source, f.with_rights, True) for f in _functions(table, state)}
    index = _plain(f"USING gin ({_vector(table, state)})")
    return Found(state, functions == wanted and index in indexes.get(search_index(table), ""))


def _plain(words: str) -> str:
    """An index's definition without casts, brackets and blanks, which PostgreSQL rewrites."""
    return re.sub(r"::(character varying|text)(\[\])?|[()\s]", "", words)


def _words(table: str) -> str:
    return quoted(fitted(f"search_words_{table}"))


def _vector(table: str, state: State) -> str:
    # Each is cast, as PostgreSQL writes it in a dump: the index of a restored database is else another expression's.
    columns = ", ".join(f"{quoted(name)}::text" for name in state[_COLUMNS].split(", "))
    return f"array_to_tsvector({_words(table)}({ORGANIZATION_ID}, VARIADIC ARRAY[{columns}]))"


def _query(table: str, organization: str) -> str:
    """Words have no mark in them, so that none ends the quotes."""
    joined = f"array_to_string({_words(table)}({organization}, $1), ''':* & ''')"
    return f"('''' || nullif({joined}, '') || ''':*')::tsquery"


def _functions(table: str, state: State) -> Iterator[_Function]:
    mark = f"\n{_MARK}{json.dumps(table, ensure_ascii=False)} {state[_COLUMNS]}\n"
    name, own, here = quoted(table), own_search(table), text_setting(ORGANIZATION_SETTING)
    yield _Function(
        fitted(f"search_words_{table}"),
        "organization bigint, VARIADIC texts text[]",
        "RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000",
        f"{mark}{_FOLDING}",
    )
    found = f"RETURN QUERY SELECT found.id FROM {name} found WHERE"  # noqa: S608  # its own names
    yield _Function(
        own,
        "words text",
        "RETURNS SETOF bigint LANGUAGE plpgsql STABLE ROWS 100 SECURITY DEFINER",
        f"""{mark}DECLARE
  organization bigint := {here};
  wanted tsquery := {_query(table, "organization")};
BEGIN
  IF NOT has_table_privilege(session_user, {literal(name)}::regclass, 'SELECT') THEN
    RAISE insufficient_privilege USING MESSAGE = {literal(f"permission denied for table {table}")};
  END IF;
  -- By a sum, for which no index of the organization's rows is chosen: the words have theirs.
  {found} found.{ORGANIZATION_ID} + 0 = organization AND {_vector(table, state)} @@ wanted;
END
""",
        with_rights=True,
    )
    yield _Function(
        search_function(table),
        "words text",
        "RETURNS SETOF bigint LANGUAGE plpgsql STABLE ROWS 100",
        f"""{mark}BEGIN
  IF {here} IS NOT NULL THEN
    RETURN QUERY SELECT {quoted(own)}(words);
  ELSE
    -- The system's login reads every organization: what its policy shows, by no index.
    {found} {_vector(table, state)} @@ {_query(table, f"found.{ORGANIZATION_ID}")};
  END IF;
END
""",
    )


_LETTERS = {letter: LETTERS.get(small, small) for letter, small in CAPITALS.items()} | LETTERS


def _literal(letters: Iterable[str]) -> str:
    """Letters in ASCII, which a database of any encoding stores."""
    return f"('{json.dumps(''.join(letters))}'::json #>> '{{}}')"


_LIGATURES = " ".join(f"folded := replace(folded, {_literal(one)}, '{two}');" for one, two in LIGATURES.items())
# One blank alone is left: a match costs more than what is passed over.
_BETWEEN = f"[{BETWEEN_WORDS}][ {BETWEEN_WORDS}]*| [ {BETWEEN_WORDS}]+"
# As words_of does it, without the locale of the database; most texts need no more than the first branch.
_FOLDING = f"""DECLARE
  folded text := array_to_string(texts, ' ');
BEGIN
  IF octet_length(folded) = length(folded) THEN
    folded := lower(folded COLLATE "C");
  ELSE
    folded := lower(regexp_replace(normalize(folded, NFKD), '[{MARKS}]+', '', 'g') COLLATE "C");
    folded := translate(folded, {_literal(_LETTERS)}, {_literal(_LETTERS.values())});
    {_LIGATURES}
  END IF;
  folded := regexp_replace(left(folded, {MOST_TEXT}), '{_BETWEEN}', ' ', 'g');
  IF folded ~ '[^ ]{{{MOST_WORD + 1}}}' THEN
    folded := regexp_replace(folded, '([^ ]{{{MOST_WORD}}})[^ ]+', '\\1', 'g');
  END IF;
  folded := btrim(folded);
  IF folded = '' THEN
    RETURN '{{}}';
  END IF;
  RETURN string_to_array(organization || ':' || replace(folded, ' ', ' ' || organization || ':'), ' ');
END
"""
