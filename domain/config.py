"""Settings, from arguments, then the environment, then the default; no .env file is read."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError as BadURLError

from .errors import ConfigurationError
from .limits import Seconds, TimeLimits

logger: logging.Logger = logging.getLogger("domain")

DEFAULT_FILE = "domain.db"
_POSTGRESQL = {"postgres", "postgresql", "postgresql+psycopg2"}
_SQLITE = {"sqlite", "sqlite+pysqlite"}
# What gets pasted with a value: blanks, line ends, quotes, the variable's name.
_PASTED = re.compile(r"""\s*(["']?)\s*(?:(?:export\s+)?[A-Za-z_]\w*\s*=)?\s*(["']?)\s*(.*?)\s*\2\s*\1\s*""", re.DOTALL)
_LOGIN = re.compile(r"[\w+]+://(?:[^:/]*(?::[^@]*)?@)?")  # as SQLAlchemy reads it
_ESCAPES = "escape what is no letter and no digit in user and password: @ is %40, / is %2F, : is %3A"


class Settings(BaseSettings):
    """The environment: DOMAIN_ and the field's name, or the field's ``validation_alias``."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="DOMAIN_", env_file=None, env_ignore_empty=True, extra="ignore", validate_by_name=True
    )

    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    system_database_url: SecretStr | None = Field(default=None, validation_alias="SYSTEM_DATABASE_URL")
    migration_database_url: SecretStr | None = Field(default=None, validation_alias="MIGRATION_DATABASE_URL")
    read_database_url: SecretStr | None = Field(default=None, validation_alias="READ_DATABASE_URL")
    env: Literal["development", "test", "production"] = "development"
    pool_size: int = Field(default=20, ge=1, validation_alias="DB_POOL_SIZE")
    max_overflow: int = Field(default=40, ge=0, validation_alias="DB_MAX_OVERFLOW")
    lock_timeout_seconds: Seconds | None = None
    statement_timeout_seconds: Seconds | None = None
    idle_in_transaction_timeout_seconds: Seconds | None = None
    system_lock_timeout_seconds: Seconds | None = None
    system_statement_timeout_seconds: Seconds | None = None
    system_idle_in_transaction_timeout_seconds: Seconds | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, given in values.items() if (value := bare(given)) != ""}

    def time_limits(self, *, login: str = "") -> TimeLimits:
        """The application's, or those of the ``login`` whose name begins the fields'."""
        return TimeLimits.model_validate({name: getattr(self, login + name) for name in TimeLimits.model_fields})


def bare(value: Any) -> Any:
    """A text without what was pasted around it; anything else as it is."""
    match = _PASTED.fullmatch(value) if isinstance(value, str) else None
    return match[3] if match else value


def environment(**arguments: int | None) -> Settings:
    """The arguments, then the environment. Raises ConfigurationError, which names what is wrong and shows no value."""
    given: dict[str, Any] = {name: value for name, value in arguments.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = error.errors(include_input=False, include_url=False, include_context=False)
        said = "; ".join(_sentence(str(line["loc"][0]), line["msg"]) for line in lines)
        raise ConfigurationError(said) from None


def _sentence(name: str, reason: str) -> str:
    field = Settings.model_fields.get(name)
    variable = f"DOMAIN_{name.upper()}" if field and field.validation_alias is None else name
    return f"{variable} {reason.partition(', unable')[0].replace('Input should', 'must')}"


def secret(value: SecretStr | None) -> str | None:
    """The text behind a secret; an empty one counts as none."""
    return (value.get_secret_value() or None) if value else None


def parse_url(url: str, name: str = "") -> URL:
    """The URL with its driver spelled out: psycopg2 for PostgreSQL, pysqlite for SQLite.

    ``name``: of the argument or the variable, for the error, which shows no part of the value.

    Raises:
        ConfigurationError: it is no database URL, names another driver, or has an @ or a / where it must be escaped.
    """
    url = bare(url)
    try:
        parsed = make_url(url)
    except (BadURLError, ValueError):
        raise ConfigurationError(
            f"{name or 'this'} is no database URL; write postgresql://user:password@host/database or sqlite:///file.db,"
            f" and {_ESCAPES}"
        ) from None
    driver = parsed.drivername
    if driver in _SQLITE:
        return parsed.set(drivername="sqlite+pysqlite")
    if driver not in _POSTGRESQL:
        raise ConfigurationError(
            f"{driver}:// is not supported{name and f' in {name}'};"
            " write postgresql:// (psycopg2) for PostgreSQL or sqlite:/// for SQLite"
        )
    # Where an @ is left over, a piece of the password would be taken for the host, the database or an option.
    if "@" in _LOGIN.sub("", url, count=1):
        raise ConfigurationError(f"{name or 'this URL'} has an @ or a / in the user or the password: {_ESCAPES}")
    return parsed.set(drivername="postgresql+psycopg2")


def named(url: URL) -> str:
    """The database as people are told of it: its host and name, or its file. No login, no password and no option."""
    hosts = ",".join(url.normalized_query.get("host", ()))
    place = hosts or ":".join(str(part) for part in (url.host, url.port) if part)
    return f"{url.get_backend_name()}://{place}/{url.database or ''}"


def application_url(argument: str | None, settings: Settings) -> URL:
    """DATABASE_URL, or the default file, which is named in a warning.

    Raises:
        ConfigurationError: nothing is set in production, or the URL is wrong.
    """
    if url := optional_url(argument, settings.database_url, "DATABASE_URL"):
        return url
    if settings.env == "production":
        raise ConfigurationError("DOMAIN_ENV=production needs DATABASE_URL=postgresql://user:password@host/database")
    logger.warning("DATABASE_URL is not set: using the SQLite file %s", Path(DEFAULT_FILE).absolute())
    return parse_url(f"sqlite:///{DEFAULT_FILE}")


def optional_url(argument: str | None, setting: SecretStr | None, variable: str) -> URL | None:
    """The URL of a further login, where one is given, or in the environment's variable."""
    if argument and bare(argument):
        return parse_url(argument, variable.lower())
    return parse_url(url, variable) if (url := secret(setting)) else None


def standby_urls(arguments: Sequence[str] | None, setting: SecretStr | None) -> list[URL]:
    """The URLs of standbys: the argument's, where it is given, or the environment's one.

    Raises:
        ConfigurationError: one is wrong, or not PostgreSQL's.
    """
    environments = [parse_url(url, "READ_DATABASE_URL")] if (url := secret(setting)) else []
    urls = environments if arguments is None else [parse_url(url, "read_urls") for url in arguments]
    if any(url.get_backend_name() == "sqlite" for url in urls):
        raise ConfigurationError("a URL to read from names a standby of PostgreSQL: SQLite has none")
    return urls


def migration_url(argument: str | None = None) -> URL:
    """The login that owns the schema: MIGRATION_DATABASE_URL, else DATABASE_URL, else the default."""
    settings = environment()
    given = optional_url(argument, settings.migration_database_url, "MIGRATION_DATABASE_URL")
    return given or application_url(None, settings)
