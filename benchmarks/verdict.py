"""Which limits were missed."""

from collections.abc import Iterator

from .operations import OURS, PEER
from .rounds import Measured


def misses(measured: list[Measured]) -> Iterator[str]:
    for one in measured:
        for ours in (name for name in OURS if {name, PEER} <= one.seconds.keys()):
            ratio = one.quartiles(ours, PEER)[1]
            if ratio > one.operation.limit:
                yield f"{one.operation.title}: {ours} takes {ratio:.2f} times {PEER}, limit {one.operation.limit}"
