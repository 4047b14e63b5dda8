from collections.abc import Iterator

import pytest

from domain.kit.model.registry import REGISTRY


@pytest.fixture
def throwaway_models() -> Iterator[None]:
    """Table classes that the test defines are forgotten after it."""
    before, tables = set(REGISTRY.mappers), set(REGISTRY.metadata.tables.values())
    yield
    for table in set(REGISTRY.metadata.tables.values()) - tables:
        REGISTRY.metadata.remove(table)
    for mapper in set(REGISTRY.mappers) - before:
        # The public way forgets all or none.
        REGISTRY._dispose_manager_and_mapper(mapper.class_manager)  # pyright: ignore[reportPrivateUsage]
        REGISTRY._managers.pop(mapper.class_manager)  # pyright: ignore[reportPrivateUsage]
