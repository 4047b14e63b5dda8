"""Needs of a migration at a deployment: a database that answers, progress that shows, and an end when asked."""

import logging
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic, sleep
from types import FrameType
from typing import Annotated

import typer
from sqlalchemy import URL, Engine

from ..config import named
from ..errors import UnavailableError
from ..kit.database.engines import make_engine
from ..limits import NO_LIMITS, TimeLimits
from ..migrations import MigrationError
from ..migrations.runs import GIVE_UP_AFTER_SECONDS as GIVE_UP_AFTER_SECONDS
from ..migrations.runs import LOCK_TIMEOUT_SECONDS as LOCK_TIMEOUT_SECONDS
from .screen import safe

Wait = Annotated[
    float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for a database that does not answer yet.")
]
LockTimeout = Annotated[
    float, typer.Option(metavar="SECONDS", min=0.001, help="How long to wait for a lock before letting others through.")
]
GiveUpAfter = Annotated[
    float, typer.Option(metavar="SECONDS", min=0, help="How long to try for a revision's locks in all.")
]
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def answering(url: URL, wait: float) -> Generator[Engine]:
    """An engine of a database that answers. Raises UnavailableError when the wait is over."""
    if url.get_backend_name() != "sqlite" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(max(2, round(wait)))})
    # On SQLite the wait is for its other writer.
    limits = TimeLimits(lock_timeout_seconds=max(wait, 0.001)) if url.get_backend_name() == "sqlite" else NO_LIMITS
    engine = make_engine(url, limits)
    try:
        _await(engine, wait)
        yield engine
    finally:
        engine.dispose()


def _await(engine: Engine, wait: float) -> None:
    until, told = monotonic() + wait, False
    while True:
        try:
            engine.connect().close()
        except UnavailableError as error:
            if not error.retryable or monotonic() >= until:
                raise
            if not told:
                typer.echo(f"waiting for {safe(named(engine.url))}: {error}", err=True)
            told = True
            sleep(0.5)
        else:
            return


@contextmanager
def shown_and_stoppable() -> Generator[Event]:
    """Progress on standard error, and an event that Ctrl-C or SIGTERM sets; a second one ends the process at once.

    A run that was stopped ends with 128 and the signal's number, as shells have it.
    """
    stop, came = Event(), list[int]()

    def ask(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        Thread(target=stop.set).start()  # the signal may have come within a wait for the event, which holds its lock
        signal.signal(number, before[signal.Signals(number)])
        with suppress(OSError):  # past sys.stderr, which may be within a write that the signal cut
            os.write(2, b"stopping after this statement\n")

    before = {number: signal.signal(number, ask) for number in SIGNALS}
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("domain.migrations")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield stop
    except MigrationError as error:
        if not came:
            raise
        typer.echo(f"domain: {safe(str(error))}", err=True)
        raise typer.Exit(128 + came[0]) from None
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
        for number, handling in before.items():
            signal.signal(number, handling)
