"""A PostgreSQL server with the logins of the recommended deployment, and clones of one migrated database."""

import os
from collections.abc import Callable, Mapping
from itertools import count
from typing import Self

from sqlalchemy import URL, Engine, NullPool, create_engine, make_url, text

from ..config import parse_url
from ..database import Database
from ..deployment import Logins, create_roles
from .postgres import PostgresServer

OWNER, APPLICATION, SYSTEM = "domain_test_owner", "domain_test_application", "domain_test_system"
PASSWORD = "domain-test"  # noqa: S105  # of throwaway logins on a throwaway server

_numbers = count(1)


class Cluster:
    """TEST_DATABASE_URL (a login that may create roles and databases), or a server started for the occasion.

    The application's login is neither superuser, nor BYPASSRLS, nor the tables' owner: as in production.
    ``settings`` are postgresql.conf's, of a server started here.
    """

    def __init__(self, *, settings: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._server: PostgresServer | None = None
        self._admin: URL | None = None
        self._template: str | None = None

    def __enter__(self) -> Self:
        """Start the server, unless one is named, and create the logins that are missing."""
        if given := os.environ.get("TEST_DATABASE_URL"):
            self._admin = parse_url(given)
        else:
            self._server = PostgresServer(settings=self._settings)
            self._server.start()
            self._admin = make_url(self._server.url(user="postgres", database="postgres"))
        for role in (OWNER, APPLICATION, SYSTEM):
            self._run(
                f"DO $$ BEGIN CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{PASSWORD}';"
                " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Drop the template; stop the server if it was started here."""
        if self._template is not None:
            self.drop(self._template)
        if self._server is not None:
            self._server.stop()

    @property
    def log(self) -> str:
        """The server's log; empty where it was not started here."""
        return self._server.log if self._server else ""

    def create(self, *, template: str = "template0") -> str:
        """Create a database that the owner's login owns; its name."""
        name = f"domain_test_{os.getpid()}_{next(_numbers)}"
        self._run(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} ENCODING 'UTF8'")
        self._run(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")  # as `domain db roles` does: no template keeps it
        return name

    def clone(self, prepare: Callable[[Database], None]) -> str:
        """Create a copy of the database that ``prepare`` made, once, as the owner; its name."""
        if self._template is None:
            name = self.create()
            with self.database(name) as database:
                prepare(database)
            self.grant(name)
            self._template = name
        return self.create(template=self._template)

    def grant(self, name: str) -> None:
        """Give the application's and the system's logins what ``domain db roles`` gives them."""
        create_roles(self._engine(name), Logins(owner=OWNER, application=APPLICATION, system=SYSTEM))

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def database(self, name: str) -> Database:
        """The database with its three logins."""
        return Database(
            self.url(name, APPLICATION),
            system_database_url=self.url(name, SYSTEM),
            migration_database_url=self.url(name, OWNER),
            pool_size=20,
            max_overflow=18,  # twice that is what a server of 100 connections can give
        )

    def url(self, name: str, role: str) -> str:
        """The database's URL for one of the logins."""
        assert self._admin is not None, "enter it first: with Cluster() as cluster"
        url = self._admin.set(database=name, username=role, password=PASSWORD)
        return url.render_as_string(hide_password=False)

    def _engine(self, name: str | None = None) -> Engine:
        assert self._admin is not None, "enter it first: with Cluster() as cluster"
        return create_engine(self._admin if name is None else self._admin.set(database=name), poolclass=NullPool)

    def _run(self, statement: str) -> None:
        with self._engine().execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text(statement))
