"""Paired rounds: in each, every contender runs the same calls, in an order that changes."""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .operations import FLOOR, Operation
from .stage import Stage

WARM_UP = 2

Seconds = dict[str, list[float]]


@dataclass
class Measured:
    """One operation: the seconds of one call, by contender, round by round; and those of the contender's processor."""

    operation: Operation
    seconds: Seconds
    cpu: Seconds

    def quartiles(self, name: str, to: str = FLOOR, *, of_cpu: bool = False) -> tuple[float, float, float]:
        """The median of the ratios to another contender's time in the same round, between their quartiles."""
        seconds = self.cpu if of_cpu else self.seconds
        ratios = [taken / other for taken, other in zip(seconds[name], seconds[to], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
        return low, middle, high

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])


def measure(operation: Operation, stages: list[Stage], rounds: int) -> Measured:
    return Measured(operation, *run(operation, {stage.contender.name: stage for stage in stages}, rounds))


def run(operation: Operation, stages: dict[str, Stage], rounds: int) -> tuple[Seconds, Seconds]:
    """The seconds of one call, and those of the processor, by the stage's name, round by round."""
    taken: Seconds = {name: [] for name in stages}
    cpu: Seconds = {name: [] for name in stages}
    warm_up = 1 if operation.is_bulk else WARM_UP
    for number in range(rounds + warm_up):
        for name in in_turn(list(stages), number):
            stage = stages[name]
            calls = stage.prepare(operation, random.Random(number))
            started = stage.contender.cpu()
            average = seconds(calls) / len(calls)
            used = (stage.contender.cpu() - started) / len(calls)
            stage.restore()
            if number >= warm_up:
                taken[name].append(average)
                cpu[name].append(used)
        if operation.is_bulk or number % 10 == 9:
            clean(stages.values())
    clean(stages.values())
    return taken, cpu


def in_turn(names: list[str], number: int) -> list[str]:
    """Each is first, last, before and after each other in its turn."""
    start = number // 2 % len(names)
    turned = names[start:] + names[:start]
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


def clean(stages: Iterable[Stage]) -> None:
    for stage in {stage.database: stage for stage in stages}.values():
        stage.clean()
