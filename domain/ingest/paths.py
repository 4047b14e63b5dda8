"""Paths into a release: each yields clean text, or None where the release is silent."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from pydantic import JsonValue

from .text import line, paragraphs, web_url
from .values import child, code, elements, first, objects, text

Content: TypeAlias = dict[str, JsonValue]
Path: TypeAlias = Callable[[Content], str | None]

# What publishers write into a field that they have nothing for.
_PLACEHOLDERS = {"VACIA", "VACÍA", "VACIO", "VACÍO"}


def at(*steps: str | int) -> Path:
    """The path of a plain text."""
    return lambda content: text(child(content, *steps))


def description(content: Content) -> str | None:
    """tender.description as plain text with its lines."""
    written = child(content, "tender", "description")
    return paragraphs(written) or None if isinstance(written, str) else None


def notice_url(content: Content) -> str | None:
    """The first link of tender.documents[documentType=tenderNotice]."""
    documents = objects(child(content, "tender", "documents"))
    return first(web_url(found.get("url")) for found in documents if found.get("documentType") == "tenderNotice")


def category_codes(content: Content) -> set[str]:
    """The classification codes of the tender and of its items."""
    found = [child(content, "tender", "classification", "id")]
    for item in _items(content):
        found.append(child(item, "classification", "id"))
        found += [other.get("id") for other in objects(item.get("additionalClassifications"))]
    return {known for value in found if (known := code(value))}


def _items(content: Content) -> list[Content]:
    return objects(child(content, "tender", "items"))


def _parties(content: Content, role: str) -> Iterator[Content]:
    return (party for party in objects(content.get("parties")) if role in elements(party.get("roles")))


def _party_name(role: str) -> Path:
    return lambda content: first(text(party.get("name")) for party in _parties(content, role))


def _place(address: JsonValue) -> str | None:
    """Locality, region and country of an address, as far as they are given."""
    parts = [text(child(address, key)) for key in ("locality", "region", "countryName")]
    return ", ".join(part for part in parts if part and not _is_placeholder(part)) or None


def _is_placeholder(part: str) -> bool:
    return part.upper() in _PLACEHOLDERS or not any(map(str.isalnum, part))


TITLE: tuple[Path, ...] = (
    at("tender", "title"),
    lambda content: line(description(content) or "") or None,
    lambda content: first(text(item.get("description")) for item in _items(content)),
    at("planning", "budget", "project"),
    at("contracts", 0, "title"),
    at("awards", 0, "title"),
    at("contracts", 0, "description"),
)
# A procuring entity may be a person: it comes last.
BUYER: tuple[Path, ...] = (
    at("buyer", "name"),
    _party_name("buyer"),
    at("buyer", "identifier", "legalName"),
    at("tender", "procuringEntity", "name"),
    _party_name("procuringEntity"),
)
LOCATION: tuple[Path, ...] = (
    lambda content: first(_place(item.get("deliveryAddress")) for item in _items(content)),
    lambda content: first(_place(party.get("address")) for party in _parties(content, "buyer")),
    lambda content: _place(child(content, "buyer", "address")),
)
STATUS: tuple[Path, ...] = (at("tender", "status"),)
