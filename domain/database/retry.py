"""A unit of work is repeated where it left nothing behind."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import ArgumentError, UnavailableError

ResultT = TypeVar("ResultT")

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0


def repeated(attempt: Callable[[], ResultT], *, attempts: int) -> ResultT:
    """The first success; the last attempt's error, or the first that may not be repeated."""
    if attempts < 1:
        raise ArgumentError(f"attempts must be at least 1, not {attempts}")
    for number in range(attempts - 1):
        try:
            return attempt()
        except UnavailableError as error:
            if not error.retryable:
                raise
        time.sleep(pause(number))
    return attempt()


def pause(number: int) -> float:
    """Seconds after the attempt of this number, from 0: at random up to a limit that doubles.

    At random, so that two transactions that collided don't begin again together.
    """
    limit = min(FIRST_PAUSE_SECONDS * 2 ** min(number, 10), LONGEST_PAUSE_SECONDS)
    return random.uniform(0, limit)  # noqa: S311  # no secret
