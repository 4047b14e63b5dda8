"""docs/types.md is what the matrix generates."""

from tests.matrix.page import PAGE, page


def test_the_page_says_what_was_tried() -> None:
    assert PAGE.read_text() == page(), "python -m tests.matrix --write"
