"""Which limits were missed."""

from collections.abc import Iterator

from .operations import OURS
from .rounds import Measured


def misses(measured: list[Measured]) -> Iterator[str]:
    for one in measured:
        to, limit = one.operation.to, one.operation.limit
        for ours in (name for name in OURS if {name, to} <= one.seconds.keys()):
            ratio = one.quartiles(ours, to)[1]
            if ratio > limit:
                yield f"{one.operation.title}: {ours} takes {ratio:.2f} times {to}, limit {limit}"


def behind(measured: list[Measured]) -> Iterator[str]:
    """The others that were faster than ours."""
    for one in measured:
        for ours in (name for name in OURS if name in one.seconds):
            for name in (name for name in one.seconds if name not in (ours, one.operation.to)):
                ratio = one.quartiles(ours, name)[1]
                if ratio > 1:
                    yield f"{one.operation.title}: {ours} takes {ratio:.2f} times {name}"
