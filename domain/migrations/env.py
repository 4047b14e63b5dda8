"""The work of an env.py: Alembic runs it for every command."""

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from logging.config import fileConfig
from time import sleep

from alembic import context
from alembic.migration import MigrationContext
from alembic.util import to_tuple
from sqlalchemy import URL, Connection, Engine, MetaData, text
from sqlalchemy.exc import SQLAlchemyError

from ..config import migration_url
from ..errors import ConfigurationError
from ..kit.database.engines import opened
from ..kit.database.postgresql import lift_limits
from .rebuilding import ComputedAsShown as ComputedAsShown  # known to Alembic by its import
from .rebuilding import WithoutComputed as WithoutComputed
from .replaceable import set_aside
from .transaction import (
    HOLD_OWNER,
    IS_OPEN,
    LET_OWNER_THROUGH,
    LOCK,
    TRY_LOCK,
    MigrationError,
    hold_outside,
    owner_let_through,
    sqlite_transaction,
)
from .trees import ObjectFilter, Tree, application_tree, domain_tree
from .written_on_sqlite import refuse_lacking

ENGINE = "engine"  # the attribute of Alembic's Config that takes the place of the settings


def run_env(
    metadata: MetaData | Sequence[MetaData],
    *,
    version_table: str = "alembic_version",
    database_url: str | None = None,
    include_object: ObjectFilter | None = None,
) -> None:
    """All that an application's env.py has to call: runs Alembic over the application's own tables.

    Models on this package's bases share ``DomainModel.metadata``: import them first. This package's tables are
    neither created nor changed. The database is that of ``alembic -x database_url=...``, else ``database_url``,
    else MIGRATION_DATABASE_URL, else DATABASE_URL, else the default; or the Engine in ``config.attributes["engine"]``.
    ``include_object`` is Alembic's: what it leaves out, others' tables say, is neither dropped nor a difference.

    Raises:
        MigrationError: a setting is missing or wrong, a reference would point at no row, or SQLite was asked for SQL.
    """
    _run(application_tree(metadata, version_table, include_object), database_url)


def run_domain_env() -> None:
    """The same over this package's own tables."""
    _run(domain_tree(), None)


def _run(tree: Tree, database_url: str | None) -> None:
    config = context.config
    on_command_line = config.cmd_opts is not None
    if on_command_line and config.config_file_name and config.file_config.has_section("loggers"):
        fileConfig(config.config_file_name, disable_existing_loggers=False)
    given: Engine | None = config.attributes.get(ENGINE)
    url = given.url if given is not None else _url(database_url)
    if context.is_offline_mode():
        _print_sql(url, tree)
    elif given is not None:
        _migrate(given, tree)
    else:
        with opened(url) as engine:
            _migrate(engine, tree)


def _url(database_url: str | None) -> URL:
    try:
        return migration_url(context.get_x_argument(as_dictionary=True).get("database_url") or database_url)
    except ConfigurationError as error:
        raise MigrationError(str(error)) from None


def _migrate(engine: Engine, tree: Tree) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            with sqlite_transaction(connection):
                context.configure(connection=connection, **tree)
                hold_outside(context.get_context())
                with set_aside(connection) if _has_work() else nullcontext():
                    context.run_migrations()
        else:
            lift_limits(connection)
            context.configure(connection=connection, on_version_apply=_after_revision, **tree)
            hold_outside(context.get_context())
            try:
                while not _is_migrated(connection):
                    sleep(0.1)
            except BaseException:
                with suppress(SQLAlchemyError):  # of a connection that is gone, which left nothing
                    _held_after_failure(connection)
                raise


def _is_migrated(connection: Connection) -> bool:
    """True if it was this run's turn. Waiting in a transaction would hold up another's CREATE INDEX CONCURRENTLY."""
    with context.begin_transaction():
        # Before the revision is read: a second deployer finds the work done.
        if not connection.exec_driver_sql(TRY_LOCK).scalar_one():
            return False
        with owner_let_through(context.get_context()) if _has_work() else nullcontext():
            context.run_migrations()
        if set(context.get_context().get_current_heads()) == set(to_tuple(context.get_head_revisions(), default=())):
            refuse_lacking(context.get_context())
        return True


def _held_after_failure(connection: Connection) -> None:
    """Hold the owner again where a revision committed by itself, and failed then."""
    connection.rollback()
    connection.execute(text(HOLD_OWNER))
    connection.commit()


def _print_sql(url: URL, tree: Tree) -> None:
    if url.get_backend_name() == "sqlite":
        raise MigrationError(
            "--sql is for PostgreSQL: SQLite changes a table by copying it, which takes the database itself;"
            " run the command without --sql"
        )
    context.configure(
        url=url,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        on_version_apply=_after_revision,
        **tree,
    )
    hold_outside(context.get_context())
    with context.begin_transaction(), owner_let_through(context.get_context()):
        context.execute(LOCK)
        context.run_migrations()


def _after_revision(ctx: MigrationContext, step: object, heads: object, run_args: object) -> None:  # noqa: ARG001
    """Let the owner through what a revision has secured: the next may migrate its data."""
    if ctx.opts.get(IS_OPEN):  # not where a revision is only stamped
        ctx.execute(LET_OWNER_THROUGH)


def _has_work() -> bool:
    """True if a revision will run: only then are the tables locked."""
    try:
        wanted = context.get_revision_argument()
    except KeyError:  # the command compares or shows
        return False
    return set(to_tuple(wanted, default=())) != set(context.get_context().get_current_heads())
