"""``python -m domain.testing.attack``: the matrix of methods, attacks and engines, and a run with each layer off."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from ..fixtures import ENGINES
from .engines import runs
from .layers import Layer
from .report import Report


def main() -> int:
    """0 where nothing leaked."""
    # Of its own each: to switch a layer off patches a whole process.
    with ProcessPoolExecutor(len(ENGINES), mp_context=get_context("spawn")) as pool:
        found = list(pool.map(runs, ENGINES))
    total = Report()
    for layer in (None, Layer.PREDICATES, Layer.GUARD, Layer.POLICIES):
        report = sum((by_layer[layer] for by_layer in found if layer in by_layer), Report())
        total += report
        if layer is None:
            print("\n".join(report.matrix()))
            print(f"\nall layers on: {report.summary()}")
        else:
            print(f"{layer} off: {report.summary()}")
        for leak in report.leaks:
            print(f"  {leak}")
    print("(Where one layer alone stands against an attack it is not tried with that one off.)")
    print(total.summary())
    return 1 if total.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
