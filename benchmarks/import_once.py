"""Import a file, in a process that holds nothing else: prints the seconds and the peak in megabytes.

python benchmarks/import_once.py URL PATH
"""

import resource
import sys
import time
from pathlib import Path

from domain import Database
from domain.ingest import import_paths


def main(url: str, path: str) -> None:
    with Database(url) as database:
        started = time.perf_counter()
        summary = import_paths(database, [Path(path)], organization_id=1)
        seconds = time.perf_counter() - started
    assert summary.ok, summary.refused[:3]
    assert summary.created or summary.updated, summary
    # With that of the process that reads.
    peak = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(seconds, peak / (2**20 if sys.platform == "darwin" else 2**10))


if __name__ == "__main__":
    main(*sys.argv[1:])
