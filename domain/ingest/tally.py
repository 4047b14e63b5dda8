"""Counts of an import: each tender once, over all batches and in little memory."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..errors import DomainError
from .batches import Batch
from .items import Refusal, Remark

DIFFERENT_REMARKS = 1000
"""Of the others only their reasons are kept."""


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
    """All that could not go in, with its place and the reason."""
    passed_over: list[Refusal] = field(default_factory=list[Refusal])
    """Files in folders that are no JSON by their names, or lead out of it: no failure."""
    remarks: list[Remark] = field(default_factory=list[Remark])
    """Values that were left out, and bytes that were repaired, each counted once with the first place: no failure."""

    @property
    def ok(self) -> bool:
        """True if nothing was refused."""
        return not self.refused


class ImportStoppedError(DomainError):
    """A strict import met ``refusal`` and has left nothing behind."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(f"{refusal.place}: {refusal.reason}; nothing was imported")


class Outcome(NamedTuple):
    """The outcome of storing releases, by the tenders' ids."""

    created: list[int]
    updated: list[int]
    unchanged: list[int]
    skipped: list[int]


class Tally:
    """Builds the summary of a run. Raises ImportStoppedError at the first refusal if ``strict``."""

    def __init__(self, *, strict: bool) -> None:
        self.summary: ImportSummary = ImportSummary()
        self._strict = strict
        self._remarks: dict[tuple[str, str], Remark] = {}
        self._written, self._unchanged, self._skipped = IdSet(), IdSet(), IdSet()

    def read(self, batch: Batch) -> None:
        """Add what was read, and note what was refused while reading."""
        self.summary.files += batch.files
        self.summary.releases += len(batch.releases)
        for remark in batch.remarks:
            value = remark.value if len(self._remarks) < DIFFERENT_REMARKS else ""
            known = self._remarks.get((remark.reason, value), replace(remark, value=value, count=0))
            self._remarks[remark.reason, value] = replace(known, count=known.count + remark.count)
        self.summary.remarks = list(self._remarks.values())
        for refusal in batch.refusals:
            self.refuse(refusal)

    def refuse(self, refusal: Refusal) -> None:
        """Note what can't go in, or need not."""
        if refusal.skipped:
            self.summary.passed_over.append(refusal)
            return
        if self._strict:
            raise ImportStoppedError(refusal)
        self.summary.refused.append(refusal)

    def count(self, outcome: Outcome) -> None:
        """Add what was stored: what was written once in this run stays created or updated, whatever follows."""
        summary = self.summary
        summary.created += sum(map(self._written.add, outcome.created))
        for tender_id in outcome.updated:
            if self._written.add(tender_id):
                summary.updated += 1
                summary.unchanged -= tender_id in self._unchanged
        for tender_id in outcome.unchanged:
            if tender_id not in self._written:
                summary.unchanged += self._unchanged.add(tender_id)
        summary.skipped += sum(map(self._skipped.add, outcome.skipped))


class IdSet:
    """Ids at about a bit each: those of one import stand close together."""

    def __init__(self) -> None:
        self._words: defaultdict[int, int] = defaultdict(int)

    def add(self, number: int) -> bool:
        """Add a number. True if it is new."""
        is_new = number not in self
        self._words[number >> 10] |= 1 << (number & 1023)
        return is_new

    def __contains__(self, number: int) -> bool:
        return bool(self._words.get(number >> 10, 0) >> (number & 1023) & 1)
