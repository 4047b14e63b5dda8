"""Units of work: repeated where they left nothing behind, and run in threads for coroutines."""

import asyncio
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Literal, Protocol, TypeVar

from ...errors import MisuseError, UnavailableError

ResultT = TypeVar("ResultT")

Outcome = Literal["committed", "rolled_back", "unavailable", "unknown"]
"""``unavailable``: by an UnavailableError, nothing stored; ``unknown``: by an OutcomeUnknownError."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0


class UnitObserver(Protocol):
    """Hears of every unit of work of a Database: ``domain.metrics`` counts them."""

    def ended(self, outcome: Outcome) -> None: ...

    def retried(self, error: UnavailableError) -> None: ...


def repeated(attempt: Callable[[], ResultT], *, attempts: int, observer: UnitObserver | None = None) -> ResultT:
    """The first success. Raises the last attempt's error, or the first that may not be repeated."""
    if attempts < 1:
        raise MisuseError(f"attempts must be at least 1, not {attempts}")
    for number in range(attempts - 1):
        try:
            return attempt()
        except UnavailableError as error:
            if not error.retryable:
                raise
            if observer is not None:
                observer.retried(error)
        time.sleep(pause(number))
    return attempt()


def pause(number: int) -> float:
    """Seconds after the attempt of this number, from 0: at random up to a limit that doubles.

    At random, so that two transactions that collided don't begin again together.
    """
    limit = min(FIRST_PAUSE_SECONDS * 2 ** min(number, 10), LONGEST_PAUSE_SECONDS)
    return random.uniform(0, limit)  # noqa: S311  # no secret


class Threads:
    """Up to ``count`` threads, started as they are needed; a forked child starts its own.

    As many as there are connections, so that no thread waits for one.
    """

    def __init__(self, count: int) -> None:
        self._count = max(count, 1)
        self._executors: dict[int, ThreadPoolExecutor] = {}  # by the process that they belong to

    async def run(self, call: Callable[[], ResultT]) -> ResultT:
        """Run the call in a thread, with the caller's context variables. Cancelling stops the waiting alone."""
        executor = self._executors.setdefault(os.getpid(), ThreadPoolExecutor(self._count, "domain"))
        return await asyncio.get_running_loop().run_in_executor(executor, copy_context().run, call)

    def close(self) -> None:
        """Wait for the units that are running."""
        if executor := self._executors.pop(os.getpid(), None):
            executor.shutdown()
