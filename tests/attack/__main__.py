"""``make attack``: the matrix of methods, attacks and engines, and a run with each layer off."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from domain.testing.fixtures import ENGINES
from tests.attack.layers import Layer
from tests.attack.matrix import added, matrix, runs, summary


def main() -> int:
    """0 where nothing leaked."""
    # Of its own each: to switch a layer off patches a whole process.
    with ProcessPoolExecutor(len(ENGINES), mp_context=get_context("spawn")) as pool:
        found = dict(zip(ENGINES, pool.map(runs, ENGINES), strict=True))
    for layer in (None, *Layer):
        reports = {engine: by_layer[layer] for engine, by_layer in found.items()}
        if layer is None:
            print("\n".join(matrix(reports)))
        print(f"{'all layers on' if layer is None else f'{layer} off'}: {summary(reports)}")
        for engine, report in reports.items():
            for leak in report.leaks:
                print(f"  {engine}: {leak}")
    print("(Where one layer alone stands against an attack it does not count with that one off.)")
    total = {engine: added(by_layer.values()) for engine, by_layer in found.items()}
    print(summary(total))
    return 1 if any(report.leaks for report in total.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
