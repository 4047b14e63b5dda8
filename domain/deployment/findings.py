"""Findings about a deployment, each with its remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to do."""

    severity: Severity
    what: str
    remedy: str


def error(what: str, remedy: str) -> Finding:
    """Organizations are not held apart, or something does not work."""
    return Finding(severity=Severity.ERROR, what=what, remedy=remedy)


def warning(what: str, remedy: str) -> Finding:
    """It works, and could be safer."""
    return Finding(severity=Severity.WARNING, what=what, remedy=remedy)


def some(names: Sequence[str]) -> str:
    """The first five of them."""
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
