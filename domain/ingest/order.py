"""The one order in which the releases of an ocid are merged, and the moment at which its tender was published."""

from collections.abc import Sequence
from datetime import UTC, datetime

from .dates import moment
from .exact_json import canonical
from .items import Release
from .package import earliest
from .text import web_url
from .values import child, tags

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


def published_at(ordered: Sequence[Release]) -> datetime | None:
    """The last tender.datePublished, else the first date of a release tagged as tender, else of any release.

    A compiled release bears the date of the last release: it counts after the others, and before the date of
    the package, which comes last.
    """
    for release in reversed(ordered):
        if stated := moment(child(release.content, "tender", "datePublished")):
            return stated
    single = [release for release in ordered if not is_compiled(release)]
    tenders = [release for release in single if "tender" in tags(release.content)]
    return (
        earliest([*_dates(tenders), *_hints(ordered, "firstTenderDate")])
        or earliest([*_dates(single), *_hints(ordered, "firstReleaseDate")])
        or earliest(_dates(ordered))
        or earliest(_hints(ordered, "publishedDate"))
    )


def _dates(releases: Sequence[Release]) -> list[datetime | None]:
    return [release.released_at for release in releases]


def _hints(releases: Sequence[Release], key: str) -> list[datetime | None]:
    return [moment(release.package.get(key)) for release in releases]
