"""The commit of a session: at the end of its block. (Purges, which are many transactions, commit midway.)"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ...errors import OutcomeUnknownError, UnavailableError
from ..session import DomainSession
from .translate import LOST, failed
from .units import Outcome, UnitObserver

SessionT = TypeVar("SessionT", bound=DomainSession)

_RECONNECT = "8s2b"  # SQLAlchemy's code for going on after a lost connection


@contextmanager
def committing(session: SessionT, observer: UnitObserver | None = None) -> Generator[SessionT]:
    """Commit on success, roll back on error, close.

    Raises:
        UnavailableError: OutcomeUnknownError, by ``translate``, where COMMIT got no answer.
        ConflictError: the block went on after a failed statement.
    """
    outcome: Outcome = "rolled_back"
    try:
        with session:
            yield session
            session.commit()
            outcome = "committed"
    except PoolTimeout as error:
        outcome = "unavailable"
        message = "no connection came free in time: see pool_size"
        raise UnavailableError(message, retryable=not session.has_committed) from error
    except PendingRollbackError as error:
        if error.code == _RECONNECT:
            outcome = "unavailable"
            raise UnavailableError(LOST, retryable=not session.has_committed) from error
        raise failed() from error
    except UnavailableError as error:
        outcome = "unknown" if isinstance(error, OutcomeUnknownError) else "unavailable"
        if session.has_committed:
            error.retryable = False  # what was committed midway would be done twice
        raise
    finally:
        if observer is not None:
            observer.ended(outcome)
