"""Sessions for deleted organizations are refused, by a look at the organization without a round trip of its own.

On PostgreSQL the look travels in the message of the first statement of a transaction. It costs the server a third of
what a read of one row does, so an organization that was seen live is not looked at again for ten seconds: a deletion by
another process takes that long to be noticed, as by a session that was opened earlier. A deletion by this
process is noticed at once.
"""

import sqlite3
import time
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from ...errors import OrganizationDeletedError
from ..model.tables import ORGANIZATIONS
from .setting import driver_of

RECHECK_SECONDS = 10.0
_MARK = "domain: deleted organization "
# For a deleted organization the cast fails, and the error's message has the mark (see ``refused``).
_LOOK = f"SELECT CAST('{_MARK}' || id AS bigint) FROM {ORGANIZATIONS} WHERE is_deleted"  # noqa: S608  # constants
_LOOK_ON_SQLITE = f"SELECT 1 FROM {ORGANIZATIONS} WHERE id = ? AND is_deleted = 1"  # noqa: S608  # a constant

# By the engine: URLs may differ in their options only (a socket's folder, a search_path).
_seen_live: WeakKeyDictionary[Engine, dict[int, float]] = WeakKeyDictionary()


def announce_live(connection: Connection, organization_id: int) -> None:
    """Have the connection's next statement raise OrganizationDeletedError where the organization is deleted."""
    if connection.dialect.name == "sqlite":
        _look(connection, organization_id)
        return
    seen = _seen_live.setdefault(connection.engine, {})
    if time.monotonic() - seen.get(organization_id, -RECHECK_SECONDS) >= RECHECK_SECONDS:
        question = f"{_LOOK} AND id = {organization_id:d}"  # it takes no parameters; digits are safe
        driver_of(connection).run_before_next_statement(
            question, lambda: seen.update({organization_id: time.monotonic()})
        )


def note_live(connection: Connection, organization_id: int) -> None:
    """Note that the organization is live."""
    _seen_live.setdefault(connection.engine, {})[organization_id] = time.monotonic()


def forget_live(organization_id: int) -> None:
    """Have the next session look again, in any database: it is going, or gone."""
    for seen in list(_seen_live.values()):
        seen.pop(organization_id, None)


def refused(message: str) -> OrganizationDeletedError | None:
    """Our error for PostgreSQL's, if that is the error of the look."""
    _, found, rest = message.partition(_MARK)
    if not found:
        return None
    organization_id = int(rest.partition('"')[0])
    forget_live(organization_id)
    return OrganizationDeletedError(organization_id)


def _look(connection: Connection, organization_id: int) -> None:
    driver: sqlite3.Connection | None = connection.connection.driver_connection
    assert driver is not None
    try:
        found = driver.execute(_LOOK_ON_SQLITE, (organization_id,)).fetchone()
    except sqlite3.Error:
        return  # what is wrong with the file is for the statement itself to find out
    if found:
        raise OrganizationDeletedError(organization_id)
