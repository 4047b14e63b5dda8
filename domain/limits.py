"""How long the database may take before it gives up."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, TypeAlias

from pydantic import BaseModel, Field

from .errors import UnavailableError

Seconds: TypeAlias = Annotated[float, Field(ge=0, le=2_147_483, allow_inf_nan=False)]  # PostgreSQL's most
REST_LIMIT = "idle_in_transaction_session_timeout"

_SETTINGS = {
    "lock_timeout_seconds": "lock_timeout",
    "statement_timeout_seconds": "statement_timeout",
    "idle_in_transaction_timeout_seconds": REST_LIMIT,
}
REST_WAS_TOO_LONG = "25P03"
_EXCEEDED = {
    "55P03": ("lock_timeout_seconds", "a lock that another transaction holds did not come free in time"),
    "57014": ("statement_timeout_seconds", "a statement took too long, or was cancelled by hand"),
    REST_WAS_TOO_LONG: (
        "idle_in_transaction_timeout_seconds",
        "the session rested for too long with its transaction open",
    ),
}


class TimeLimits(BaseModel, frozen=True, extra="forbid"):
    """Seconds after which PostgreSQL gives up, each by its setting of that name; 0: never. None leaves what holds.

    ``lock_timeout_seconds`` bounds the wait for a lock (on SQLite for the other writer: its ``busy_timeout``),
    ``statement_timeout_seconds`` one statement, ``idle_in_transaction_timeout_seconds`` an open transaction that sends
    none: PostgreSQL then closes its connection. Raises pydantic's ValidationError for what is no number of seconds.
    """

    lock_timeout_seconds: Seconds | None = None
    statement_timeout_seconds: Seconds | None = None
    idle_in_transaction_timeout_seconds: Seconds | None = None

    def over(self, others: "TimeLimits") -> "TimeLimits":
        """These, and the others' where there is none."""
        return TimeLimits(**{**others.model_dump(), **self.model_dump(exclude_none=True)})

    @cached_property
    def settings(self) -> Mapping[str, int]:
        """PostgreSQL's settings, in its milliseconds."""
        limits = self.model_dump(exclude_none=True).items()
        return {_SETTINGS[name]: round(seconds * 1000) or (1 if seconds else 0) for name, seconds in limits}


NO_LIMITS = TimeLimits()
APPLICATION = TimeLimits(lock_timeout_seconds=10, statement_timeout_seconds=60, idle_in_transaction_timeout_seconds=60)
BULK = TimeLimits(lock_timeout_seconds=60, statement_timeout_seconds=0, idle_in_transaction_timeout_seconds=600)
"""Those of an import and a purge: their statements are long, and a strict import rests while it reads its files."""
SYSTEM = TimeLimits(statement_timeout_seconds=600).over(APPLICATION)


def exceeded(code: str | None) -> UnavailableError | None:
    """The error for an SQLSTATE that says which limit was met."""
    if code not in _EXCEEDED:
        return None
    limit, words = _EXCEEDED[code]
    message = f"{words} ({code}): see TimeLimits.{limit}, or DOMAIN_{limit.upper()}"
    return UnavailableError(message, retryable=code == "55P03")
