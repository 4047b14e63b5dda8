"""The one order in which the releases of an ocid are merged, whatever order they were received in."""

from collections.abc import Sequence
from datetime import UTC, datetime

from .exact_json import canonical
from .items import Release
from .urls import web_url
from .values import tags

_UNDATED = datetime.min.replace(tzinfo=UTC)

# The codelist of release tags, along the life of a process.
_STAGES = (
    "planning", "planningUpdate",
    "tender", "tenderAmendment", "tenderUpdate", "tenderCancellation",
    "award", "awardUpdate", "awardCancellation",
    "contract", "contractUpdate", "contractAmendment",
    "implementation", "implementationUpdate", "contractTermination",
)  # fmt: skip
_RANK = {tag: rank for rank, tag in enumerate(_STAGES, start=1)}


def in_order(releases: Sequence[Release]) -> list[Release]:
    """Sorted, the last one having the last word.

    By date, undated ones first. On the same date: compiled releases first (they sum up what stood before),
    then by the stage that the tags name, then the shorter one first (the fuller one has the last word), then
    by the text. The last two look at the canonical JSON, so that equal releases stand side by side.
    """
    return sorted(releases, key=_position) if len(releases) > 1 else list(releases)


def is_compiled(release: Release) -> bool:
    """Known from the content alone: it must hold for a release that comes back from a database, too."""
    return "compiled" in tags(release.content)


def _position(release: Release) -> tuple[datetime, bool, int, int, bytes, str]:
    text = canonical(release.content)
    return (
        release.released_at or _UNDATED,
        not is_compiled(release),
        max((_RANK.get(tag, 0) for tag in tags(release.content)), default=0),
        len(text),
        text,
        web_url(release.package.get("uri")) or "",
    )
