"""``make attack``: the matrix of methods, attacks and engines, and a run with each layer off."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from domain.testing.attack import Report
from domain.testing.fixtures import ENGINES
from tests.attack.layers import Layer
from tests.attack.matrix import matrix, runs


def main() -> int:
    """0 where nothing leaked."""
    # Of its own each: to switch a layer off patches a whole process.
    with ProcessPoolExecutor(len(ENGINES), mp_context=get_context("spawn")) as pool:
        on_sqlite, on_postgresql = pool.map(runs, ENGINES)
    total = Report()
    for layer in (None, *Layer):
        report = on_sqlite[layer] + on_postgresql[layer]
        total += report
        if layer is None:
            print("\n".join(matrix(report)))
        print(f"{'all layers on' if layer is None else f'{layer} off'}: {report.summary()}")
        for leak in report.leaks:
            print(f"  {leak}")
    print("(Where one layer alone stands against an attack it does not count with that one off.)")
    print(total.summary())
    return 1 if total.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
