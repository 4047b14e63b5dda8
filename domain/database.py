"""``Database``: the kit's, with the login."""

from .kit import database
from .users.model import User


class Database(database.Database):
    __doc__ = database.Database.__doc__

    def find_login(self, email: str) -> User | None:
        """The live user with this email, whatever their organization; its session is closed."""
        with self.get_session() as session:
            return session.look_up(User, "email", email.strip().lower())
