"""The facts that a release keeps of the document around it.

A small JSON object, to be stored beside the release; every key may be missing:

    uri                 where the package is published (http or https)
    publishedDate       when the package was published
    firstReleaseDate    the earliest date among the record's releases; a compiled release only has the last
    firstTenderDate     the same among those tagged as tender
    compiled            true for a record's compiledRelease, which may lack the tag
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import JsonValue

from .dates import moment
from .text import web_url
from .values import objects, tags

Package = dict[str, JsonValue]
_DATES = ("publishedDate", "firstReleaseDate", "firstTenderDate")


def package_of(document: Mapping[str, JsonValue]) -> Package:
    """The hints that a release package or a record package gives to its releases."""
    uri, published = web_url(document.get("uri")), moment(document.get("publishedDate"))
    return _stated({"uri": uri}, {"publishedDate": published})


def of_compiled(package: Package, record: Mapping[str, JsonValue]) -> Package:
    """``package``, for a record's compiled release: with the first dates of its releases, linked or embedded."""
    releases = objects(record.get("releases"))
    tenders = [release for release in releases if "tender" in tags(release)]
    dates = {"firstReleaseDate": _first_date(releases), "firstTenderDate": _first_date(tenders)}
    return package | _stated({}, dates) | {"compiled": True}


def joined(first: Mapping[str, JsonValue], second: Mapping[str, JsonValue]) -> Package:
    """The hints of a release that was received twice: the earliest dates, the last URI in the alphabet.

    It does not matter which comes first: imports give the same tender in any order.
    """
    uris = [uri for package in (first, second) if (uri := web_url(package.get("uri")))]
    dates = {key: earliest(moment(package.get(key)) for package in (first, second)) for key in _DATES}
    compiled: Package = {"compiled": True} if first.get("compiled") or second.get("compiled") else {}
    return _stated({"uri": max(uris, default=None)}, dates) | compiled


def earliest(dates: Iterable[datetime | None]) -> datetime | None:
    """The first of the known dates, or None."""
    return min((known for known in dates if known is not None), default=None)


def _first_date(releases: Iterable[Mapping[str, JsonValue]]) -> datetime | None:
    return earliest(moment(release.get("date")) for release in releases)


def _stated(texts: Mapping[str, str | None], dates: Mapping[str, datetime | None]) -> Package:
    package: Package = {key: value for key, value in texts.items() if value is not None}
    return package | {key: value.isoformat() for key, value in dates.items() if value is not None}
