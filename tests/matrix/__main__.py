"""``python -m tests.matrix``: how many cells there are; with ``--write`` docs/types.md is written as well."""

import sys

from domain.testing.fixtures import ENGINES
from tests.matrix.kinds import REFUSED, WORKING
from tests.matrix.page import PAGE, page
from tests.matrix.paths import PATHS, cells

if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page())
    number = len(cells()) * len(ENGINES)
    print(
        f"{number:,} cells ({len(WORKING)} kinds, {len(PATHS)} paths, {len(ENGINES)} engines), {len(REFUSED)} refused"
    )
