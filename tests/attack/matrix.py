"""The attack over a fresh database of each engine: every layer on and each off alone; and its matrix as text."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack

from domain.database import Database
from domain.testing import Cluster, postgresql_database
from domain.testing.attack import Report
from domain.testing.fixtures import prepare
from tests.attack.layers import Layer, attack_without


def runs(engine: str) -> dict[Layer | None, Report]:
    """By the layer that was off: in sessions of the organization's own, and in those that a system session lends."""
    with ExitStack() as stack:
        if engine == "postgresql":
            database = stack.enter_context(postgresql_database(stack.enter_context(Cluster())))
        else:
            database = stack.enter_context(Database("sqlite://"))
            prepare(database)
        found: dict[Layer | None, Report] = {}
        for off in (None, *Layer):
            layers = set[Layer]() if off is None else {off}
            both = (attack_without(database, layers, as_organization=lent) for lent in (False, True))
            found[off] = added(both)
        return found


def added(reports: Iterable[Report]) -> Report:
    """All of them as one."""
    total = Report()
    for report in reports:
        total.cells.update(report.cells)
        total.leaks += report.leaks
    return total


def summary(reports: Mapping[str, Report]) -> str:
    """One line about a report of each engine; it ends with the number of leaks."""
    total = added(reports.values())
    engines = ", ".join(f"{engine} {report.tried}" for engine, report in reports.items())
    return f"{total.tried} attempts ({engines}), {len(total.leaks)} leaks"


def matrix(reports: Mapping[str, Report]) -> Iterator[str]:
    """Methods by attacks: the attempts on each engine, ``a/b`` where they differ; ! where one leaked.

    What goes through a session is added up for each model.
    """
    total = added(reports.values())
    attacks = list(dict.fromkeys(attack for _, attack in total.cells))
    counts: Counter[tuple[str, str, str]] = Counter()
    for engine, report in reports.items():
        for (method, attack), tried in report.cells.items():
            counts[engine, _line(method), attack] += tried
    methods = list(dict.fromkeys(method for _, method, _ in counts))
    leaked = {(_line(leak.method), leak.attack) for leak in total.leaks}
    width = max((len(method) for method in methods), default=0)
    yield f"attempts on {' / '.join(reports)}"
    yield from (f"  ({number}) {attack}" for number, attack in enumerate(attacks, 1))
    yield " " * width + "".join(f"{f'({number})':>7}" for number in range(1, len(attacks) + 1))
    for method in methods:
        cells = ""
        for attack in attacks:
            each = [counts[engine, method, attack] for engine in reports]
            shown = str(each[0]) if len(set(each)) == 1 else "/".join(map(str, each))
            cells += f"{(shown if any(each) else '.') + '!' * ((method, attack) in leaked):>7}"
        yield f"{method:<{width}}{cells}"


def _line(method: str) -> str:
    """The matrix' line for a method: a repository's own, or that of all a session does with a model."""
    model, colon, _ = method.partition(": ")
    return f"{model} in a session" if colon else method
