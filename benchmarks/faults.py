"""Units of work under deadlocks, serialization failures, killed backends and a line that is cut around COMMIT.

Each unit stores a row of its own and raises two counters. Afterwards: what succeeded is there exactly once, what is
known to have failed is not, what was reported as unknown is there once or not at all, and the counters add up. The
exit code is 1 where anything is wrong. The server, as durable as in production, crashes --crashes times,
and its disk is full half as often (where this account may mount one).

    python benchmarks/faults.py [--units 10000] [--threads 16] [--crashes 20] [--seed 1]
"""

import argparse
import sys

from tests.faults.stress import crashing


def main() -> int:
    parser = argparse.ArgumentParser(description="Units of work under faults.")
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--crashes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of what is injected; the threads' timing is their own")
    arguments = parser.parse_args()
    result = crashing(units=arguments.units, threads=arguments.threads, seed=arguments.seed, crashes=arguments.crashes)
    print(f"{arguments.units} units, {arguments.threads} threads, seed {arguments.seed}: {result}")
    for wrong in result.wrong[:20]:
        print(f"  wrong: {wrong}")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
