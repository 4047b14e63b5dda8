"""The application's login, which row level security must hold."""

from typing import Any

from psycopg2 import extensions
from sqlalchemy import Engine, event

from ..errors import ConfigurationError

_UNHELD = "SELECT rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"


def refuse_unheld_login(engine: Engine) -> None:
    """Raise ConfigurationError at the first connection of a superuser or a BYPASSRLS login."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        with extensions.cursor(connection) as cursor:
            cursor.execute(_UNHELD)
            found = cursor.fetchone()
        if found is not None:
            raise ConfigurationError(
                f"DOMAIN_ENV=production: the login {found[0]} is a superuser or has BYPASSRLS, so row level security"
                " does not hold it; run `domain db roles` and let DATABASE_URL name the application's own login"
            )
