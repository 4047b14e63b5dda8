"""The log of what was no client's fault."""

import logging

import psycopg2
from fastapi import Request
from fastapi.exceptions import ResponseValidationError
from pydantic import ValidationError
from sqlalchemy.exc import StatementError

from ..kit.database.translate import without_values
from .dependencies import request_id

logger: logging.Logger = logging.getLogger("domain.fastapi")


async def report(request: Request, status: int, error: Exception) -> str:
    """Log the error with its causes, and without values; the request's id."""
    # The path as it was declared: one that was asked for may hold a secret.
    path = getattr(request.scope.get("route"), "path", "(no route)")
    found = await request_id(request)
    logger.error("%s %s: %d, request %s", request.scope.get("method"), path, status, found, exc_info=_shown(error))
    return found


def _shown(error: BaseException, seen: frozenset[int] = frozenset()) -> BaseException:
    """The error as it can be logged: nothing in its chain repeats what was sent or stored."""
    if id(error) in seen:
        return error
    if isinstance(error, ValidationError):
        lines = (f"{line['loc']}: {line['type']}" for line in error.errors(include_input=False))
        return ValueError(f"{error.title}: {'; '.join(lines)}").with_traceback(error.__traceback__)
    if isinstance(error, ResponseValidationError):
        for line in error.errors():
            line.pop("input", None)
            line.pop("ctx", None)
    elif isinstance(error, StatementError):
        error.hide_parameters = True
        error.args = (type(error.orig).__name__,)  # its own words follow, as the cause
    elif isinstance(error, psycopg2.Error):
        error.args = (without_values(error),)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        error.__cause__ = _shown(cause, seen | {id(error)})
    return error
