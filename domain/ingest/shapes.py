"""The shapes in which releases come: packages, records, bare releases, and lists of them.

Told apart by their keys; ``version`` is missing too often.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from ..kit.model.lengths import max_length
from ..tenders.model import TenderContent
from ..tenders.notices import TenderNoticeContent
from .dates import moment
from .files import Document
from .items import Item, Refusal, Release
from .package import Package, package_of, with_record_dates
from .text import identifier
from .values import is_deeper_than, text

OCID_LIMIT = max_length(TenderContent, "external_id")
RELEASE_ID_LIMIT = max_length(TenderNoticeContent, "release_id")
# Far above what OCDS nests (about 10), and below what pydantic and the databases take.
MAX_DEPTH = 100

_RELEASE_KEYS = {"ocid", "tag", "initiationType", "planning", "tender", "awards", "contracts"}


def items(document: Document) -> Iterator[Item]:
    """The releases in one JSON document, and a refusal for each part that is none."""
    for item in _items(document.value, place=document.place):
        if document.brackets > MAX_DEPTH and isinstance(item, Release) and is_deeper_than(item.content, MAX_DEPTH):
            yield Refusal(item.place, f"the release is nested deeper than {MAX_DEPTH} levels")
        else:
            yield item


def _items(value: JsonValue, *, place: str) -> Iterator[Item]:
    if isinstance(value, list):
        for position, element in enumerate(value):
            yield from _document(element, place=f"{place} [{position}]")
    else:
        yield from _document(value, place=place)


def _document(value: JsonValue, *, place: str) -> Iterator[Item]:
    if not isinstance(value, dict):
        yield Refusal(place, "no OCDS package, record or release: not an object")
    elif isinstance(records := value.get("records"), list | dict):
        package = package_of(value)
        for position, record in enumerate(_listed(records)):
            yield from _record(record, package=package, place=f"{place} records[{position}]")
    elif _is_record(value):
        yield from _record(value, package={}, place=place)
    elif isinstance(releases := value.get("releases"), list | dict):
        package = package_of(value)
        for position, release in enumerate(_listed(releases)):
            yield _release(release, package=package, place=f"{place} releases[{position}]")
    elif _RELEASE_KEYS & value.keys():
        yield _release(value, package={}, place=place)
    else:
        yield Refusal(place, "no OCDS package, record or release: none of their keys")


def _is_record(value: dict[str, JsonValue]) -> bool:
    """A bare record may lack the ocid; with an ocid and releases it needs nothing else."""
    if value.get("compiledRelease") is not None or value.get("versionedRelease") is not None:
        return True
    return "ocid" in value and isinstance(value.get("releases"), list | dict)


def _record(record: JsonValue, *, package: Package, place: str) -> Iterator[Item]:
    """The compiled release if there is one, else the embedded ones."""
    if not isinstance(record, dict):
        yield Refusal(place, "the record is not an object")
        return
    ocid = record.get("ocid")
    compiled = record.get("compiledRelease")
    if isinstance(compiled, dict) and compiled:
        hints = with_record_dates(package, record)
        yield _release(compiled, ocid=ocid, package=hints, place=f"{place} compiledRelease", compiled=True)
        return
    releases = record.get("releases")
    listed = _listed(releases) if isinstance(releases, list | dict) else []
    if not listed:
        only = "a versionedRelease only" if record.get("versionedRelease") else "no release"
        yield Refusal(place, f"the record holds {only}; a compiledRelease or embedded releases are needed")
    elif all(_is_link(release) for release in listed):
        yield Refusal(place, "the record only links to its releases and has no compiledRelease")
    else:
        for position, release in enumerate(listed):
            yield _release(release, ocid=ocid, package=package, place=f"{place} releases[{position}]")


def _release(
    release: JsonValue, *, package: Package, place: str, ocid: JsonValue = None, compiled: bool = False
) -> Item:
    if not isinstance(release, dict):
        return Refusal(place, "the release is not an object")
    if not compiled and _is_link(release):
        return Refusal(place, "a link to a release, not the release itself")
    known = _ocid(ocid) or _ocid(release.get("ocid"))
    if known is None:
        return Refusal(place, "the release has no ocid: a non-empty text is needed")
    if len(known) > OCID_LIMIT:
        return Refusal(place, f"the ocid has {len(known)} characters, more than {OCID_LIMIT}")
    return Release(
        ocid=known,
        release_id=text(release.get("id"), limit=RELEASE_ID_LIMIT),
        released_at=moment(release.get("date")),
        content=release,
        package=package,
        place=place,
        compiled=compiled,
    )


def _listed(value: list[JsonValue] | dict[str, JsonValue]) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]


def _is_link(release: JsonValue) -> bool:
    return isinstance(release, dict) and "url" in release and not {"ocid", "id"} & release.keys()


def _ocid(value: JsonValue) -> str | None:
    return identifier(value) or None if isinstance(value, str) else None
