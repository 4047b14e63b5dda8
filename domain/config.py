"""Settings, from arguments, then the environment, then the default; no .env file is read."""

import logging
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError as BadURLError

from .errors import ConfigurationError

logger: logging.Logger = logging.getLogger("domain")

DEFAULT_FILE = "domain.db"
_POSTGRESQL = {"postgres", "postgresql", "postgresql+psycopg2"}
_SQLITE = {"sqlite", "sqlite+pysqlite"}


class Settings(BaseSettings):
    """What the environment says."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="DOMAIN_", env_file=None, env_ignore_empty=True, extra="ignore"
    )

    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    system_database_url: SecretStr | None = Field(default=None, validation_alias="SYSTEM_DATABASE_URL")
    migration_database_url: SecretStr | None = Field(default=None, validation_alias="MIGRATION_DATABASE_URL")
    env: Literal["development", "test", "production"] = "development"


def environment() -> Settings:
    """What the environment says. Raises ConfigurationError where DOMAIN_ENV says something else."""
    try:
        return Settings()
    except ValidationError:
        raise ConfigurationError("DOMAIN_ENV must be development, test or production") from None


def secret(value: SecretStr | None) -> str | None:
    """The text behind a secret; an empty one counts as none."""
    return (value.get_secret_value() or None) if value else None


def parse_url(url: str) -> URL:
    """The URL with its driver spelled out: psycopg2 for PostgreSQL, pysqlite for SQLite.

    Raises:
        ConfigurationError: it is no database URL, or names another driver.
    """
    try:
        parsed = make_url(url)
    except (BadURLError, ValueError):
        raise ConfigurationError(
            "this is no database URL; write postgresql://user:password@host/database or sqlite:///file.db"
        ) from None
    name = parsed.drivername
    if name in _POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg2")
    if name in _SQLITE:
        return parsed.set(drivername="sqlite+pysqlite")
    raise ConfigurationError(
        f"{name}:// is not supported; write postgresql:// (psycopg2) for PostgreSQL or sqlite:/// for SQLite"
    )


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
    if url := argument or secret(settings.database_url):
        return parse_url(url)
    if settings.env == "production":
        raise ConfigurationError("DOMAIN_ENV=production needs DATABASE_URL=postgresql://user:password@host/database")
    logger.warning("DATABASE_URL is not set: using the SQLite file %s", Path(DEFAULT_FILE).absolute())
    return parse_url(f"sqlite:///{DEFAULT_FILE}")


def optional_url(argument: str | None, setting: SecretStr | None) -> URL | None:
    """The URL of a further login, where one is given."""
    url = argument or secret(setting)
    return parse_url(url) if url else None


def migration_url(argument: str | None = None) -> URL:
    """The login that owns the schema: MIGRATION_DATABASE_URL, else DATABASE_URL, else the default."""
    settings = environment()
    return optional_url(argument, settings.migration_database_url) or application_url(None, settings)
