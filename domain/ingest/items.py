"""Results of reading: releases, refusals of what is none, and remarks on what was read in part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from pydantic import JsonValue


@dataclass(frozen=True, kw_only=True)
class Release:
    """One OCDS release as it was received.

    To merge it again later, ``ocid``, ``released_at``, ``content`` and ``package`` must be stored; merging
    reads nothing else.
    """

    ocid: str
    """1..255 characters, storable."""
    release_id: str | None
    """The publisher's own id, at most 1000 characters; publishers repeat it for different releases."""
    released_at: datetime | None
    """Aware, in UTC."""
    content: dict[str, JsonValue]
    """Amounts are exact, nothing is dropped: texts may hold NUL and lone surrogates."""
    package: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """Facts of the document around it for merging, see ``package.py``: a few short texts, often none."""
    place: str = ""
    """Its place: ``notices.jsonl:17``, ``notices.json releases[3]``."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that is no usable release, where it stood and why, in a line each."""

    place: str
    reason: str
    skipped: bool = False
    """True for a file in a folder that was not opened."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that went in, but not as it was written: what it was, and where it first stood."""

    place: str
    reason: str
    """``tender.value.amount was left out``, ``bytes that are not UTF-8 were read as Windows-1252``."""
    value: str = ""
    """Cut to 60 characters."""
    count: int = 1


Item: TypeAlias = Release | Refusal | Remark
