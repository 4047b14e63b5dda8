"""``Database``: its logins, its pools, its private file, and what it shows of itself."""

import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from domain import ConfigurationError, Database, DomainModel, TenderRepository, UnavailableError
from domain.kit.schema import audit_sqlite
from domain.testing import make_organization

SECRET = "hunter2"


@pytest.fixture
def memory() -> Database:
    return Database("sqlite:///:memory:")


@pytest.mark.parametrize(
    "url", ["sqlite:///:memory:", "sqlite://", "sqlite:///file:x?mode=memory&cache=shared&uri=true"]
)
def test_memory_is_a_private_file_that_goes_when_the_database_is_closed(url: str) -> None:
    with Database(url) as first, Database(url) as second:
        first.create_all()
        file = Path(str(first.engine.url.database))
        assert file.exists()
        assert file != Path(str(second.engine.url.database))
        make_organization(first, slug="acme")
        assert not inspect(second.engine).get_table_names()
    assert not file.exists()
    assert not file.parent.exists()


def test_closing_twice_is_fine(memory: Database) -> None:
    memory.create_all()
    memory.close()
    memory.close()


def test_a_wrong_second_url_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ConfigurationError):
        Database("sqlite:///:memory:", system_database_url="nonsense")
    assert list(tmp_path.iterdir()) == []


def test_leaving_the_context_closes_every_connection(domain_postgresql: Database) -> None:
    engines = (domain_postgresql.engine, domain_postgresql.migration_engine)
    with Database(
        *(engine.url.render_as_string(hide_password=False) for engine in engines[:1]),
        migration_database_url=engines[1].url.render_as_string(hide_password=False),
    ) as opened:
        assert opened.health_check()
        with opened.migration_engine.connect() as connection:
            mine = connection.scalar(text("SELECT pg_backend_pid()"))
        with opened.engine.connect() as connection:
            application = connection.scalar(text("SELECT pg_backend_pid()"))
    alive = text("SELECT count(*) FROM pg_stat_activity WHERE pid IN (:mine, :application)")
    with domain_postgresql.migration_engine.connect() as connection:
        for _ in range(50):
            connection.rollback()
            if connection.scalar(alive, {"mine": mine, "application": application}) == 0:
                return
            connection.execute(text("SELECT pg_sleep(0.02)"))
    pytest.fail("a connection is still open")


def test_a_database_that_answers_is_healthy(database: Database) -> None:
    assert database.health_check() is True


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ann:{SECRET}@127.0.0.1:1/domain",
        "sqlite:////no/such/folder/domain.db",
        "postgresql://ann@no-such-host.invalid/domain",
    ],
)
def test_a_database_that_can_t_be_reached_is_not_healthy(url: str) -> None:
    with Database(url) as unreachable:
        assert unreachable.health_check() is False

        def use() -> None:
            with unreachable.get_session(organization_id=1) as session:
                TenderRepository(session).find()

        with pytest.raises(UnavailableError) as caught:
            use()
    assert caught.value.__cause__ is not None
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"


def test_a_file_that_is_no_database_is_not_healthy(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no database " * 100)
    with Database(f"sqlite:///{file}") as wrong:
        assert wrong.health_check() is False
        with pytest.raises(UnavailableError, match="not a database") as caught:
            wrong.create_all()
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
    assert not caught.value.retryable


def test_create_all_and_drop_all(memory: Database) -> None:
    with memory:
        memory.create_all()
        memory.create_all()
        tables = set(inspect(memory.engine).get_table_names())
        assert tables == {*DomainModel.metadata.tables, audit_sqlite.CONTEXT}
        memory.drop_all()
        assert inspect(memory.engine).get_table_names() == []


@pytest.mark.parametrize(
    ("keyword", "value", "attribute"),
    [
        ("pool_size", 3, "_pool.maxsize"),
        ("max_overflow", 4, "_max_overflow"),
        ("pool_recycle", 77, "_recycle"),
        ("pool_timeout", 1.5, "_timeout"),
    ],
)
def test_the_keywords_reach_every_pool(keyword: str, value: Any, attribute: str) -> None:
    keywords: dict[str, Any] = {keyword: value}
    with Database("sqlite:///:memory:", **keywords) as embedded:
        assert read(embedded, f"engine.pool.{attribute}") == value
    url = "postgresql://ann@127.0.0.1:1/domain"
    with Database(url, system_database_url=url, **keywords) as made:
        assert read(made, f"engine.pool.{attribute}") == value
        assert read(made, f"system_engine.pool.{attribute}") == value


def read(found: Any, path: str) -> Any:
    for name in path.split("."):
        found = getattr(found, name)
    return found


def test_the_pools_defaults_are_those_of_the_documentation(memory: Database) -> None:
    with memory:
        names = ("_pool.maxsize", "_max_overflow", "_recycle", "_timeout")
        assert [read(memory.engine.pool, name) for name in names] == [20, 40, 3600, 30.0]


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ann:{SECRET}@127.0.0.1:1/domain",
        f"postgresql://ann@127.0.0.1:1/domain?password={SECRET}",
        f"postgresql://ann@127.0.0.1:1/domain?sslmode=require&sslpassword={SECRET}",
    ],
)
def test_no_password_is_shown(url: str) -> None:
    with Database(url, system_database_url=url, migration_database_url=url) as database:
        assert SECRET not in f"{database!r} {database} {database.engine!r} {database.migration_engine!r}"
        assert repr(database) == "Database(postgresql://127.0.0.1:1/domain)"
        with pytest.raises(UnavailableError) as caught:
            database.create_all()
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"


@pytest.mark.parametrize("option", ["oauth_client_secret", "scram_client_key", "sslpassword"])
def test_an_engine_shows_no_secret_of_its_urls_options(option: str) -> None:
    with Database(f"postgresql://ann@127.0.0.1:1/domain?sslmode=require&{option}={SECRET}") as database:
        assert "sslmode=require" in repr(database.engine)
        assert SECRET not in repr(database.engine)


def test_nothing_is_connected_until_it_is_used() -> None:
    with Database("postgresql://ann@127.0.0.1:1/domain") as database:
        assert database.is_sqlite is False
        assert "Connections in pool: 0" in database.engine.pool.status()


def test_each_login_has_an_engine_and_the_owner_migrates() -> None:
    with Database(
        "postgresql://app@127.0.0.1:1/domain",
        system_database_url="postgresql://system@127.0.0.1:1/domain",
        migration_database_url="postgresql://owner@127.0.0.1:1/domain",
    ) as database:
        assert database.engine.url.username == "app"
        assert database.migration_engine.url.username == "owner"
    with Database("postgresql://app@127.0.0.1:1/domain") as database:
        assert database.migration_engine is database.engine


def test_an_amount_survives_closing_and_opening_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'domain.db'}"
    with Database(url) as database:
        database.create_all()
        organization = make_organization(database)
        with database.get_session(organization_id=organization.id) as session:
            TenderRepository(session).create(title="Bridge", estimated_value=Decimal("0.1"))
    with Database(url) as database, database.get_session(organization_id=organization.id) as session:
        (tender,) = TenderRepository(session).find()
        assert tender.estimated_value == Decimal("0.1")
