"""Users: logins and the people of an organization."""

from collections.abc import Sequence
from typing import Any, overload

from sqlmodel import update

from ..errors import ArgumentError
from ..kit.model.fields import utcnow
from ..kit.repository import TenantRepository, constructor
from ..kit.repository.paging import newest_with
from ..kit.session import TenantSession
from ..passwords import hash_password
from .model import User, UserPatch, UserRole


def _new_user(*, password: str | None = None, hashed_password: str | None = None, **fields: Any) -> User:
    if password is not None and hashed_password is None:
        hashed_password = hash_password(password)
    elif password is not None or hashed_password is None:
        raise ArgumentError("a user is created with a password or with its hash: give one of the two")
    return User(hashed_password=hashed_password, **fields)


class UserRepository(TenantRepository[User]):
    """The users of one organization; only a login is looked up before the organization is known."""

    model = User
    patch = UserPatch

    @overload
    def create(
        self,
        /,
        *,
        email: str,
        full_name: str,
        password: str,
        organization_id: int = ...,
        role: UserRole = UserRole.MEMBER,
        is_active: bool = True,
        is_verified: bool = False,
    ) -> User: ...
    @overload
    def create(
        self,
        /,
        *,
        email: str,
        full_name: str,
        hashed_password: str,
        organization_id: int = ...,
        role: UserRole = UserRole.MEMBER,
        is_active: bool = True,
        is_verified: bool = False,
    ) -> User: ...
    @constructor(_new_user, beside=User)
    def create(self, entity: User) -> User:
        """Insert a new user with a password, of which the argon2 hash is stored, or with a hash.

        Raises:
            DuplicateError: a live user of any organization has the email.
            ArgumentError: both are given, or none, or the password is empty.
            ConfigurationError: a password is given, and the extra ``passwords`` is not installed.
        """
        return self.add(entity)

    def get_by_id(self, user_id: int, org_id: int | None = None) -> User | None:
        """The live user with this id, or None."""
        return self.get(user_id, org_id=org_id)

    def get_by_email(self, email: str, org_id: int | None = None) -> User | None:
        """The live user with this email, or None.

        In an unbound session this is the login: it finds the user of any organization, and binds nothing.
        """
        session, address = self.session, email.strip().lower()
        if org_id is None and isinstance(session, TenantSession) and not session.is_bound:
            return session.look_up(User, "email", address)
        return newest_with(self._scope, "email", address, org_id=org_id)

    def list_by_organization(self, org_id: int | None = None, limit: int = 50, offset: int = 0) -> Sequence[User]:
        """The organization's live users, newest first."""
        return self.find(limit=limit, offset=offset, org_id=org_id)

    def update_last_login(self, user_id: int, org_id: int | None = None) -> bool:
        """Note that the user logged in now. It is no change that a reader must see: version and updated_at stay."""
        organization = self._scope.organization(org_id)
        table = self._scope.sql.table
        statement = (
            update(User)
            .where(self._scope.sql.organization, self._scope.sql.is_live, table.c.id == user_id)
            .values(last_login_at=utcnow(), updated_at=table.c.updated_at)
        )
        return self._scope.change(statement.returning(table.c.id), organization)

    def soft_delete(self, user_id: int, org_id: int | None = None) -> bool:
        """Delete the user and what belongs to them, as one deletion. False where there is no such live user."""
        return super().soft_delete(user_id, org_id=org_id)
