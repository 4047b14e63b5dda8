"""One attempt: what is called, as what attack, and which layers are there to stop it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...kit.session import TenantSession
from .layers import Layer

ORM = frozenset({Layer.GUARD, Layer.POLICIES})  # what a session's own statements meet
REPOSITORY = frozenset({Layer.PREDICATES, Layer.GUARD, Layer.POLICIES})


@dataclass(frozen=True)
class Call:
    """``act`` runs in a session of the attacker.

    ``given`` are the values that the attacker hands in, and so knows; ``stopped_by`` the layers of which each is
    to stop it alone. ``must_answer``: what has to come back, where a refusal would be a fault as well.
    """

    method: str
    attack: str
    act: Callable[[TenantSession, list[Any]], object]
    given: Callable[[], list[Any]] = field(default=list)
    stopped_by: frozenset[Layer] = REPOSITORY
    is_bound: bool = True
    unguarded_sql: bool = False
    brings_objects: bool = False
    must_answer: int | None = None
