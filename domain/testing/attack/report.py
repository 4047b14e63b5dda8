"""What was tried, and what leaked."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Leak:
    """One way in which something of another organization came through, or could."""

    engine: str
    method: str
    attack: str
    what: str

    def __str__(self) -> str:
        return f"{self.engine}: {self.method}, {self.attack}: {self.what}"


@dataclass
class Report:
    """Of one run, or of several added up. ``cells`` counts the attempts by engine, method and attack."""

    cells: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    leaks: list[Leak] = field(default_factory=list[Leak])

    @property
    def tried(self) -> int:
        """How many attempts there were."""
        return self.cells.total()

    @property
    def by_engine(self) -> dict[str, int]:
        """How many attempts there were on each engine."""
        counts: Counter[str] = Counter()
        for (engine, _, _), tried in self.cells.items():
            counts[engine] += tried
        return dict(counts)

    def __add__(self, other: "Report") -> "Report":
        return Report(self.cells + other.cells, [*self.leaks, *other.leaks])

    def __str__(self) -> str:
        return "\n".join([*self.matrix(), *map(str, self.leaks), self.summary()])

    def summary(self) -> str:
        """One line; it ends with the number of leaks."""
        engines = ", ".join(f"{engine} {tried}" for engine, tried in self.by_engine.items())
        return f"{self.tried} attempts ({engines}), {len(self.leaks)} leaks"

    def matrix(self) -> Iterator[str]:
        """Methods by attacks: the attempts on each engine, ``a/b`` where they differ; ! where one leaked.

        What goes through a session is added up for each model.
        """
        engines = list(self.by_engine)
        attacks = list(dict.fromkeys(attack for _, _, attack in self.cells))
        counts: Counter[tuple[str, str, str]] = Counter()
        for (engine, method, attack), tried in self.cells.items():
            counts[engine, _line(method), attack] += tried
        methods = list(dict.fromkeys(method for _, method, _ in counts))
        leaked = {(_line(leak.method), leak.attack) for leak in self.leaks}
        width = max((len(method) for method in methods), default=0)
        yield f"attempts on {' / '.join(engines)}"
        yield from (f"  ({number}) {attack}" for number, attack in enumerate(attacks, 1))
        yield " " * width + "".join(f"{f'({number})':>7}" for number in range(1, len(attacks) + 1))
        for method in methods:
            cells = ""
            for attack in attacks:
                each = [counts[engine, method, attack] for engine in engines]
                shown = str(each[0]) if len(set(each)) == 1 else "/".join(map(str, each))
                cells += f"{(shown if any(each) else '.') + '!' * ((method, attack) in leaked):>7}"
            yield f"{method:<{width}}{cells}"


def _line(method: str) -> str:
    """The matrix' line for a method: a repository's own, or that of all a session does with a model."""
    model, colon, _ = method.partition(": ")
    return f"{model} in a session" if colon else method
