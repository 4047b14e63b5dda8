"""The commands of the package, over an engine that the caller gives."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock
from typing import TypedDict, Unpack

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ..errors import ConfigurationError
from ..kit.database.translate import first_line
from ..kit.model import DomainModel
from ..version import VERSION_TABLE
from .differences import described
from .env import ENGINE
from .runs import PATIENCE, Patience
from .transaction import MigrationError
from .trees import domain_tree

_one_at_a_time = Lock()  # Alembic's context and op are globals of the process


class Patient(TypedDict, total=False):
    """How long a revision waits for a lock before it lets others through, and after how long it gives up.

    ``stop`` ends the run before its next statement, once it is set.
    """

    lock_timeout_seconds: float
    give_up_after_seconds: float
    stop: Event


def upgrade(engine: Engine, revision: str = "head", **patience: Unpack[Patient]) -> list[str]:
    """Bring the database to a revision; the revisions that ran. A second caller waits, and finds the work done.

    On PostgreSQL each revision is a transaction, which is tried again (for 600 seconds at most) where it does not
    have a lock after 0.1 seconds; on SQLite all of them are one.

    Raises:
        MigrationError: there is no such revision, or one failed; nothing of it was kept.
        MigrationBusyError: one did not get its locks.
        UnavailableError: the database can't be reached, or SQLite's file is busy.
    """
    return _run(command.upgrade, engine, revision, Patience(**patience))


def downgrade(engine: Engine, revision: str, **patience: Unpack[Patient]) -> list[str]:
    """Bring the database back to a revision, as ``upgrade`` does; "base" drops every table, with all that is in them.

    Raises:
        MigrationError: there is no such revision, or one failed; nothing of it was kept.
        MigrationBusyError: one did not get its locks.
        UnavailableError: the database can't be reached, or SQLite's file is busy.
    """
    return _run(command.downgrade, engine, revision, Patience(**patience))


def current(engine: Engine) -> str | None:
    """The revision that the database is at; None before the first."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision()


def head() -> str:
    """The newest revision of this version of the package."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None, "the package carries its migrations"
    return revision


def check(engine: Engine) -> list[str]:
    """Differences between database and models, a line each; empty where it is up to date.

    The conditions of CHECKs and partial indexes are compared by name only.
    """
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=domain_tree())
        differences = compare_metadata(context, DomainModel.metadata)
    at, newest = current(engine), head()
    lag = (
        [] if at == newest else [f"the database is at revision {at or 'base'}, the newest of this version is {newest}"]
    )
    return [*lag, *dict.fromkeys(described(differences))]


def _run(operation: Callable[[Config, str], None], engine: Engine, revision: str, patience: Patience) -> list[str]:
    config = _config()
    config.attributes |= {ENGINE: engine, PATIENCE: patience}
    try:
        with _one_at_a_time:
            operation(config, revision)
    except MigrationError:
        raise
    except CommandError as error:
        raise MigrationError(str(error)) from error
    except (DBAPIError, ConfigurationError) as error:
        reason = first_line(error.orig if isinstance(error, DBAPIError) else error.__cause__ or error)
        raise MigrationError(
            f"the migration failed, and the database is at {current(engine) or 'no revision'}: {reason}"
        ) from error
    return patience.done


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    return config


def _scripts() -> Path:
    # A wheel carries the folder inside the package; in a checkout, an editable installation too, it is beside it.
    inside = Path(__file__).parent / "scripts"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "alembic"
