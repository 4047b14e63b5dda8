"""For FastAPI (extra ``fastapi``): sessions that commit before the answer, and errors as problem details.

An application knows its users; it writes its own bound session the same way::

    def tenant_session(user: CurrentUser, db: CurrentDatabase) -> Iterator[TenantSession]:
        with db.get_session(organization_id=user.organization_id, actor=f"user:{user.id}") as session:
            yield session

    BoundSession = Annotated[TenantSession, Depends(tenant_session, scope="function")]

``scope="function"`` ends the session, and so commits, before the answer is sent; with FastAPI's default scope a
client reads 201 before a COMMIT that may still fail.
"""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from .database import Database, get_db
from .errors import (
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
from .tenancy import TenantSession

CurrentDatabase = Annotated[Database, Depends(get_db)]
"""What ``init_db`` made."""


def open_session(database: CurrentDatabase) -> Iterator[TenantSession]:
    """A session that is bound to no organization yet: creating one, finding one by its slug, a login."""
    with database.get_session() as session:
        yield session


OpenSession = Annotated[TenantSession, Depends(open_session, scope="function")]
"""``open_session``, committed before the answer is sent."""

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


def install_errors(app: FastAPI) -> None:
    """Answer this package's errors with problem details (RFC 9457). What is no client's fault shows no detail."""
    app.add_exception_handler(DomainError, _answer)


def _answer(_request: Request, error: Exception) -> JSONResponse:
    status, title = next((found for kind, found in _STATUS.items() if isinstance(error, kind)), (500, "Server error"))
    problem: dict[str, object] = {"type": "about:blank", "title": title, "status": status}
    if status < 500:
        problem["detail"] = str(error)
    return JSONResponse(problem, status_code=status, media_type="application/problem+json")
