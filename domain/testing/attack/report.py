"""Attempts, and what leaked."""

from collections import Counter
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
        return "\n".join([*map(str, self.leaks), self.summary()])

    def summary(self) -> str:
        """One line; it ends with the number of leaks."""
        engines = ", ".join(f"{engine} {tried}" for engine, tried in self.by_engine.items())
        return f"{self.tried} attempts ({engines}), {len(self.leaks)} leaks"
