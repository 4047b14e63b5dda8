"""``Database``: the kit's, with the logins of users and programs."""

from .api_keys.model import ApiKey, digest_of
from .kit import database
from .kit.session import TenantSession
from .passwords import verify_password
from .users.model import User, UserSecret
from .users.repository import UserRepository


class Database(database.Database):
    __doc__ = database.Database.__doc__

    def find_login(self, email: str) -> User | None:
        """The live user with this email, whatever their organization; its session is closed."""
        with self.get_session() as session:
            return session.look_up(User, "email", email.strip().lower())

    def find_api_key(self, key: str) -> ApiKey | None:
        """The live API key that this is, whatever its organization; its session is closed."""
        return self.find_by_secret(ApiKey, digest=digest_of(key))

    def verify_login(self, email: str, password: str) -> User | None:
        """The active user whose email and password these are, noted as logged in now, with a new hash where one is due.

        None where there is no such user, or they are deleted or inactive, or the password is another: told in the same
        time. No connection is held while the password is hashed. Whether the organization is active is not looked at.

        Raises:
            ConfigurationError: the extra ``passwords`` is not installed.
        """
        user = self.find_login(email)
        hashed = user.hashed_password if user is not None and user.is_active else None
        is_right, rehashed = verify_password(password, hashed)
        if user is None or not is_right:
            return None
        user_id = user.id

        def note(session: TenantSession) -> User | None:
            users = UserRepository(session)
            found = users.get(user_id) if users.update_last_login(user_id) else None  # it locks the row
            if found is None or not found.is_active or found.hashed_password != hashed:
                session.rollback()  # changed while the password was hashed: this was no login
                return None
            return users.update(user_id, UserSecret(hashed_password=rehashed)) if rehashed else found

        return self.run(note, organization_id=user.organization_id, actor=f"user:{user_id}")
