"""Errors as problem details (RFC 9457)."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic import BaseModel, Field

from ..errors import (
    ArgumentError,
    ConflictError,
    ConstraintError,
    DomainError,
    NotFoundError,
    OrganizationDeletedError,
    OutcomeUnknownError,
    TenantRequiredError,
    TenantScopeError,
    UnavailableError,
)

MEDIA_TYPE = "application/problem+json"
_STATUS: dict[type[DomainError], tuple[int, str]] = {
    NotFoundError: (404, "Not found"),
    ConflictError: (409, "Conflict"),
    TenantScopeError: (403, "Another organization's data"),
    TenantRequiredError: (403, "No organization"),
    OrganizationDeletedError: (403, "Organization deleted"),
    ConstraintError: (422, "Refused by the database"),
    ArgumentError: (422, "Argument out of range"),
    OutcomeUnknownError: (500, "Outcome unknown"),  # not 503, after which proxies and clients repeat
    UnavailableError: (503, "Database unavailable"),
}
STATUSES = sorted({status for status, _ in _STATUS.values()})


class Problem(BaseModel):
    """What went wrong. Facts beyond the first four stand where the error has them."""

    type: str = Field(default="about:blank", description="A URI that names the kind of problem.")
    title: str = Field(description="The kind of problem, in words.")
    status: int = Field(description="The HTTP status.")
    detail: str | None = Field(default=None, description="What was wrong, and what would be right.")
    entity: str | None = Field(default=None, description="The kind of row.")
    entity_id: int | None = Field(default=None, description="The row.")
    fields: list[str] | None = Field(default=None, description="The fields that it is about.")
    constraint: str | None = Field(default=None, description="The name of the rule that a value breaks.")
    holder_id: int | None = Field(default=None, description="The organization's own row that has the value already.")
    seen: int | None = Field(default=None, description="The version that the change was meant for.")
    current: int | None = Field(default=None, description="The version now; null where the row is gone.")
    reasons: dict[int, str] | None = Field(default=None, description="Why rows are refused, by position from 0.")
    request_id: str | None = Field(default=None, description="What the log names the request by.")


def problem(error: Exception) -> dict[str, Any]:
    """The body for an error; what is no client's fault shows no detail."""
    status, title = next((found for kind, found in _STATUS.items() if isinstance(error, kind)), (500, "Server error"))
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if status < 500:
        facts = {name: value for name, value in vars(error).items() if name in Problem.model_fields}
        body |= {"detail": str(error), **facts}
    return body


def answer(body: object, status: int, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """In ASCII, so that half a surrogate pair that a client sent can be sent back."""
    return Response(json.dumps(body), status, headers, media_type)
