"""Dumps that hold every row, or are none; and restoring one into an empty database.

Row level security holds pg_dump too: by a login that it holds, ``--enable-row-security`` leaves rows out and succeeds.
So pg_dump gives the schema, and the rows are copied here, in its snapshot. The file is SQL for psql, one transaction
that counts its rows: a part of it restores nothing. On SQLite it is a copy of the database.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import psycopg2
from psycopg2.extensions import make_dsn
from sqlalchemy import Connection, Engine, Row, inspect, text

from ..errors import DomainError
from ..kit.database.engines import SECRET_OPTION
from ..kit.database.translate import first_line

# By a policy the login sees all rows where a permissive one is always true, and no restrictive one applies to it.
_APPLIES = (
    "p.polrelid = c.oid AND p.polcmd IN ('*', 'r')"
    " AND EXISTS (SELECT FROM unnest(p.polroles) AS role WHERE role = 0 OR pg_has_role(role, 'USAGE'))"
)
_TABLES = text(
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name,"  # noqa: S608  # nothing from outside
    " (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a"
    "  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,"
    " row_security_active(c.oid) AS is_held,"
    f" EXISTS (SELECT FROM pg_policy p WHERE {_APPLIES} AND p.polpermissive"
    "  AND pg_get_expr(p.polqual, p.polrelid) = 'true')"
    f" AND NOT EXISTS (SELECT FROM pg_policy p WHERE {_APPLIES} AND NOT p.polpermissive) AS is_opened"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^(pg_|information_schema$)'"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
    "  AND d.deptype = 'e') ORDER BY 1"
)
_SEQUENCES = text(
    "SELECT format('SELECT pg_catalog.setval(%L, %s);', format('%I.%I', schemaname, sequencename), last_value)"
    " FROM pg_sequences WHERE last_value IS NOT NULL ORDER BY 1"
)
_LARGE_OBJECTS = text("SELECT EXISTS (SELECT FROM pg_largeobject_metadata)")
_SETTINGS = (
    "SET LOCAL datestyle = ISO; SET LOCAL intervalstyle = postgres; SET LOCAL client_encoding = 'UTF8';"
    " SET LOCAL lock_timeout = '10s'"
)
_SQLITE_TABLES = "SELECT name FROM main.sqlite_master WHERE type = 'table'"


class BackupError(DomainError):
    """No dump was made, or nothing was restored."""


_FAILURES = (BackupError, OSError, psycopg2.Error, sqlite3.Error)


def dump(engine: Engine, file: Path) -> dict[str, int]:
    """Write the whole database to a new file, which nobody else may read; how many rows each table has.

    A table that the login does not see all of is locked while it is copied. Whatever ends a dump, there is no file of
    that name then, and protection is as it was.

    Raises:
        BackupError: no dump was made.
        UnavailableError: a table could not be locked in 10 seconds.
    """
    write = _dump_sqlite if engine.dialect.name == "sqlite" else _dump_postgresql
    try:
        if file.exists():
            raise BackupError(f"{file} is there already")
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        part = Path(name)
        try:
            rows = write(engine, part)
            os.fsync(handle)
            part.rename(file)
        finally:
            os.close(handle)
            part.unlink(missing_ok=True)
    except _FAILURES as error:
        raise BackupError(f"no dump was made: {first_line(error)}") from error
    return rows


def restore(engine: Engine, file: Path) -> None:
    """Fill an empty database from a dump: all of it, or nothing. The engine's login owns it then.

    Raises:
        BackupError: nothing was restored.
    """
    read = _restore_sqlite if engine.dialect.name == "sqlite" else _restore_postgresql
    try:
        if inspect(engine).get_table_names():
            raise BackupError("the database has tables already")
        read(engine, file)
    except _FAILURES as error:
        raise BackupError(f"nothing was restored: {first_line(error)}") from error


def hidden_tables(connection: Connection) -> list[str]:
    """The tables that the login does not see all rows of, so that its pg_dump leaves some out."""
    return [table.name for table in connection.execute(_TABLES) if table.is_held and not table.is_opened]


def _dump_postgresql(engine: Engine, file: Path) -> dict[str, int]:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, file.open("wb") as out:
        snapshot: str = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        if connection.scalar(_LARGE_OBJECTS):
            raise BackupError("the database has large objects, which only pg_dump can copy")
        connection.exec_driver_sql(_SETTINGS)
        tables = connection.execute(_TABLES).all()
        if tables:
            connection.exec_driver_sql(f"LOCK TABLE {', '.join(table.name for table in tables)} IN ACCESS SHARE MODE")
        out.write(b"BEGIN;\n" + _schema(connection, "pre-data", snapshot))
        rows = {table.name: _copy(connection, table, out) for table in tables}
        out.writelines(f"{statement}\n".encode() for statement in connection.scalars(_SEQUENCES))
        out.write(_schema(connection, "post-data", snapshot) + b"COMMIT;\n")
    return rows


def _copy(connection: Connection, table: Row[Any], out: IO[bytes]) -> int:
    """Write the table's rows, and a check of their number; how many there are."""
    driver: Any = connection.connection.driver_connection
    with connection.begin_nested() as savepoint, closing(driver.cursor()) as cursor:
        if table.is_held and not table.is_opened:
            # Undone with the savepoint, which gives the lock back; seen by no other connection, and not committed.
            connection.exec_driver_sql(f"ALTER TABLE {table.name} NO FORCE ROW LEVEL SECURITY")
        # Off: the server refuses to leave a row out.
        connection.exec_driver_sql(f"SET LOCAL row_security = {'on' if table.is_opened else 'off'}")
        out.write(f"COPY {table.name} ({table.columns}) FROM stdin;\n".encode())
        cursor.copy_expert(f"COPY {table.name} ({table.columns}) TO STDOUT", out)
        rows: int = cursor.rowcount
        savepoint.rollback()
    counted = f"(SELECT count(*) FROM {table.name}) = {rows}"  # noqa: S608  # the catalog's own name
    out.write(f"\\.\nDO $rows$BEGIN ASSERT {counted}, 'rows are missing'; END$rows$;\n".encode())
    return rows


def _schema(connection: Connection, section: str, snapshot: str) -> bytes:
    options = ("--no-owner", "--enable-row-security", f"--snapshot={snapshot}")
    return _run("pg_dump", connection, f"--section={section}", *options)


def _restore_postgresql(engine: Engine, file: Path) -> None:
    with file.open("rb") as source, engine.connect() as connection:
        _run("psql", connection, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", stdin=source)
    if not inspect(engine).get_table_names():
        raise BackupError("the dump has no end")


def _run(program: str, connection: Connection, *arguments: str, stdin: IO[bytes] | None = None) -> bytes:
    """Run one of PostgreSQL's programs; what it prints."""
    found = shutil.which(program)
    if found is None:
        raise BackupError(f"there is no {program}: install PostgreSQL's client programs, as new as the server")
    driver: Any = connection.connection.driver_connection
    given: dict[str, str] = driver.info.dsn_parameters
    # In the environment, since other users of the machine see the command.
    environment = {**os.environ, **({"PGPASSWORD": driver.info.password} if driver.info.password else {})}
    if secrets := [name for name in given if SECRET_OPTION.search(name)]:
        raise BackupError(f"{', '.join(secrets)} can't be given to {program} unseen: use a service file")
    command = [found, "--no-password", f"--dbname={make_dsn(**given)}", *arguments]
    done = subprocess.run(command, env=environment, stdin=stdin, capture_output=True, check=False)  # noqa: S603  # its own
    if done.returncode:
        raise BackupError(_reason(done.stderr))
    return done.stdout


def _reason(said: bytes) -> str:
    """The line of the error; those after it may show rows."""
    line = re.search(r"(?:ERROR|FATAL|error): *(.*)", said.decode(errors="replace"))
    return line[1] if line else "it was ended"


def _dump_sqlite(engine: Engine, file: Path) -> dict[str, int]:
    with engine.connect() as connection, closing(sqlite3.connect(file)) as copy:
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN")  # the copy's pages are as of its first read, whatever others write
        rows = _counts(driver)
        driver.backup(copy)
        driver.rollback()
        if _counts(copy) != rows:
            raise BackupError("the copy has not the same rows")
    return rows


def _restore_sqlite(engine: Engine, file: Path) -> None:
    address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as source, engine.connect() as connection:
        if (found := source.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
            raise BackupError(found)
        target: Any = connection.connection.driver_connection
        source.backup(target)


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    names = [name for (name,) in connection.execute(_SQLITE_TABLES)]
    count = 'SELECT count(*) FROM main."{}"'
    return {name: connection.execute(count.format(name.replace('"', '""'))).fetchone()[0] for name in names}
