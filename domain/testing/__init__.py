"""Databases and factories for tests: ``pytest_plugins = ["domain.testing"]`` in conftest.py.

Fixtures: ``domain_db`` (the test runs on SQLite and on PostgreSQL), ``domain_sqlite``, ``domain_postgresql``:
fresh databases with organizations 1 and 2; ``domain_organization`` is the first. PostgreSQL is TEST_DATABASE_URL,
or a throwaway server.
"""

from .attack import attack
from .building import build
from .cluster import Cluster
from .fixtures import (
    domain_cluster,
    domain_db,
    domain_organization,
    domain_postgresql,
    domain_sqlite,
    domain_sqlite_template,
    make_organization,
    postgresql_database,
    sqlite_database,
)
from .postgres import PostgresServer

__all__ = [
    "Cluster",
    "PostgresServer",
    "attack",
    "build",
    "domain_cluster",
    "domain_db",
    "domain_organization",
    "domain_postgresql",
    "domain_sqlite",
    "domain_sqlite_template",
    "make_organization",
    "postgresql_database",
    "sqlite_database",
]
