"""Settings: argument, environment, default, in that order; no secret is shown."""

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from domain import ConfigurationError, Database
from domain.config import Settings, application_url, migration_url, optional_url, parse_url, secret

SECRET = "hunter2"
NAMES = ("DATABASE_URL", "SYSTEM_DATABASE_URL", "MIGRATION_DATABASE_URL", "DOMAIN_ENV")


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_postgresql_is_spoken_by_psycopg2_however_it_is_spelled(scheme: str) -> None:
    url = parse_url(f"{scheme}://ann:{SECRET}@db.example.org:5433/domain?sslmode=require")
    assert url.render_as_string(hide_password=False) == (
        f"postgresql+psycopg2://ann:{SECRET}@db.example.org:5433/domain?sslmode=require"
    )


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
def test_sqlite_is_spoken_by_pysqlite(scheme: str) -> None:
    url = parse_url(f"{scheme}:///domain.db")
    assert (url.drivername, url.database) == ("sqlite+pysqlite", "domain.db")


@pytest.mark.parametrize(
    "scheme",
    ["postgresql+psycopg", "postgresql+asyncpg", "sqlite+aiosqlite", "mysql", "mysql+pymysql", "oracle", "http"],
)
def test_another_driver_is_refused_with_the_right_spelling(scheme: str) -> None:
    with pytest.raises(ConfigurationError, match=r"write postgresql:// \(psycopg2\) .* or sqlite:///") as caught:
        parse_url(f"{scheme}://ann:{SECRET}@db.example.org/domain")
    assert scheme in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "garbage", [SECRET, f"postgresql://ann:{SECRET}@db:port/domain", f"//ann:{SECRET}@db", " ", "://"]
)
def test_garbage_is_refused_without_being_repeated(garbage: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_url(garbage)
    assert f":{SECRET}@" not in f"{caught.value}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_argument_goes_before_the_environment_and_the_environment_before_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert application_url(None, Settings()).database == "domain.db"
    monkeypatch.setenv("DATABASE_URL", "sqlite:///environment.db")
    assert application_url(None, Settings()).database == "environment.db"
    assert application_url("sqlite:///argument.db", Settings()).database == "argument.db"
    with Database() as database:
        assert database.engine.url.database == "environment.db"
    with Database("sqlite:///argument.db") as database:
        assert database.engine.url.database == "argument.db"


def test_the_other_logins_come_from_the_environment_with_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/domain")
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "postgresql://owner@db/domain")
    with Database() as database:
        assert database.migration_engine.url.username == "owner"
    with Database("postgresql://app@elsewhere/domain") as database:
        assert database.migration_engine.url.host == "elsewhere"


def test_migrations_run_as_the_owner_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/domain")
    assert migration_url().username == "app"
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "postgres://owner@db/domain")
    assert migration_url().username == "owner"
    assert migration_url("sqlite:///argument.db").database == "argument.db"


def test_no_dotenv_file_is_read(tmp_path: Path) -> None:
    Path(".env").write_text("DATABASE_URL=sqlite:///dotenv.db\nDOMAIN_ENV=production\n")
    assert Settings().database_url is None
    assert Settings().env == "development"


def test_the_default_file_is_named_in_a_warning_with_its_absolute_path(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level(logging.WARNING, logger="domain"):
        assert application_url(None, Settings()).database == "domain.db"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert str(tmp_path / "domain.db") in record.getMessage()
    assert not (tmp_path / "domain.db").exists()


def test_nothing_is_logged_where_a_url_is_set(caplog: pytest.LogCaptureFixture) -> None:
    with Database(f"postgresql://ann:{SECRET}@127.0.0.1:1/domain"):
        assert caplog.records == []


def test_production_needs_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAIN_ENV", "production")
    with pytest.raises(ConfigurationError, match="DOMAIN_ENV=production needs DATABASE_URL=postgresql://"):
        Database()
    with pytest.raises(ConfigurationError, match="DOMAIN_ENV=production needs DATABASE_URL"):
        migration_url()
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/domain")
    with Database() as database:
        assert database.engine.url.username == "app"


def test_another_environment_is_refused_by_the_names_of_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAIN_ENV", "prod")
    with pytest.raises(ConfigurationError, match="DOMAIN_ENV must be development, test or production"):
        Database("sqlite:///:memory:")


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")
    assert Settings().env == "development"
    assert application_url("", Settings()).database == "domain.db"
    assert optional_url("", Settings().system_database_url) is None
    assert secret(SecretStr("")) is None


def test_settings_show_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES[:3]:
        monkeypatch.setenv(name, f"postgresql://ann:{SECRET}@db/domain")
    settings = Settings()
    assert secret(settings.database_url) == f"postgresql://ann:{SECRET}@db/domain"
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
