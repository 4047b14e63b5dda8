"""The actor and the request that the audit trail records: for a transaction, by each database's own means."""

from sqlalchemy import Connection

from ...errors import ArgumentError
from ..model.fields import storable
from ..schema.scope_postgresql import ACTOR_SETTING, REQUEST_SETTING
from .setting import set_local

MAX_LENGTH = 255


def checked(name: str, value: str | None) -> str | None:
    """The value. Raises ArgumentError where the trail could not hold it, or would take it for none."""
    if value is not None and not 1 <= len(value) <= MAX_LENGTH:
        raise ArgumentError(f"{name} must have 1 to {MAX_LENGTH} characters; leave it out for none")
    try:
        return value and storable(value)
    except ValueError as error:
        raise ArgumentError(f"{name} {error}") from None


def act_as(connection: Connection, actor: str | None, request_id: str | None) -> None:
    """Have the rest of the transaction recorded under these names."""
    for setting, value in ((ACTOR_SETTING, actor), (REQUEST_SETTING, request_id)):
        if value is not None:
            set_local(connection, setting, value)
