"""The work of an env.py: Alembic runs it for every command."""

from collections.abc import Sequence
from contextlib import nullcontext
from logging.config import fileConfig

from alembic import context
from alembic.migration import MigrationContext
from alembic.util import to_tuple
from sqlalchemy import URL, Engine, MetaData

from ..config import migration_url
from ..errors import ConfigurationError
from ..kit.database.engines import opened
from ..kit.database.postgresql import lift_limits
from .rebuilding import ComputedAsShown as ComputedAsShown  # known to Alembic by its import
from .rebuilding import WithoutComputed as WithoutComputed
from .replaceable import set_aside
from .runs import PATIENCE, Patience, Run, one_at_a_time
from .transaction import (
    IS_OPEN,
    LET_OWNER_THROUGH,
    LOCK,
    MigrationError,
    hold_outside,
    refusing_commits,
    sqlite_transaction,
    watch,
)
from .trees import ObjectFilter, Tree, application_tree, domain_tree

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
        return
    patience: Patience = config.attributes.get(PATIENCE, Patience())
    with nullcontext(given) if given is not None else opened(url) as engine:
        if engine.dialect.name == "sqlite":
            _migrate_sqlite(engine, tree, patience)
        else:
            # Before the revision is read: a second deployer finds the work done.
            with one_at_a_time(engine, patience.stop):
                _migrate_postgresql(engine, tree, patience)


def _url(database_url: str | None) -> URL:
    try:
        return migration_url(context.get_x_argument(as_dictionary=True).get("database_url") or database_url)
    except ConfigurationError as error:
        raise MigrationError(str(error)) from None


def _migrate_sqlite(engine: Engine, tree: Tree, patience: Patience) -> None:
    """One transaction for all: there is one writer, whom nobody overtakes."""
    with engine.connect() as connection, sqlite_transaction(connection):
        context.configure(connection=connection, **tree)
        run = Run(context.get_context().opts["fn"], connection, patience)
        options: Tree = {PATIENCE: patience, **tree}
        context.configure(connection=connection, fn=run.steps, **options)
        hold_outside(context.get_context())
        with set_aside(connection) if _has_work() else nullcontext():
            patience.watch(connection)
            context.run_migrations()


def _migrate_postgresql(engine: Engine, tree: Tree, patience: Patience) -> None:
    with engine.connect() as connection:
        lift_limits(connection)
        context.configure(connection=connection, **tree)
        run = Run(context.get_context().opts["fn"], connection, patience)
        options: Tree = {PATIENCE: patience, **tree}
        context.configure(connection=connection, transaction_per_migration=True, fn=run.steps, **options)
        migration = context.get_context()
        hold_outside(migration)
        watch(migration, connection)
        patience.watch(connection)
        run.complete(context.run_migrations, migration)
        connection.commit()  # what a command has done besides revisions


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
    migration = context.get_context()
    hold_outside(migration)
    with context.begin_transaction():
        migration.execute(LET_OWNER_THROUGH)
        with refusing_commits(migration):
            migration.execute(LOCK)
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
