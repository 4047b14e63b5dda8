"""Standbys to read from, each only while it shows what this process has committed."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from math import inf
from random import sample
from threading import Lock
from time import monotonic

from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ...config import logger, named
from ...errors import UnavailableError
from ..session import OWN, READS

CONNECT_SECONDS = "2"
REST_SECONDS = 5.0
"""So long a standby that could not be reached is not tried again."""

# No row where the server is no standby. One that has replayed all that it received lags only if nothing more arrives.
_STATE = text(
    "SELECT coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'), 0)::bigint AS position,"
    " CASE WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver)"
    "  THEN 0 ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 'infinity') END"
    "  ::float AS lag_seconds"
    " WHERE pg_is_in_recovery()"
).execution_options(**{OWN: True, READS: True})


def quick_to_give_up(url: URL) -> URL:
    """The URL with a limit for connecting, unless it has one: to a host that is gone it takes minutes."""
    return url.set(query={"connect_timeout": CONNECT_SECONDS, **url.query})


class Replicas:
    """The engines of the standbys, and the positions in the primary's log up to which each organization has written.

    ``max_lag_seconds``: how far behind the primary a standby may be.
    """

    def __init__(self, engines: Sequence[Engine], max_lag_seconds: float) -> None:
        self.engines: tuple[Engine, ...] = tuple(engines)
        self._max_lag_seconds = max_lag_seconds
        self._written: dict[int | None, float] = {}  # None: by sessions that are bound to no organization
        self._unknown: set[int | None] = set()  # who may have written beyond that
        self._locks: dict[int, Lock] = {}  # by the process: a child could not release its parent's
        self._rests_until: dict[Engine, float] = {}

    def note(self, organization_id: int | None, position: float) -> None:
        """Note the position after a commit; infinite where it is unknown, until one beyond all before is noted."""
        with self._locks.setdefault(os.getpid(), Lock()):
            if position == inf:
                self._unknown.add(organization_id)
            elif position > self._written.get(organization_id, 0):  # else it was asked for before the unknown one
                self._written[organization_id] = position
                self._unknown.discard(organization_id)

    def position(self, organization_id: int) -> float:
        """How far a standby must be, to show what this process wrote for the organization."""
        keys = (organization_id, None)
        return inf if self._unknown.intersection(keys) else max(self._written.get(key, 0) for key in keys)

    def connect(self, organization_id: int) -> Connection | None:
        """A connection to a standby that may be read from; None where there is none."""
        position = self.position(organization_id)
        for engine in sample(self.engines, len(self.engines)):
            if monotonic() < self._rests_until.get(engine, 0):
                continue
            try:
                connection = self._connected(engine, position)
            except (UnavailableError, PoolTimeout) as error:
                self._rests_until[engine] = monotonic() + REST_SECONDS
                logger.warning("the standby %s can't be read from: %s", named(engine.url), error)
                continue
            if connection is not None:
                return connection
        return None

    def _connected(self, engine: Engine, position: float) -> Connection | None:
        with ExitStack() as closing:
            connection = closing.enter_context(engine.connect())
            state = connection.execute(_STATE).one_or_none()
            connection.rollback()
            if state is not None and state.position >= position and state.lag_seconds <= self._max_lag_seconds:
                closing.pop_all()
                return connection
        return None
