"""Who asks, and who may do what."""

import os
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import Annotated, Any

from fastapi import Depends, HTTPException
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from itsdangerous import BadData, URLSafeTimedSerializer

from domain import Database, OrganizationRepository, TenantHandle, User, UserRepository, UserRole
from domain.fastapi import CurrentDatabase, RequestId

SECRET = os.environ.get("API_SECRET") or token_urlsafe(32)  # processes that share the work need the same one
TOKENS = URLSafeTimedSerializer(SECRET, salt="login")
RANKS = [*UserRole]  # widest first: each role may do what those after it may


@dataclass(frozen=True)
class Caller:
    """A user or a program, with the handle of their organization."""

    tenant: TenantHandle
    role: UserRole


def claims_of(user: User) -> list[object]:
    """What a token says: who it is, and by which password. What they may do is looked up at each request."""
    return [user.organization_id, user.id, sha256(user.hashed_password.encode()).hexdigest()]


def user_of(token: str, db: Database) -> User | None:
    """The active user whose token this is, and who has had no other password since."""
    try:
        claims = TOKENS.loads(token, max_age=8 * 3600)
    except BadData:
        return None
    user = db.tenant(claims[0]).run(lambda s: UserRepository(s).get(claims[1]))
    return user if user is not None and user.is_active and claims == claims_of(user) else None


def active(tenant: TenantHandle) -> TenantHandle:
    """The same. Raises 403 where the organization is not active."""
    if not tenant.run(lambda s: OrganizationRepository(s).require(tenant.organization_id)).is_active:
        raise HTTPException(403, "the organization is not active")
    return tenant


def current_caller(
    db: CurrentDatabase,
    request_id: RequestId,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
    key: Annotated[str | None, Depends(APIKeyHeader(name="X-API-Key", auto_error=False))],
) -> Caller:
    """The caller, by an API key or a token."""
    found = db.find_api_key(key) if key else user_of(token.credentials, db) if token else None
    if found is None or (key and token):
        raise HTTPException(401, "send the token of /login, or an API key", {"WWW-Authenticate": "Bearer"})
    actor = f"{'user' if isinstance(found, User) else 'key'}:{found.id}"
    return Caller(active(db.tenant(found.organization_id, actor=actor, request_id=request_id)), found.role)


CurrentCaller = Annotated[Caller, Depends(current_caller)]


def check_rank(caller: Caller, *roles: UserRole) -> None:
    """Raise 403 where one of the roles is wider than the caller's."""
    if any(RANKS.index(role) < RANKS.index(caller.role) for role in roles):
        raise HTTPException(403, "nobody gives, or takes away, a role wider than their own")


def at_least(role: UserRole) -> Any:
    """A dependency: the caller's organization, where their role is this or a wider one."""

    async def allowed(caller: CurrentCaller) -> TenantHandle:
        if RANKS.index(caller.role) > RANKS.index(role):
            raise HTTPException(403, f"this takes the role {role}, and yours is {caller.role}")
        return caller.tenant

    return Depends(allowed)


Reader = Annotated[TenantHandle, at_least(UserRole.VIEWER)]  # reads tenders, analyses, bids and the month's usage
Writer = Annotated[TenantHandle, at_least(UserRole.MEMBER)]  # writes tenders, analyses and bids
Manager = Annotated[TenantHandle, at_least(UserRole.ADMIN)]  # manages users and API keys; reads costs and audit
Owner = Annotated[TenantHandle, at_least(UserRole.OWNER)]  # changes the organization
