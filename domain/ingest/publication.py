"""When a tender was published."""

from collections.abc import Sequence
from datetime import datetime

from .dates import moment
from .items import Release
from .order import is_compiled
from .package import earliest
from .values import child, tags


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
