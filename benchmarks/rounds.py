"""Paired rounds: in each, every contender runs the same calls, in an order that changes."""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .operations import FLOOR, Operation
from .stage import Stage

WARM_UP = 2


@dataclass
class Measured:
    """One operation: the seconds of one call, by contender, round by round."""

    operation: Operation
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def ratios(self, name: str) -> list[float]:
        """To the floor, in the same round."""
        return [taken / floor for taken, floor in zip(self.seconds[name], self.seconds[FLOOR], strict=True)]

    def quartiles(self, name: str) -> tuple[float, float, float]:
        """The median of the ratios, between their quartiles."""
        ratios = self.ratios(name)
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        return low, middle, high

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])


def measure(operation: Operation, stages: list[Stage], rounds: int) -> Measured:
    measured = Measured(operation)
    warm_up = 1 if operation.is_bulk else WARM_UP
    for number in range(rounds + warm_up):
        for stage in in_turn(stages, number):
            calls = stage.prepare(operation, random.Random(number))
            taken = seconds(calls) / len(calls)
            stage.restore()
            if number >= warm_up:
                measured.seconds.setdefault(stage.contender.name, []).append(taken)
        if operation.is_bulk or number % 10 == 9:
            clean(stages)
    clean(stages)
    return measured


def in_turn(stages: list[Stage], number: int) -> list[Stage]:
    """Each is first, last, before and after each other in its turn."""
    start = number // 2 % len(stages)
    turned = stages[start:] + stages[:start]
    return turned[::-1] if number % 2 else turned


def seconds(calls: Iterable[Callable[[], Any]]) -> float:
    gc.collect()
    gc.disable()
    started = time.perf_counter()
    for call in calls:
        call()
    taken = time.perf_counter() - started
    gc.enable()
    return taken


def clean(stages: list[Stage]) -> None:
    for stage in {stage.database: stage for stage in stages}.values():
        stage.clean()
