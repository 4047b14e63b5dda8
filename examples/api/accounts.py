"""Sign-up, login, users and API keys."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, SecretStr
from sqlmodel import Field, col, select

from domain import Organization, OrganizationContent, OrganizationPublic, Page, TenantHandle, TenantSession
from domain.fastapi import CurrentDatabase, PageParams, RequestId
from domain.models import ApiKeyContent, ApiKeyPublic, IssuedApiKey, User, UserAccess, UserProfile, UserPublic, UserRole
from domain.passwords import hash_password
from domain.repositories import ApiKeyRepository, OrganizationRepository, UserRepository

from .access import TOKENS, Caller, CurrentCaller, Manager, active, check_rank, claims_of

router = APIRouter(tags=["accounts"])


class NewUser(UserProfile):
    """A user with a password."""

    password: Annotated[SecretStr, Field(min_length=8, max_length=200)]


class SignUp(BaseModel):
    """An organization and its first user."""

    organization: OrganizationContent
    owner: NewUser


class Credentials(BaseModel):
    """What a user logs in with."""

    email: str
    password: SecretStr


@router.post("/sign-up", status_code=201, response_model=OrganizationPublic)
def sign_up(body: SignUp, db: CurrentDatabase, request_id: RequestId) -> Organization:
    new, hashed = body.owner, hash_password(body.owner.password.get_secret_value())

    def unit(session: TenantSession) -> Organization:
        made = OrganizationRepository(session).add(Organization.model_validate(body.organization))
        owner = User(email=new.email, full_name=new.full_name, hashed_password=hashed, role=UserRole.OWNER)
        UserRepository(session).add(owner, org_id=made.id)
        return made

    return db.start(unit, actor="sign-up", request_id=request_id)


@router.post("/login", responses={401: {}})
def log_in(body: Credentials, db: CurrentDatabase) -> dict[str, str]:
    user = db.verify_login(body.email, body.password.get_secret_value())
    if user is None:
        raise HTTPException(401, "no such email and password", {"WWW-Authenticate": "Bearer"})
    active(db.tenant(user.organization_id))
    return {"access_token": TOKENS.dumps(claims_of(user)), "token_type": "bearer"}


@router.get("/users")
def list_users(tenant: Manager, page: PageParams) -> Page[UserPublic]:
    return tenant.run(lambda s: UserRepository(s).page(as_=UserPublic, **page))


@router.post("/users", status_code=201, response_model=UserPublic)
def create_user(new: NewUser, tenant: Manager, caller: CurrentCaller, role: UserRole = UserRole.MEMBER) -> User:
    check_rank(caller, role)
    email, name, password = new.email, new.full_name, new.password.get_secret_value()
    return tenant.run(lambda s: UserRepository(s).create(email=email, full_name=name, password=password, role=role))


@contextmanager
def access_changing(tenant: TenantHandle, caller: Caller, user_id: int, *roles: UserRole) -> Generator[UserRepository]:
    """The users, to change one of them: what the caller may not do, or leaves no owner, is undone."""
    with tenant.session() as session:
        session.exec(select(Organization.id).with_for_update()).one()  # or two owners could demote each other
        users = UserRepository(session)
        check_rank(caller, users.require(user_id).role, *roles)
        yield users
        if not users.exists(col(User.role) == UserRole.OWNER, col(User.is_active)):
            raise HTTPException(409, "the last owner stays")


@router.patch("/users/{user_id}", response_model=UserPublic)
def change_access(user_id: int, access: UserAccess, tenant: Manager, caller: CurrentCaller) -> User:
    with access_changing(tenant, caller, user_id, access.role) as users:
        return users.update(user_id, access)


@router.delete("/users/{user_id}", status_code=204)
def delete_user(user_id: int, tenant: Manager, caller: CurrentCaller) -> None:
    with access_changing(tenant, caller, user_id) as users:
        users.soft_delete(user_id)


@router.get("/keys")
def list_keys(tenant: Manager, page: PageParams) -> Page[ApiKeyPublic]:
    return tenant.run(lambda s: ApiKeyRepository(s).page(as_=ApiKeyPublic, **page))


@router.post("/keys", status_code=201)
def issue_key(body: ApiKeyContent, tenant: Manager, caller: CurrentCaller) -> IssuedApiKey:
    """It is the organization's, and goes on until it is deleted, whatever becomes of the user who issued it."""
    check_rank(caller, body.role)
    return tenant.run(lambda s: ApiKeyRepository(s).issue(body.name, body.role))


@router.delete("/keys/{key_id}", status_code=204)
def delete_key(key_id: int, tenant: Manager, caller: CurrentCaller) -> None:
    with tenant.session() as session:
        keys = ApiKeyRepository(session)
        check_rank(caller, keys.require(key_id).role)
        keys.soft_delete(key_id)
