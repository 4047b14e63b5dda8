"""Table classes of a test that are forgotten after it."""

from collections.abc import Generator
from contextlib import contextmanager

from domain.kit.model.registry import REGISTRY


@contextmanager
def throwaway() -> Generator[None]:
    """Table classes that are defined within are forgotten after it."""
    before, tables = set(REGISTRY.mappers), set(REGISTRY.metadata.tables.values())
    try:
        yield
    finally:
        for table in set(REGISTRY.metadata.tables.values()) - tables:
            REGISTRY.metadata.remove(table)
        for mapper in set(REGISTRY.mappers) - before:
            # The public way forgets all or none.
            REGISTRY._dispose_manager_and_mapper(mapper.class_manager)  # pyright: ignore[reportPrivateUsage]
            REGISTRY._managers.pop(mapper.class_manager)  # pyright: ignore[reportPrivateUsage]
