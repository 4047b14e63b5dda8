"""Units of work under deadlocks, serialization failures, killed backends and a line that is cut around COMMIT.

Each unit stores a row of its own and raises two counters. Afterwards: what succeeded is there exactly once, what is
known to have failed is not, what was reported as unknown is there once or not at all, and the counters add up. The
exit code is 1 where anything is wrong.

    python benchmarks/faults.py [--units 10000] [--threads 8] [--seed 1]
"""

import argparse
import sys

from domain.testing import Cluster
from domain.testing.fixtures import postgresql_database
from tests.faults.stress import stress


def main() -> int:
    parser = argparse.ArgumentParser(description="Units of work under faults.")
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1, help="of what is injected; the threads' timing is their own")
    arguments = parser.parse_args()
    with Cluster() as cluster, postgresql_database(cluster) as database:
        result = stress(cluster, database, units=arguments.units, threads=arguments.threads, seed=arguments.seed)
    print(f"{arguments.units} units, {arguments.threads} threads, seed {arguments.seed}: {result}")
    for wrong in result.wrong[:20]:
        print(f"  wrong: {wrong}")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
