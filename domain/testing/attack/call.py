"""One attempt: what is called, and as what attack."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Act = Callable[[Any], object]  # of a session of the attacker


@dataclass(frozen=True)
class Call:
    """``given``: values the attacker supplies (seeing them again is no leak).

    ``must_answer``: what has to come back, where a refusal would be a fault as well.
    """

    method: str
    attack: str
    act: Act
    given: Sequence[object] = ()
    is_bound: bool = True
    unguarded_sql: bool = False
    brings_objects: bool = False
    must_answer: int | None = None


def executing(statement: Any) -> Act:
    """Execute the statement, and read what it returns."""

    def act(session: Any) -> object:
        result = session.execute(statement)
        return result.all() if getattr(result, "returns_rows", True) else None  # only a cursor's result has no rows

    return act
