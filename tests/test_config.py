"""Settings: argument, environment, default, in that order; no secret is shown."""

import logging
import re
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import QueuePool
from sqlmodel import select

from domain import ConfigurationError, Database, Tender, UnavailableError, init_db
from domain.config import Settings, application_url, environment, migration_url, optional_url, parse_url, secret
from domain.testing import Cluster
from tests.support.databases import superuser_url

SECRET = "hunter2"
URLS = ("DATABASE_URL", "SYSTEM_DATABASE_URL", "MIGRATION_DATABASE_URL", "READ_DATABASE_URL")
NAMES = (*URLS, "DOMAIN_ENV", "DB_POOL_SIZE", "DB_MAX_OVERFLOW", "PGAPPNAME")


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


def test_standbys_come_from_the_argument_or_with_the_first_url_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/domain")
    monkeypatch.setenv("READ_DATABASE_URL", "postgres://app@/domain?host=standby1:5433&host=standby2:5434")
    with Database() as database:
        (engine,) = database.read_engines
        assert engine.url.query["host"] == ("standby1:5433", "standby2:5434")
    with Database("postgresql://app@elsewhere/domain") as database:
        assert database.read_engines == ()
    with Database(read_urls=[]) as database:
        assert database.read_engines == ()
    urls = [f"postgresql://app:{SECRET}@one/domain", "postgresql://app@two/domain?connect_timeout=9"]
    with Database(read_urls=urls) as database:
        assert [engine.url.host for engine in database.read_engines] == ["one", "two"]
        assert [engine.url.query["connect_timeout"] for engine in database.read_engines] == ["2", "9"]
        assert SECRET not in f"{database!r}{database.read_engines!r}"


@pytest.mark.parametrize("url", ["sqlite:///copy.db", "mysql://db/domain", f"//ann:{SECRET}@db"])
def test_a_standby_that_is_not_of_postgresql_is_refused(url: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"SQLite has none|not supported in read_urls|read_urls is no"
    ) as caught:
        Database("postgresql://app@db/domain", read_urls=[url])
    assert SECRET not in str(caught.value)


def test_sqlite_has_no_standbys(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="SQLite has no standbys to read from"):
        Database("sqlite://", read_urls=["postgresql://app@db/domain"])
    monkeypatch.setenv("READ_DATABASE_URL", "postgresql://app@db/domain")
    with pytest.raises(ConfigurationError, match="leave out read_urls and READ_DATABASE_URL"):
        Database()


def test_in_production_a_login_that_row_level_security_does_not_hold_is_refused_on_a_standby_too(
    monkeypatch: pytest.MonkeyPatch, domain_cluster: Cluster
) -> None:
    monkeypatch.setenv("DOMAIN_ENV", "production")
    superuser = superuser_url(domain_cluster, "postgres").render_as_string(hide_password=False)
    with (
        Database("postgresql://app@127.0.0.1:1/domain", read_urls=[superuser]) as database,
        pytest.raises(ConfigurationError, match="is a superuser or has BYPASSRLS"),
    ):
        database.read_engines[0].connect()


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
    with pytest.raises(ConfigurationError, match="DOMAIN_ENV must be 'development', 'test' or 'production'"):
        Database("sqlite:///:memory:")


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")
    assert Settings().env == "development"
    assert application_url("", Settings()).database == "domain.db"
    assert optional_url("", Settings().system_database_url, "SYSTEM_DATABASE_URL") is None
    assert secret(SecretStr("")) is None


def test_settings_show_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in URLS:
        monkeypatch.setenv(name, f"postgresql://ann:{SECRET}@db/domain")
    settings = Settings()
    assert secret(settings.database_url) == f"postgresql://ann:{SECRET}@db/domain"
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


# -- what is pasted around a value ------------------------------------------------------------------------------

BARE = "postgresql://ann:hunter2@db/domain"
AROUND = [
    " {} ",
    "{}\n",
    "\r\n\t{}\r\n",
    "'{}'",
    '"{}"\n',
    "DATABASE_URL={}",
    " DATABASE_URL = {} ",
    "export DATABASE_URL='{}'\n",
    '"DATABASE_URL={}"',
    "' {} '",
]


@pytest.mark.parametrize("around", AROUND)
def test_what_is_pasted_around_a_url_does_no_harm(around: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted = around.format(BARE)
    assert parse_url(pasted) == parse_url(BARE)
    for name in URLS:
        monkeypatch.setenv(name, pasted)
    settings = Settings()
    assert application_url(None, settings) == application_url(pasted, settings) == parse_url(BARE)
    assert migration_url() == parse_url(BARE)
    with Database() as database:
        assert database.system_engine is not None
        assert database.engine.url == database.system_engine.url == database.migration_engine.url == parse_url(BARE)


@pytest.mark.parametrize("blank", [" ", "\n", "''", ' "" ', "DATABASE_URL=", "export DATABASE_URL=''\n"])
def test_a_blank_variable_is_an_unset_one(blank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, blank)
    settings = environment()
    assert (settings.env, settings.pool_size, settings.database_url) == ("development", 20, None)
    assert application_url(blank, settings).database == "domain.db"
    monkeypatch.setenv("DOMAIN_ENV", " production\n")
    with pytest.raises(ConfigurationError, match="DOMAIN_ENV=production needs DATABASE_URL="):
        Database()


@pytest.mark.parametrize("path", ["it's.db", "a=b.db", 'say "hi".db', "me@work/domain.db", "a b.db"])
def test_a_files_own_characters_stay(path: str) -> None:
    assert parse_url(f"sqlite:///{path}").database == path


# -- pool settings ----------------------------------------------------------------------------------------------


def test_pools_are_sized_by_argument_environment_default(monkeypatch: pytest.MonkeyPatch) -> None:
    def sizes(database: Database) -> tuple[int, int]:
        with database:
            pool = database.engine.pool
            assert isinstance(pool, QueuePool)
            return pool.size(), database.pool_limit

    assert sizes(Database(BARE)) == (20, 60)
    monkeypatch.setenv("DB_POOL_SIZE", "5")
    assert sizes(Database(BARE)) == (5, 45)
    monkeypatch.setenv("DB_MAX_OVERFLOW", " 0\n")
    assert sizes(Database(BARE)) == (5, 5)
    assert sizes(init_db(BARE)) == (5, 5)
    assert sizes(Database(BARE, pool_size=7)) == (7, 7)
    assert sizes(Database(BARE, pool_size=7, max_overflow=1)) == (7, 8)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DB_POOL_SIZE", "0", "must be greater than or equal to 1"),
        ("DB_POOL_SIZE", "many", "must be a valid integer"),
        ("DB_MAX_OVERFLOW", "-1", "must be greater than or equal to 0"),
        ("DB_MAX_OVERFLOW", "1.5", "must be a valid integer"),
        ("DOMAIN_ENV", "prod", "must be 'development', 'test' or 'production'"),
        ("DOMAIN_LOCK_TIMEOUT_SECONDS", "-1", "must be greater than or equal to 0"),
        ("DOMAIN_STATEMENT_TIMEOUT_SECONDS", "inf", "must be"),
        ("DOMAIN_SYSTEM_STATEMENT_TIMEOUT_SECONDS", "soon", "must be a valid number"),
        ("DOMAIN_IDLE_IN_TRANSACTION_TIMEOUT_SECONDS", "1 s", "must be a valid number"),
    ],
)
def test_a_wrong_variable_is_named_and_its_value_is_not(
    name: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{name} {reason}") as caught:
        Database("sqlite:///:memory:")
    assert "DOMAIN_ENV" not in str(caught.value).replace(name, "")
    assert caught.value.__suppress_context__


def test_a_wrong_argument_is_named_as_it_was_given() -> None:
    with pytest.raises(ConfigurationError, match=r"^pool_size must be greater than or equal to 1$"):
        Database("sqlite:///:memory:", pool_size=0)
    with pytest.raises(ConfigurationError, match=r"^max_overflow must be greater than or equal to 0$"):
        Database("sqlite:///:memory:", max_overflow=-1)


@pytest.mark.parametrize("name", URLS)
def test_the_variable_of_a_wrong_url_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", BARE)
    monkeypatch.setenv(name, "hunter2")
    with pytest.raises(ConfigurationError, match=f"^{name} is no database URL; write postgresql://") as caught:
        Database()
    assert "hunter2" not in str(caught.value)


# -- a password whose characters are not escaped -----------------------------------------------------------------

SIGNS = "@/:?#%&=[]+! ~"
MARKED = "QXZJKVW0123456789"  # in none of our words
PASSWORDS = st.text(SIGNS + MARKED, min_size=4, max_size=24).filter(lambda text: any(mark in text for mark in MARKED))


def pieces(password: str) -> set[str]:
    """What must be shown nowhere."""
    found = {password[start : start + 4] for start in range(len(password) - 3)}
    return {piece for piece in found if any(mark in piece for mark in MARKED)}


@settings(deadline=None)
@given(PASSWORDS)
@example("p@ss/word")
@example("QX@ZJ/KVW0")
@example("QX@ZJ?KVW0=1234")
@example("QX@ZJ:KVW0/1")
@example("QX/ZJ@KVW0")
@example("QX#ZJ@KVW0")
@example("~~1?V")
def test_no_piece_of_a_password_is_shown_however_it_is_written(password: str) -> None:
    shown: list[str] = []
    refused: list[str] = []
    for url in (f"postgresql://ann:{password}@127.0.0.1:1/domain", f"postgresql://a/nn:{password}@127.0.0.1:1/domain"):
        try:
            parsed = parse_url(url, "DATABASE_URL")
        except ConfigurationError as error:
            shown.append("".join(traceback.format_exception(error)))
            refused.append(str(error))
            continue
        assert (parsed.host, parsed.port, parsed.database, dict(parsed.query)) == ("127.0.0.1", 1, "domain", {})
        with Database(url) as database:
            shown.append(f"{database!r} {database.tenant(1)!r}")
            with pytest.raises(UnavailableError) as caught, database.get_session(organization_id=1) as session:
                session.exec(select(Tender.id)).all()
            shown.append("".join(traceback.format_exception(caught.value)))
            assert not database.health_check()
    assert refused  # the second, at least
    assert all("@ is %40, / is %2F" in hint for hint in refused)
    shown = [re.sub(r"line \d+", "", text) for text in shown]  # a password may be a number, too
    assert not [piece for piece in pieces(password) if any(piece in text for text in shown)]


@given(PASSWORDS)
def test_an_escaped_password_is_taken_as_it_is(password: str) -> None:
    url = f"postgresql://ann:{quote(password, safe='')}@db/domain"
    assert parse_url(url).password == password
    assert parse_url(parse_url(url).render_as_string(hide_password=False)).password == password
