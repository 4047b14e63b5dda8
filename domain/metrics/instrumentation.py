"""``instrument``: counts of what a Database does, for Prometheus."""

import logging
import os
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from math import inf
from typing import Any, get_args
from weakref import WeakSet

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from sqlalchemy import QueuePool

from ..database import Database
from ..errors import ArgumentError, UnavailableError
from ..kit.database.units import Outcome
from .measured import MeasuredEngine
from .statements import OTHER, operation_of, table_of, without_values

logger: logging.Logger = logging.getLogger("domain.metrics")

SECONDS: tuple[float, ...] = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
STATEMENTS = 500  # whose labels are remembered: as many as SQLAlchemy remembers statements


class _Counts:
    """The metrics of one process, of engines by these names."""

    def __init__(self, engines: Iterable[str]) -> None:
        self.queries = Histogram(
            "db_query_duration_seconds",
            "Time for which the driver executed a statement.",
            ["operation", "table"],
            registry=None,
            buckets=SECONDS,
        )
        self.waits = Histogram(
            "db_pool_wait_seconds",
            "Waits for a connection while the whole pool was in use.",
            ["engine"],
            registry=None,
            buckets=SECONDS,
        )
        self.units = Counter("db_units", "Units of work that ended.", ["outcome"], registry=None)
        self.retries = Counter("db_unit_retries", "Units of work that were run again.", ["error"], registry=None)
        self.errors = Counter(
            "db_connection_errors", "Connections that were not had, or were lost.", ["engine", "error"], registry=None
        )
        self.all = (self.queries, self.waits, self.units, self.retries, self.errors)
        self.outcomes = {outcome: self.units.labels(outcome) for outcome in get_args(Outcome)}
        self.waits_for = {name: self.waits.labels(name) for name in engines}
        self.of_compiled: Callable[[Any], Histogram] = lru_cache(STATEMENTS)(self._of_compiled)

    def _of_compiled(self, compiled: Any) -> Histogram:
        statement = compiled.statement
        return self.queries.labels(operation_of(statement, compiled.string), table_of(statement))

    def of_text(self, text: str) -> Histogram:
        """The statements of the same operation that were not compiled."""
        return self.queries.labels(operation_of(None, text), OTHER)


class Instrumentation:
    """A Database's metrics; made by ``instrument``. What prometheus_client calls a collector."""

    def __init__(self, database: Database, registry: CollectorRegistry, slow_query_seconds: float) -> None:
        self._database = database
        self._registry = registry
        self._slow_query_seconds = slow_query_seconds
        self.restart()
        try:
            registry.register(self)
        except ValueError as error:
            raise ArgumentError("the registry has these metrics of another Database: give it one of its own") from error
        database.observer = self
        self._measured = [
            MeasuredEngine(
                engine,
                executed=partial(self._executed, name),
                waited=partial(self._waited, name),
                failed=partial(self._failed, name),
            )
            for name, engine in database.engines.items()
        ]
        _INSTRUMENTATIONS.add(self)

    def uninstrument(self) -> None:
        """Stop measuring, and take the metrics from the registry."""
        _INSTRUMENTATIONS.discard(self)
        for engine in self._measured:
            engine.release()
        self._database.observer = None
        self._registry.unregister(self)

    def restart(self) -> None:
        """Count from 0 on."""
        self._counts = _Counts(self._database.engines)

    def describe(self) -> Iterable[Metric]:
        """Name the metrics, for the registry."""
        return self.collect()

    def collect(self) -> Iterable[Metric]:
        """Read the counts, and the pools as they are now."""
        for metric in self._counts.all:
            yield from metric.collect()
        size = GaugeMetricFamily("db_pool_size", "Connections that the pool keeps.", labels=["engine"])
        out = GaugeMetricFamily("db_pool_checked_out", "Connections in use.", labels=["engine"])
        overflow = GaugeMetricFamily("db_pool_overflow", "Connections beyond those that it keeps.", labels=["engine"])
        for name, engine in self._database.engines.items():
            if isinstance(pool := engine.pool, QueuePool):
                size.add_metric([name], pool.size())
                out.add_metric([name], pool.checkedout())
                overflow.add_metric([name], max(pool.overflow(), 0))
        yield from (size, out, overflow)

    def ended(self, outcome: Outcome) -> None:
        """Count a unit of work."""
        self._counts.outcomes[outcome].inc()

    def retried(self, error: UnavailableError) -> None:
        """Count a unit that is run again, by the class of the driver's error."""
        self._counts.retries.labels(type(error.__cause__ or error).__name__).inc()

    def _executed(self, engine: str, seconds: float, text: str, context: Any) -> None:
        compiled = context and context.compiled
        counts = self._counts
        (counts.of_text(text) if compiled is None else counts.of_compiled(compiled)).observe(seconds)
        if seconds >= self._slow_query_seconds:
            logger.warning("slow query, %.3f s (%s): %s", seconds, engine, without_values(compiled, text))

    def _waited(self, engine: str, seconds: float) -> None:
        self._counts.waits_for[engine].observe(seconds)

    def _failed(self, engine: str, error: BaseException) -> None:
        self._counts.errors.labels(engine, type(error).__name__).inc()


_INSTRUMENTATIONS: WeakSet[Instrumentation] = WeakSet()


def instrument(
    database: Database, *, registry: CollectorRegistry = REGISTRY, slow_query_seconds: float | None = 0.1
) -> Instrumentation:
    """Measure all that goes through a Database, and show it in the registry, until ``uninstrument``.

    A statement that takes ``slow_query_seconds`` is logged by ``domain.metrics``, without values; None: none is.
    A forked child counts from 0.

    Raises:
        ArgumentError: the Database is instrumented, or the registry has another's metrics.
    """
    if database.observer is not None:
        raise ArgumentError("this Database is instrumented already: call uninstrument() of what that returned first")
    return Instrumentation(database, registry, inf if slow_query_seconds is None else slow_query_seconds)


def _after_fork_in_child() -> None:
    for each in list(_INSTRUMENTATIONS):
        each.restart()  # with locks of its own: threads of the parent may have held the old ones


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
