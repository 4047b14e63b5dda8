"""What is said where no connection is to be had, or nothing can be written, and whether to try again."""

from collections.abc import Callable

import psycopg2
import pytest
from sqlalchemy import text

from domain import ConfigurationError, Database, DomainError, TenantSession, TenderRepository, UnavailableError

SECRET = "opensesame"
CONNECTION = 'connection to server at "password.example.org", port 5432 failed: '


def failure(database: Database) -> DomainError:
    """The error of a unit, which names no secret."""
    with pytest.raises(DomainError) as caught:
        database.run(lambda session: TenderRepository(session).count(), organization_id=1, attempts=1)
    assert SECRET not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert "postgresql://" not in str(caught.value)
    assert caught.value.__cause__ is not None
    return caught.value


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ('FATAL:  password authentication failed for user "shop"', "password authentication failed"),
        ("fe_sendauth: no password supplied", "no password supplied"),
        ('FATAL:  role "shop" is not permitted to log in', "not permitted to log in"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "shop", database "shop"', "pg_hba.conf"),
        ("FATAL:  no such database: shop", "no such database"),  # PgBouncer's
    ],
)
def test_a_login_that_is_refused_is_a_fault_of_the_deployment(
    told: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Database(f"postgresql://shop:{SECRET}@127.0.0.1/shop") as database:
        monkeypatch.setattr(psycopg2, "connect", raising(psycopg2.OperationalError(f"{CONNECTION}{told}\n")))
        error = failure(database)
    assert isinstance(error, ConfigurationError)
    assert said in str(error)
    assert "the server refuses the login" in str(error)


@pytest.mark.parametrize(
    "told",
    [
        "SSL error: certificate verify failed",
        "server does not support SSL, but SSL was required",
        'server certificate for "a.example.org" does not match host name "b.example.org"',
        'root certificate file "/root.crt" does not exist\nEither provide the file, or change sslmode',
    ],
)
def test_a_server_that_is_not_trusted_is_a_fault_of_the_deployment(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database(f"postgresql://shop:{SECRET}@127.0.0.1/shop") as database:
        monkeypatch.setattr(psycopg2, "connect", raising(psycopg2.OperationalError(f"{CONNECTION}{told}\n")))
        error = failure(database)
    assert isinstance(error, ConfigurationError)
    said = told.partition("\n")[0]
    assert str(error) == f"no safe line to the server ({said}): see sslmode and sslrootcert in its URL"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("FATAL:  sorry, too many clients already", "every connection of the server is taken"),
        (
            "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
            "every connection of the server is taken",
        ),
        ("FATAL:  no more connections allowed (max_client_conn)", "every connection of the server is taken"),
        ("FATAL:  the database system is starting up", "can't be reached"),
        ("FATAL:  the database system is in recovery mode", "can't be reached"),
        ("FATAL:  Verbindungslimit erreicht", "can't be reached"),  # in whatever language
        ("Connection refused\n\tIs the server running on that host?", "can't be reached"),
        ("No such file or directory\n\tIs the server running locally?", "can't be reached"),
    ],
)
def test_a_server_that_is_full_or_away_may_be_tried_again(
    told: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Database(f"postgresql://shop:{SECRET}@127.0.0.1/shop") as database:
        monkeypatch.setattr(psycopg2, "connect", raising(psycopg2.OperationalError(f"{CONNECTION}{told}\n")))
        error = failure(database)
        assert database.health_check() is False
    assert isinstance(error, UnavailableError)
    assert said in str(error)
    assert error.retryable


def raising(error: Exception) -> Callable[..., None]:
    def connect(*_args: object, **_options: object) -> None:
        raise error

    return connect


def test_a_real_server_refuses_an_unknown_login_and_an_unknown_database(domain_postgresql: Database) -> None:
    url = domain_postgresql.engine.url
    for unknown in (url.set(database="nowhere"), url.set(username="nobody")):
        with Database(unknown.set(password=SECRET).render_as_string(hide_password=False)) as database:
            error = failure(database)
            assert isinstance(error, ConfigurationError)
            assert "nowhere" in str(error) or "nobody" in str(error)


def test_a_real_server_that_is_full(domain_postgresql: Database) -> None:
    name = domain_postgresql.engine.url.database
    owner = domain_postgresql.migration_engine.execution_options(isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} CONNECTION LIMIT 0"))
        try:
            with Database(domain_postgresql.engine.url.render_as_string(hide_password=False)) as other:
                error = failure(other)
        finally:
            connection.execute(text(f"ALTER DATABASE {name} CONNECTION LIMIT -1"))
    assert isinstance(error, UnavailableError)
    assert error.retryable
    assert "every connection of the server is taken" in str(error)


def test_a_database_that_takes_no_writes_says_so(domain_db: Database) -> None:
    if domain_db.is_sqlite:
        url = f"sqlite:///file:{domain_db.engine.url.database}?mode=ro&uri=true"
    else:
        read_only = domain_db.engine.url.update_query_dict({"options": "-c default_transaction_read_only=on"})
        url = read_only.render_as_string(hide_password=False)
    with Database(url) as database:

        def write(session: TenantSession) -> None:
            TenderRepository(session).create(title="x")

        assert database.run(lambda session: TenderRepository(session).count(), organization_id=1) == 0
        with pytest.raises(UnavailableError, match="the database is read-only") as caught:
            database.run(write, organization_id=1)
    assert not caught.value.retryable
