"""A PostgreSQL of its own that is as durable as in production, and the databases on it."""

import os
from collections.abc import Generator
from contextlib import contextmanager

import psycopg2
from psycopg2 import extensions
from sqlalchemy import make_url

from domain.migrations import upgrade
from domain.testing import Cluster, PostgresServer
from domain.testing.cluster import APPLICATION

from . import audit_cost, isolation_cost

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    # The clean-up comes between the rounds, the same for all, and not at a moment of its own choosing.
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "TimeZone": "UTC",
}


class Server:
    """``url`` names a database as the application's login, ``admin`` connects as superuser."""

    def __init__(self, postgres: PostgresServer, cluster: Cluster) -> None:
        self._postgres = postgres
        self.cluster = cluster

    def url(self, database: str) -> str:
        return self.cluster.url(database, APPLICATION)

    def admin(self, database: str) -> extensions.connection:
        url = make_url(self._postgres.url(user="postgres", database=database))
        connection = psycopg2.connect(host=url.host, port=url.port, user=url.username, dbname=database)
        connection.autocommit = True
        return connection

    def create(self) -> str:
        """An empty database with our tables, as the recommended deployment has them; its name."""
        name = self.cluster.create()
        with self.cluster.database(name) as database:
            upgrade(database.migration_engine)
        self.cluster.grant(name)
        return name

    def copy(self, name: str, *, isolated: bool) -> str:
        """A copy of the database without its audit trail, and with row level security or without; its name."""
        copy = self.cluster.create(template=name)
        with self.cluster.database(copy) as database:
            audit_cost.switch_off(database)
            if not isolated:
                isolation_cost.switch_off(database)
        self.cluster.grant(copy)
        with self.admin(copy) as connection, connection.cursor() as cursor:
            cursor.execute(f"GRANT TEMPORARY ON DATABASE {copy} TO {APPLICATION}")
        return copy


@contextmanager
def running() -> Generator[Server]:
    with PostgresServer(settings=SETTINGS) as postgres:
        before = os.environ.get("TEST_DATABASE_URL")
        os.environ["TEST_DATABASE_URL"] = postgres.url(user="postgres", database="postgres")
        try:
            with Cluster() as cluster:
                yield Server(postgres, cluster)
        finally:
            os.environ.pop("TEST_DATABASE_URL")
            if before is not None:
                os.environ["TEST_DATABASE_URL"] = before
