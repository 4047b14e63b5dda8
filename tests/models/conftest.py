from collections.abc import Iterator

import pytest

from tests.support.throwaway import throwaway


@pytest.fixture
def throwaway_models() -> Iterator[None]:
    """Table classes that the test defines are forgotten after it."""
    with throwaway():
        yield
