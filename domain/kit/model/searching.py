"""Search: words of a text without case and accents, alike on both databases, and the condition that a row has them.

What a letter, an accent and a mark between words is stands here, and not in a database's locale.
"""

import re
from typing import Any, TypeAlias
from unicodedata import normalize

from sqlalchemy import Boolean, ColumnElement, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from .names import fitted

SEARCHED = "searched"
"""In a table's info: the names of the columns that are searched."""
MOST_TEXT, MOST_WORD = 100_000, 100
"""How much of a row and of a word counts, in characters; PostgreSQL's index has limits of its own."""
# Escapes that Python and PostgreSQL read alike, within brackets.
MARKS = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u20d0-\u20ff\u00ad"
    r"\ufeff"
)
BETWEEN_WORDS = (  # beside blanks
    r"\u0001-\u001f\u0021-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff"
    r"\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u30fb\ufe10-\ufe6f\ufffd"
)
_SCRIPTS = (range(0xC6, 0x250), range(0x370, 0x530), range(0x531, 0x557))  # Latin, Greek and Cyrillic, Armenian
CAPITALS = {
    capital: capital.lower()
    for capital in map(chr, (code for script in _SCRIPTS for code in script))
    if capital.lower() != capital == normalize("NFKD", capital) and len(capital.lower()) == 1
} | {"ẞ": "ß"}
LETTERS = {
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "ħ": "h",
    "\u0131": "i",
    "ł": "l",
    "ŧ": "t",
    "\u03c2": "\u03c3",
}  # the last: final sigma
LIGATURES = {"ß": "ss", "æ": "ae", "œ": "oe"}

Model: TypeAlias = type[Any]  # Within a function element the name ``type`` is its own.

_MARKS, _BETWEEN_WORDS = re.compile(f"[{MARKS}]+"), re.compile(f"[ {BETWEEN_WORDS}]+")
_PLAIN = LETTERS | LIGATURES
_FOLDED = str.maketrans(
    {chr(code): chr(code).lower() for code in range(ord("A"), ord("Z") + 1)}
    | {letter: _PLAIN.get(small, small) for letter, small in CAPITALS.items()}
    | _PLAIN
)


def words_of(*texts: str | None) -> list[str]:
    """The words of the texts, each as it is compared."""
    whole = " ".join(text for text in texts if text is not None)
    plain = whole.lower() if whole.isascii() else _MARKS.sub("", normalize("NFKD", whole)).translate(_FOLDED)
    return [word[:MOST_WORD] for word in _BETWEEN_WORDS.split(plain[:MOST_TEXT]) if word]


def has_words_in(words: str, *texts: str | None) -> bool:
    """True if every one of the words begins a word of the texts. SQLite calls it for each row."""
    there = " " + " ".join(words_of(*texts))
    return all(f" {word}" in there for word in words.split())


def search_function(table: str) -> str:
    """PostgreSQL's function that has the ids of the rows with every word."""
    return fitted(f"search_{table}")


class HasWords(FunctionElement[bool]):
    """True if every word begins a word of the row; ``words`` are ``words_of`` a text.

    On PostgreSQL a function of the table answers, by its index; on SQLite the searched ``columns`` are read.
    """

    type: TypeEngine[bool] = Boolean()
    inherit_cache: bool | None = True

    def __init__(self, model: Model, words: list[str]) -> None:
        self.function: str = search_function(model.__tablename__)
        columns: list[ColumnElement[Any]] = [getattr(model, name) for name in model.__table__.info[SEARCHED]]
        super().__init__(model.id, literal(" ".join(words), Text()), *columns)


@compiles(HasWords)
def _on_postgresql(element: HasWords, compiler: SQLCompiler, **options: Any) -> str:
    row, words = (compiler.process(clause, **options) for clause in element.clauses.clauses[:2])
    return f"({row} IN (SELECT {compiler.preparer.quote(element.function)}({words})))"


@compiles(HasWords, "sqlite")
def _on_sqlite(element: HasWords, compiler: SQLCompiler, **options: Any) -> str:
    given = ", ".join(compiler.process(clause, **options) for clause in element.clauses.clauses[1:])
    return f"has_words_in({given})"
