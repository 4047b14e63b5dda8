"""Faults while units of work run: killed backends, cut lines, crashes and a full disk, so many for so much work."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext

from domain import Database, DomainError

from .operator import Disk, Server
from .proxy import Cut, Proxy, is_commit, is_query

COMMITS_BETWEEN_CUTS, STATEMENTS_BETWEEN_CUTS, SESSIONS_BETWEEN_KILLS = 25, 250, 12
_NAMES = {
    "40001": "serialization failures",
    "40P01": "deadlocks",
    "55P03": "lock timeouts",
    "53100": "refusals for a full disk",
}
_LONGEST_DELAY_SECONDS = 0.02
_FULL_SECONDS = 0.3


class _NowAndThen:
    """True once in so many calls, on average; never later than in twice as many."""

    def __init__(self, every: int, source: random.Random) -> None:
        self._every = every
        self._random = source
        self._left = self._gap()

    def _gap(self) -> int:
        return self._random.randint(1, 2 * self._every - 1)

    def __call__(self) -> bool:
        self._left -= 1
        if self._left > 0:
            return False
        self._left = self._gap()
        return True


class Faults:
    """What was done, and what the driver reported of it."""

    def __init__(self, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self._random = random.Random(f"faults {seed}")
        self._cut_commit = _NowAndThen(COMMITS_BETWEEN_CUTS, self._random)
        self._cut_statement = _NowAndThen(STATEMENTS_BETWEEN_CUTS, self._random)
        self._kill_one = _NowAndThen(SESSIONS_BETWEEN_KILLS, self._random)
        self._lock = threading.Lock()
        self._backends: dict[int, int] = {}  # the one that each thread uses
        self._to_kill = threading.Semaphore(0)
        self._ended = False

    def operate(self, server: Server, disk: Disk | None, *, times: int, done: Callable[[], float]) -> None:
        """Crash the server so often, and fill its disk half as often, as the share of units that are done grows."""
        for number in range(1, times + 1):
            while (share := done()) < number / (times + 1):
                time.sleep(0.01)
            if disk is not None and number % 2:
                disk.fill()
                time.sleep(_FULL_SECONDS)
                disk.empty()
                self.done["full disks"] += 1
            server.restart()
            self.done["crashes of the server"] += share < 1

    @contextmanager
    def injected(self, database: Database, line: Proxy, killer: Database) -> Generator[None]:
        """Cut the database's line and kill its backends, at random."""
        event.listen(database.engine, "checkout", self._on_checkout)
        event.listen(database.engine, "handle_error", self._on_error)
        thread = threading.Thread(target=self._kill, args=(killer,), name="killer")
        line.decide = self._decide
        thread.start()
        try:
            yield
        finally:
            self._ended = True
            self._to_kill.release()
            thread.join()

    def _decide(self, message: bytes) -> Cut:
        if not is_query(message):
            return Cut.NEVER
        with self._lock:
            if not (self._cut_commit() if is_commit(message) else self._cut_statement()):
                return Cut.NEVER
            cut = self._random.choice((Cut.BEFORE, Cut.AFTER))
            self.done[f"lines cut {cut.name.lower()} {'COMMIT' if is_commit(message) else 'a statement'}"] += 1
        return cut

    def _on_checkout(self, connection: Any, _record: object, _fairy: object) -> None:
        self._backends[threading.get_ident()] = connection.info.backend_pid
        with self._lock:
            if self._kill_one():
                self._to_kill.release()

    def _kill(self, killer: Database) -> None:
        chosen = random.Random()  # which of them, and where in its work, is a matter of timing anyway
        kill = text("SELECT pg_terminate_backend(:pid)")
        while self._to_kill.acquire() and not self._ended:
            time.sleep(chosen.uniform(0, _LONGEST_DELAY_SECONDS))
            pid = chosen.choice(list(self._backends.values()))
            with suppress(DomainError), killer.engine.connect() as connection:  # the server may be away
                self.done["backends killed"] += bool(connection.scalar(kill, {"pid": pid}))

    def _on_error(self, context: ExceptionContext) -> None:
        code = getattr(context.original_exception, "pgcode", None)
        lost, refused = "lost connections", "refused connections"
        name = lost if context.is_disconnect else _NAMES.get(code, f"others ({code})") if code else refused
        with self._lock:
            self.seen[name] += 1
