"""The one order in which the releases of an ocid are merged, and the moment at which its tender was published."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TypeAlias

from .dates import moment
from .items import Release
from .values import tags

_Dates: TypeAlias = list[tuple[datetime, Release]]
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
    """Sorted, the last one having the last word; they are given in the order in which they were received.

    By date, undated ones first. On the same date: compiled releases first (they sum up what stood before), then by
    the stage that the tags name, then as received: a correction that keeps the date of what it corrects comes later.
    """
    return sorted(releases, key=_position) if len(releases) > 1 else list(releases)


def is_compiled(release: Release) -> bool:
    """True if the release sums up a process: by its tag, or as a record's ``compiledRelease``."""
    return "compiled" in tags(release.content) or bool(release.package.get("compiled"))


def since_the_last_whole(ordered: Sequence[Release]) -> Sequence[Release]:
    """The last compiled release, which states the whole, and those after it; all where none is compiled."""
    start = max((position for position, release in enumerate(ordered) if is_compiled(release)), default=0)
    return ordered[start:]


def published_at(ordered: Sequence[Release], stated: datetime | None) -> datetime | None:
    """The stated tender.datePublished, else the first date of a release tagged as tender, else of any release.

    A compiled release bears the date of the last release: it counts after the others, and before the date of
    the package, which comes last.
    """
    found = (min(date for date, _ in chain(*stage)) for stage in _stages(ordered) if any(stage))
    return stated or next(found, None)


def dating(ordered: Sequence[Release]) -> list[Release]:
    """The releases that ``published_at`` rests on."""
    return [min(dates, key=lambda dated: dated[0])[1] for stage in _stages(ordered) for dates in stage if dates]


def _stages(ordered: Sequence[Release]) -> Iterator[list[_Dates]]:
    """Dates that stand for that of the publication: a later stage counts where those before it have none."""
    single = [release for release in ordered if not is_compiled(release)]
    tenders = [release for release in single if "tender" in tags(release.content)]
    yield [_dates(tenders), _hints(ordered, "firstTenderDate")]
    yield [_dates(single), _hints(ordered, "firstReleaseDate")]
    yield [_dates(ordered)]
    yield [_hints(ordered, "publishedDate")]


def _dates(releases: Sequence[Release]) -> _Dates:
    return [(release.released_at, release) for release in releases if release.released_at is not None]


def _hints(releases: Sequence[Release], key: str) -> _Dates:
    return [(date, release) for release in releases if (date := moment(release.package.get(key))) is not None]


def _position(release: Release) -> tuple[datetime, bool, int]:
    stage = max((_RANK.get(tag, 0) for tag in tags(release.content)), default=0)
    return release.released_at or _UNDATED, not is_compiled(release), stage
