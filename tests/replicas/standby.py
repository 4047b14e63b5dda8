"""A throwaway primary with the tests' schema, and a standby that streams from it."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from domain import Database
from domain.kit.database.replicas import Replicas
from domain.testing import Cluster
from domain.testing.binaries import PostgresNotFoundError, find_binaries, program
from domain.testing.cluster import APPLICATION, PASSWORD, SYSTEM
from domain.testing.fixtures import prepare
from domain.testing.postgres import PostgresServer, PostgresServerError

_NOT_TESTED = "read replicas are NOT tested"


class Primary(PostgresServer):
    """A server whose commits wait for its own disk, so that they are sent at once."""

    def __init__(self) -> None:
        super().__init__(settings={"synchronous_commit": "local", "wal_level": "replica", "max_wal_senders": "4"})

    def ask(self, question: str) -> object:
        """The answer, to a superuser."""
        return asked(self, question)


class Standby(PostgresServer):
    """A copy of the primary by pg_basebackup, which goes on to stream from it."""

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__()
        self._primary_port = primary.port

    def _initialise(self, folder: Path) -> None:
        source = ("--host=127.0.0.1", f"--port={self._primary_port}", "--username=postgres")
        options = ("--pgdata=data", "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
        if not self._run(folder, "pg_basebackup", *source, *options):
            raise PostgresServerError(f"pg_basebackup failed: {(folder / 'output').read_text()}")

    def ask(self, question: str) -> object:
        """The answer, to a superuser."""
        return asked(self, question)


def asked(server: PostgresServer, question: str) -> object:
    """The answer of the server, to a superuser."""
    engine = create_engine(server.url(user="postgres", database="postgres"), poolclass=NullPool)
    with engine.connect() as connection:
        return connection.scalar(text(question))


class Pair:
    """A primary and its standby; ``name`` is the database with the tests' schema."""

    def __init__(self, primary: Primary, standby: Standby, name: str) -> None:
        self.primary = primary
        self.standby = standby
        self.name = name

    def url(
        self, server: PostgresServer, *others: PostgresServer, attributes: str = "any", role: str = APPLICATION
    ) -> str:
        """The database on the first of the servers that has the attributes, by the login."""
        hosts = "&".join(f"host=127.0.0.1:{each.port}" for each in (server, *others))
        return f"postgresql://{role}:{PASSWORD}@/{self.name}?{hosts}&target_session_attrs={attributes}"

    def database(self, *, max_read_lag_seconds: float = 10.0) -> Database:
        """One that writes to the primary and reads from the standby."""
        return Database(
            self.url(self.primary),
            system_database_url=self.url(self.primary, role=SYSTEM),
            read_urls=[self.url(self.standby)],
            max_read_lag_seconds=max_read_lag_seconds,
        )


@contextmanager
def pair() -> Generator[Pair]:
    """Start both; skips, loudly, where there is no program to copy a server."""
    try:
        binaries = find_binaries()
    except PostgresNotFoundError as error:
        pytest.skip(f"NO POSTGRESQL HERE: {_NOT_TESTED}; {error}")
    if not program(binaries, "pg_basebackup").is_file():
        pytest.skip(f"NO PG_BASEBACKUP in {binaries}: {_NOT_TESTED}")
    with Primary() as primary:
        name = _prepared(primary)
        with Standby(primary) as standby:
            yield Pair(primary, standby, name)


def replicas_of(database: Database) -> Replicas:
    """What chooses between its standbys."""
    return database._replicas  # pyright: ignore[reportPrivateUsage]


def _prepared(primary: Primary) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_DATABASE_URL", primary.url(user="postgres", database="postgres"))
        with Cluster() as cluster:
            name = cluster.create()
            with cluster.database(name) as database:
                prepare(database)
            cluster.grant(name)
            return name
