"""Which limits were missed."""

from collections.abc import Iterator

from .operations import MUST_BE_SLOWER, OURS
from .rounds import Measured


def misses(measured: list[Measured]) -> Iterator[str]:
    for one in measured:
        for ours in (name for name in OURS if name in one.seconds):
            ratio = one.quartiles(ours)[1]
            if ratio > one.operation.limit:
                yield f"{one.operation.title}: {ours} takes {ratio:.2f} times the floor, limit {one.operation.limit}"
            for peer in MUST_BE_SLOWER:
                if peer in one.seconds and ratio >= (other := one.quartiles(peer)[1]):
                    yield f"{one.operation.title}: {ours} ({ratio:.2f}) is not ahead of {peer} ({other:.2f})"
