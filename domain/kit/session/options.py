"""Execution options of statements, each True where it is given; and the marks that statements carry."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar
from weakref import ref

from sqlalchemy import Executable, Insert
from sqlalchemy.orm import UserDefinedOption

from ..private import options_of

StatementT = TypeVar("StatementT", bound=Executable)

OWN = "domain_own"  # a repository's, which leaves nothing on its connection
READS = "domain_reads"  # only reads: may go outside a transaction, before the first write
ADMITS_DELETED = "domain_admits_deleted"  # of organizations: none, and no error, where the session's is deleted
INCLUDE_DELETED = "domain_include_deleted"  # deleted rows are asked for as well
PURGING = "domain_purging"  # a DELETE that may remove rows: the purge's

_OWN = "_domain_own"


class Wanted(NamedTuple):
    """The rows that a statement wants, besides their organization."""

    live: bool = False  # deleted ones stay out
    itself: frozenset[str] = frozenset()  # tables of the object that is read again, deleted or not
    purging: bool = False
    before_organization: bool = False  # one row, looked up before the organization is known


class Marked(UserDefinedOption):
    """Put on a statement by the session, for the compiler: a part of the key under which SQLAlchemy caches it."""

    _is_has_cache_key = True
    payload: Wanted

    def _gen_cache_key(self, _anonymous: object, _parameters: object) -> tuple[Any, ...]:
        return Marked, self.payload


def wanted(statement: Any) -> Wanted | None:
    """The session's last mark on the statement; None for what a flush or a repository sends."""
    options: tuple[Any, ...] = options_of(statement) if isinstance(statement, Executable) else ()
    return next((option.payload for option in reversed(options) if isinstance(option, Marked)), None)


def own(statement: StatementT, **options: bool) -> StatementT:
    """Trust a repository's statement: it scopes its rows itself, and may write managed columns.

    Statements derived from it are not trusted, nor do they get its ``options`` (READS, ADMITS_DELETED).
    """
    vars(statement)[_OWN] = ref(statement), {OWN: True, **options}
    return statement


def own_options(statement: Executable) -> Mapping[str, bool] | None:
    """The execution options of a repository's own statement; None for every other, and for copies.

    A copy of an INSERT has them, too: SQLAlchemy makes one before it asks, and an INSERT reads no rows by itself.
    """
    of, options = vars(statement).get(_OWN, (None, None))
    return options if of is not None and (isinstance(statement, Insert) or of() is statement) else None


def including_deleted(statement: StatementT) -> StatementT:
    """The statement over deleted rows as well, wherever it names a model: ``including_deleted(select(Order))``."""
    return statement.execution_options(**{INCLUDE_DELETED: True})
