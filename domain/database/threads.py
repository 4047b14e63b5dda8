"""Threads for units of work: as many as there are connections, so that none waits for a thread to give it back one."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

ResultT = TypeVar("ResultT")


class Threads:
    """Up to ``count`` threads, started as they are needed; a forked child starts its own."""

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
