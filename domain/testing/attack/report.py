"""Attempts, and what leaked."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Leak:
    """One way in which something of another organization came through, or could."""

    method: str
    attack: str
    what: str

    def __str__(self) -> str:
        return f"{self.method}, {self.attack}: {self.what}"


@dataclass
class Report:
    """Of one run. ``cells`` counts the attempts by method and attack."""

    cells: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    leaks: list[Leak] = field(default_factory=list[Leak])

    @property
    def tried(self) -> int:
        """How many attempts there were."""
        return self.cells.total()

    def __str__(self) -> str:
        return "\n".join([*map(str, self.leaks), f"{self.tried} attempts, {len(self.leaks)} leaks"])
