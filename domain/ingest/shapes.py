"""The shapes in which releases come: packages, records, bare releases, lists of them, and objects around them.

Told apart by their keys; ``version`` is missing too often.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from pydantic import JsonValue

from ..kit.model.fields import max_length
from ..tenders.model import TenderContent
from ..tenders.notices import TenderNoticeContent
from .dates import moment
from .documents import Document
from .items import Item, Refusal, Release
from .json_stream import WRAPPERS
from .package import Package, of_compiled, package_of
from .text import identifier
from .values import is_deeper_than, objects, text

OCID_LIMIT = max_length(TenderContent, "external_id")
RELEASE_ID_LIMIT = max_length(TenderNoticeContent, "release_id")
# Far above what OCDS nests (about 10), and below what pydantic and the databases take.
MAX_DEPTH = 100
MAX_WRAPPERS = 5

SECTIONS = "tender", "planning", "awards", "contracts", "buyer", "parties", "bids", "relatedProcesses"
_RELEASE_KEYS = {"ocid", "tag", "initiationType", *SECTIONS}

Object: TypeAlias = dict[str, JsonValue]


@dataclass
class Around:
    """Facts about a value from the values around it."""

    place: str
    package: Package
    ocid: JsonValue = None
    depth: int = 0
    start: int = 0
    """The position of the first element of the next array."""
    may_be_deep: bool = True

    def inside(self, value: Object) -> "Around":
        """The same for what stands in ``value``."""
        package, ocid = self.package | package_of(value), value.get("ocid") or self.ocid
        return replace(self, package=package, ocid=ocid, depth=self.depth + 1)

    def elements(self, key: str, found: JsonValue) -> "Iterator[tuple[JsonValue, Around]]":
        """The elements of an array, or the one that stands without brackets in its place."""
        if isinstance(found, list):
            for position, element in enumerate(found, self.start):
                yield element, replace(self, place=f"{self.place} {key}[{position}]", start=0)
        elif isinstance(found, dict):
            yield found, replace(self, place=f"{self.place} {key}")


def items(document: Document) -> Iterator[Item]:
    """The releases in one JSON document, and a refusal for each part that is none."""
    around = Around(document.place, {}, start=document.start, may_be_deep=document.may_be_deep)
    if isinstance(document.value, list):
        for element, inside in replace(around, depth=1).elements("", document.value):
            yield from _document(element, inside)
    else:
        yield from _document(document.value, around)


def _document(value: JsonValue, around: Around) -> Iterator[Item]:
    if not isinstance(value, dict):
        yield Refusal(around.place, "no OCDS package, record or release: not an object")
    elif around.depth > MAX_WRAPPERS:
        yield Refusal(around.place, f"no OCDS release within {MAX_WRAPPERS} packages or objects around it")
    elif isinstance(records := value.get("records"), list | dict):
        for record, inside in around.inside(value).elements("records", records):
            yield from _record(record, inside) if isinstance(record, dict) else _document(record, inside)
    elif _is_record(value):
        yield from _record(value, around)
    elif isinstance(releases := value.get("releases"), list | dict):
        for release, inside in around.inside(value).elements("releases", releases):
            yield from _document(release, inside)
    elif any(value.get(section) for section in SECTIONS):
        yield _release(value, around)
    elif len(wrapped := [key for key in WRAPPERS if isinstance(value.get(key), list | dict) and value[key]]) == 1:
        for element, inside in around.inside(value).elements(wrapped[0], value[wrapped[0]]):
            yield from _document(element, inside)
    elif _RELEASE_KEYS & value.keys() or (around.depth and _is_link(value)):
        yield _release(value, around)
    else:
        yield Refusal(around.place, "no OCDS package, record or release: none of their keys")


def _is_record(value: Object) -> bool:
    """A bare record may lack the ocid; with an ocid and releases it needs nothing else."""
    if value.get("compiledRelease") is not None or value.get("versionedRelease") is not None:
        return True
    return "ocid" in value and isinstance(value.get("releases"), list | dict)


def _record(record: Object, around: Around) -> Iterator[Item]:
    """The compiled release if there is one, else the embedded ones."""
    compiled, inside = record.get("compiledRelease"), around.inside(record)
    releases = list(inside.elements("releases", record.get("releases")))
    if isinstance(compiled, dict) and compiled:
        place, package = f"{inside.place} compiledRelease", of_compiled(inside.package, record)
        yield _release(compiled, replace(inside, place=place, package=package))
    elif releases and all(_is_link(release) for release, _ in releases):
        yield Refusal(around.place, "the record only links to its releases and has no compiledRelease")
    elif releases:
        for release, within in releases:
            yield from _document(release, within)
    elif _is_record(record) or not record.keys() - {"ocid"}:
        only = "a versionedRelease only" if record.get("versionedRelease") else "no release"
        yield Refusal(around.place, f"the record holds {only}; a compiledRelease or embedded releases are needed")
    else:
        yield from _document(record, around)


def _release(release: Object, around: Around) -> Item:
    # The record's ocid goes before that of the release.
    known = _ocid(around.ocid) or _ocid(release.get("ocid"))
    if reason := _no_release(release, known, may_be_deep=around.may_be_deep):
        return Refusal(around.place, reason)
    return Release(
        ocid=known or "",
        release_id=text(release.get("id"), limit=RELEASE_ID_LIMIT),
        released_at=moment(release.get("date")),
        content=release,
        package=around.package,
        place=around.place,
    )


def _no_release(release: Object, ocid: str | None, *, may_be_deep: bool) -> str | None:
    """The reason that no tender can be made of this; None where one can."""
    if _is_link(release):
        return "a link to a release, not the release itself"
    if ocid is None:
        return "the release has no ocid: a non-empty text is needed"
    if len(ocid) > OCID_LIMIT:
        return f"the ocid has {len(ocid)} characters, more than {OCID_LIMIT}"
    if _is_versioned(release):
        return "a versioned release; the compiled release, or the releases themselves, are needed"
    if not any(release.get(section) for section in SECTIONS):
        return f"the release states nothing: it has none of {', '.join(SECTIONS)}"
    if may_be_deep and is_deeper_than(release, MAX_DEPTH):
        return f"the release is nested deeper than {MAX_DEPTH} levels"
    return None


def _is_versioned(release: Object) -> bool:
    """Each value of a versioned release is a list: the values that it had, and when."""
    parts = objects([release, release.get("tender"), release.get("buyer"), release.get("planning")])
    lists = (value for part in parts for value in part.values() if isinstance(value, list))
    return any({"releaseDate", "value"} <= first.keys() for values in lists for first in objects(values[:1]))


def _is_link(release: JsonValue) -> bool:
    return isinstance(release, dict) and "url" in release and not any(release.get(section) for section in SECTIONS)


def _ocid(value: JsonValue) -> str | None:
    return identifier(value) or None if isinstance(value, str) else None
