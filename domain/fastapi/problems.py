"""Errors as problem details (RFC 9457), and in the OpenAPI document."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from .. import errors

MEDIA_TYPE = "application/problem+json"
_STATUS: dict[type[errors.DomainError], tuple[int, str]] = {
    errors.NotFoundError: (404, "Not found"),
    errors.ConflictError: (409, "Conflict"),
    errors.TenantScopeError: (403, "Another organization's data"),
    errors.TenantRequiredError: (403, "No organization"),
    errors.OrganizationDeletedError: (403, "Organization deleted"),
    errors.ConstraintError: (422, "Refused by the database"),
    errors.MisuseError: (500, "Server error"),
    errors.ArgumentError: (422, "Argument out of range"),
    errors.OutcomeUnknownError: (500, "Outcome unknown"),  # not 503, after which proxies and clients repeat
    errors.UnavailableError: (503, "Database unavailable"),
}
_CONTENT = {"schema": {"$ref": "#/components/schemas/Problem"}}


class Problem(BaseModel):
    """An error's details. Facts beyond the first four stand where the error has them."""

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
    """The body for an error; what is no client's fault shows no detail, and no detail is for developers."""
    status, title = next((found for kind, found in _STATUS.items() if isinstance(error, kind)), (500, "Server error"))
    facts = {name: value for name, value in vars(error).items() if name in Problem.model_fields}
    detail = error.told if isinstance(error, errors.DomainError) and error.told else str(error)
    return problem_of(status, title, **({"detail": detail, **facts} if status < 500 else {}))


def problem_of(status: int, title: str, **members: object) -> dict[str, Any]:
    """The body with these members."""
    return {"type": "about:blank", "title": title, "status": status, **members}


def answer(body: object, status: int, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """In ASCII, so that half a surrogate pair that a client sent can be sent back."""
    return Response(json.dumps(body), status, headers, media_type)


def document(app: FastAPI) -> None:
    """List the problems with every operation, those added later included: any of them may meet the database."""
    generate = app.openapi
    statuses = {status for status, _ in _STATUS.values()}

    def openapi() -> dict[str, Any]:
        made = generate()
        made.setdefault("components", {}).setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        for path in made["paths"].values():
            for operation in path.values():
                responses = operation["responses"]
                for status in sorted(statuses | _of_request(operation)):
                    responses.setdefault(str(status), {"description": HTTPStatus(status).phrase})
                for status, response in responses.items():
                    if status >= "4":
                        response.setdefault("content", {}).setdefault(MEDIA_TYPE, _CONTENT)
        return made

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation extends it


def _of_request(operation: dict[str, Any]) -> set[int]:
    """The statuses of a request that is refused before the endpoint runs."""
    has_condition = any(one["name"] == "If-Match" for one in operation.get("parameters", ()))
    found = {401} if "security" in operation else set[int]()
    found |= {400} if "requestBody" in operation else set()
    return found | ({412, 428} if has_condition else set())
