"""The facts that a release keeps of the document around it.

A small JSON object, to be stored beside the release; every key may be missing:

    uri                 where the package is published (http or https)
    publishedDate       when the package was published
    firstReleaseDate    the earliest date among the record's releases; a compiled release only has the last
    firstTenderDate     the same among those tagged as tender
    compiled            true for a record's compiledRelease, which may lack the tag
"""

from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from .dates import moment
from .text import web_url
from .values import objects, tags

Package = dict[str, JsonValue]


def package_of(document: Mapping[str, JsonValue]) -> Package:
    """The hints that a release package or a record package gives to its releases."""
    return _stated(uri=web_url(document.get("uri")), publishedDate=_first_date([document], "publishedDate"))


def of_compiled(package: Package, record: Mapping[str, JsonValue]) -> Package:
    """``package``, for a record's compiled release: with the first dates of its releases, linked or embedded."""
    releases = objects(record.get("releases"))
    tenders = [release for release in releases if "tender" in tags(release)]
    dates = _stated(firstReleaseDate=_first_date(releases, "date"), firstTenderDate=_first_date(tenders, "date"))
    return package | dates | {"compiled": True}


def joined(first: Mapping[str, JsonValue], second: Mapping[str, JsonValue]) -> Package:
    """The hints of a release that was received twice: the earliest dates, the last URI in the alphabet.

    It does not matter which comes first: imports give the same tender in any order.
    """
    package = {**first, **second}
    for key in first.keys() & second.keys():
        choose = max if key == "uri" else min  # dates are texts in UTC, which sort as moments do
        package[key] = choose(first[key], second[key], key=str)
    return package


def _first_date(documents: Iterable[Mapping[str, JsonValue]], key: str) -> str | None:
    dates = (moment(document.get(key)) for document in documents)
    return min((date.isoformat() for date in dates if date is not None), default=None)


def _stated(**hints: str | None) -> Package:
    return {key: hint for key, hint in hints.items() if hint is not None}
