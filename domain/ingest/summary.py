"""What an import did, and how a strict one stops."""

from dataclasses import dataclass, field

from ..errors import DomainError
from .items import Refusal


@dataclass(kw_only=True)
class ImportSummary:
    """Files and releases as they were read; tenders, each counted once, however many releases it has."""

    files: int = 0
    releases: int = 0
    """Without those refused while reading; known ones, and those of skipped tenders, count."""
    created: int = 0
    updated: int = 0
    """Tenders that stood before, and have another content now."""
    unchanged: int = 0
    skipped: int = 0
    """Tenders left alone because a person deleted them."""
    refused: list[Refusal] = field(default_factory=list[Refusal])
    """What could not go in, with its place and the reason."""
    passed_over: list[Refusal] = field(default_factory=list[Refusal])
    """Files in folders that are no JSON by their names: no failure."""

    @property
    def ok(self) -> bool:
        """Whether nothing was refused."""
        return not self.refused


class ImportStoppedError(DomainError):
    """A strict import met ``refusal`` and has left nothing behind."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(f"{refusal.place}: {refusal.reason}; nothing was imported")
