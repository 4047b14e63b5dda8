"""The kit over a fresh database of each engine: every layer on, each off alone, and both as_organization."""

from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ...database import Database
from ..cluster import Cluster
from ..fixtures import postgresql_database, prepare
from .attacking import attack
from .layers import Layer
from .report import Report

Runs = dict[Layer | None, Report]  # by the layer that was off


def runs(engine: str) -> Runs:
    """All layers on, then each off alone."""
    with _database(engine) as database:
        off: list[Layer | None] = [None, *sorted(set(Layer) - {Layer.KEYS})]
        return {layer: _both(database, () if layer is None else {layer}) for layer in off}


def _both(database: Database, without: Collection[Layer]) -> Report:
    return sum((attack(database, without=without, as_organization=lent) for lent in (False, True)), Report())


@contextmanager
def _database(engine: str) -> Generator[Database]:
    if engine == "postgresql":
        with Cluster() as cluster, postgresql_database(cluster) as database:
            yield database
    else:
        with TemporaryDirectory() as folder, Database(f"sqlite:///{Path(folder, 'attack.db')}") as database:
            prepare(database)
            yield database
