"""The logins of a deployment, as the database URLs name them."""

from dataclasses import dataclass, field

from sqlalchemy import URL

from ..errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Logins:
    """Names of roles. A password that is None is left as it is; the application may be the owner, too."""

    owner: str
    application: str
    system: str | None = None
    owner_password: str | None = field(default=None, repr=False)
    application_password: str | None = field(default=None, repr=False)
    system_password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.system in {self.owner, self.application}:
            raise ConfigurationError(
                f"the login {self.system} is the system's and another at once:"
                " let SYSTEM_DATABASE_URL name a login of its own"
            )
        if self.system is None and self.owner == self.application:
            raise ConfigurationError(
                "there is one login, which owns the tables: set MIGRATION_DATABASE_URL (their owner's)"
                " and SYSTEM_DATABASE_URL (for work across organizations) to logins of their own"
            )

    @classmethod
    def from_urls(cls, application: URL, system: URL | None, migration: URL | None) -> "Logins":
        """The logins of the URLs; without one for migrations the application's is the owner.

        Raises:
            ConfigurationError: a URL is not PostgreSQL's or names no login, or two logins are one.
        """
        for url in (application, system, migration):
            if url is not None and url.get_backend_name() != "postgresql":
                raise ConfigurationError("SQLite has no logins: DATABASE_URL=postgresql://login:password@host/database")
        owner, owner_password = _login("MIGRATION_DATABASE_URL", migration or application)
        name, password = _login("DATABASE_URL", application)
        system_name, system_password = _login("SYSTEM_DATABASE_URL", system) if system else (None, None)
        return cls(
            owner=owner,
            application=name,
            system=system_name,
            owner_password=owner_password,
            application_password=password,
            system_password=system_password,
        )

    @property
    def has_owner(self) -> bool:
        """True if the tables belong to another login than the application's."""
        return self.owner != self.application

    @property
    def granted(self) -> list[str]:
        """The logins that get rights on the owner's tables."""
        return [name for name in (self.application, self.system) if name and name != self.owner]


def _login(setting: str, url: URL) -> tuple[str, str | None]:
    # As the driver is given them: those of the query come before those in front of the host.
    _, options = url.get_dialect()().create_connect_args(url)
    name = options.get("user")
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"{setting} names no login: postgresql://login:password@host/database")
    return name, options.get("password") or None
