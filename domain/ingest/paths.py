"""Paths into a release: each yields a clean value, or None where the release is silent."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeAlias, TypeVar

from pydantic import JsonValue

from .amounts import amount, currency
from .dates import deadline, moment
from .text import line, paragraphs, web_url
from .values import child, code, elements, first, objects, text

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Content: TypeAlias = dict[str, JsonValue]

# What publishers write into a field that they have nothing for.
_PLACEHOLDERS = {"VACIA", "VACÍA", "VACIO", "VACÍO"}


@dataclass(frozen=True)
class Path(Generic[T_co]):
    """The place of a value, and how it is read."""

    steps: tuple[str, ...]
    """Empty where it is read from several: a null takes away the value that it stands for, and nothing below it."""
    read: Callable[[Content], T_co | None]

    def is_null(self, content: Content) -> bool:
        """True if a null stands there."""
        if not self.steps:
            return False
        around = child(content, *self.steps[:-1])
        return isinstance(around, dict) and around.get(self.steps[-1], around) is None

    def says(self, content: Content) -> bool:
        """True if a value or a null stands there."""
        return self.read(content) is not None or self.is_null(content)

    def unreadable(self, content: Content) -> JsonValue:
        """A value that stands there and can't be read, else None."""
        written = child(content, *self.steps)
        is_silent = written is None or written == "" or self.read(content) is not None
        return None if is_silent or (isinstance(written, str) and not written.strip()) else written


def at(*steps: str) -> Path[str]:
    """The path of a plain text."""
    return _single(*steps, read=text)


def category_codes(content: Content) -> set[str]:
    """The classification codes of the tender and of its items."""
    found = [child(content, "tender", "classification", "id")]
    for item in objects(child(content, "tender", "items")):
        found.append(child(item, "classification", "id"))
        found += [other.get("id") for other in objects(item.get("additionalClassifications"))]
    return {known for value in found if (known := code(value))}


def _single(*steps: str, read: Callable[[JsonValue], T | None]) -> Path[T]:
    return Path(steps, lambda content: read(child(content, *steps)))


def _each(*steps: str, read: Callable[[Content], T | None], role: str | None = None) -> Path[T]:
    """The first value among the objects of an array, or among those parties that have a role."""

    def found(content: Content) -> T | None:
        listed = objects(child(content, *steps))
        return first(read(each) for each in listed if role is None or role in elements(each.get("roles")))

    return Path((), found)


def _description(written: JsonValue) -> str | None:
    return paragraphs(written) or None if isinstance(written, str) else None


def _amount_and_currency(content: Content) -> tuple[Decimal, JsonValue] | None:
    """The currency as it is written beside the amount."""
    value = child(content, "tender", "value")
    known = amount(child(value, "amount"))
    return None if known is None else (known, child(value, "currency"))


def _notice_url(document: Content) -> str | None:
    return web_url(document.get("url")) if document.get("documentType") == "tenderNotice" else None


def _name(party: Content) -> str | None:
    return text(party.get("name"))


def _place(address: JsonValue) -> str | None:
    """Locality, region and country of an address, as far as they are given."""
    parts = [text(child(address, key)) for key in ("locality", "region", "countryName")]
    return ", ".join(part for part in parts if part and not _is_placeholder(part)) or None


def _is_placeholder(part: str) -> bool:
    return part.upper() in _PLACEHOLDERS or not any(map(str.isalnum, part))


def _first_of(*steps: str, key: str) -> Path[str]:
    return Path((), lambda content: text(child(content, *steps, 0, key)))


DESCRIPTION = _single("tender", "description", read=_description)
TITLE: tuple[Path[str], ...] = (
    at("tender", "title"),
    Path(DESCRIPTION.steps, lambda content: line(DESCRIPTION.read(content) or "") or None),
    _each("tender", "items", read=lambda item: text(item.get("description"))),
    at("planning", "budget", "project"),
    _first_of("contracts", key="title"),
    _first_of("awards", key="title"),
    _first_of("contracts", key="description"),
)
# A procuring entity may be a person: it comes last.
BUYER: tuple[Path[str], ...] = (
    at("buyer", "name"),
    _each("parties", read=_name, role="buyer"),
    at("buyer", "identifier", "legalName"),
    at("tender", "procuringEntity", "name"),
    _each("parties", read=_name, role="procuringEntity"),
)
LOCATION: tuple[Path[str], ...] = (
    _each("tender", "items", read=lambda item: _place(item.get("deliveryAddress"))),
    _each("parties", read=lambda party: _place(party.get("address")), role="buyer"),
    Path((), lambda content: _place(child(content, "buyer", "address"))),
)
STATUS = at("tender", "status")
DEADLINE = _single("tender", "tenderPeriod", "endDate", read=deadline)
PUBLISHED = _single("tender", "datePublished", read=moment)
AMOUNT = Path(("tender", "value", "amount"), _amount_and_currency)
CURRENCY = _single("tender", "value", "currency", read=currency)
NOTICE_URL = _each("tender", "documents", read=_notice_url)
RELEASED = _single("date", read=moment)
