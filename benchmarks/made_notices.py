"""Notices that nobody published: OCDS releases of about 1.7 KB, in words of our own."""

import gzip
import json
import random
from pathlib import Path

from pydantic import JsonValue

_THINGS = ("bridge", "school roof", "water main", "tram line", "clinic", "footpath", "harbour wall", "bus depot")
_WORK = ("Repair", "Extension", "Replacement", "Inspection", "Construction", "Maintenance")
_PLACES = ("Nordvik", "Sankt Alban", "Ourém Velha", "Lower Brindle", "Żabia Wola", "Kastro Nea")
_WORDS = (
    "concrete",
    "drainage",
    "supply",
    "weekly",
    "certified",
    "quality",
    "lot",
    "period",
    "works",
    "safety",
    "staff",
)
_CURRENCIES = ("EUR", "NOK", "PLN", "GBP")


def write_notices(path: Path, number: int, *, releases_each: int = 1, first_day: int = 0) -> None:
    """JSON Lines: ``number`` ocids, all of their first releases, then all of their second ones, and so on."""
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
        for day in range(first_day, first_day + releases_each):
            for position in range(number):
                file.write(json.dumps(release(position, day=day)) + "\n")


def release(position: int, *, day: int = 0) -> dict[str, JsonValue]:
    """The same for the same position and day."""
    chance = random.Random(position * 1000 + day)
    thing, place = chance.choice(_THINGS), chance.choice(_PLACES)
    buyer: dict[str, JsonValue] = {"id": f"XX-{position % 400}", "name": f"Municipality of {place}"}
    items: list[JsonValue] = [_item(chance, number, place) for number in range(1, 4)]
    tender: dict[str, JsonValue] = {
        "id": f"T-{position}",
        "title": f"{chance.choice(_WORK)} of the {thing} in {place}, lot {position}",
        "description": _sentence(chance, 40),
        "status": chance.choice(("active", "planned", "complete")),
        "value": {"amount": chance.randrange(10_000_00, 9_000_000_00) / 100, "currency": chance.choice(_CURRENCIES)},
        "procurementMethod": "open",
        "tenderPeriod": {"startDate": "2026-03-01T08:00:00+01:00", "endDate": "2026-05-04T12:00:00+02:00"},
        "classification": {"scheme": "CPV", "id": str(45_000_000 + chance.randrange(1000))},
        "items": items,
        "documents": [{"id": "1", "documentType": "tenderNotice", "url": f"https://tenders.example.org/n/{position}"}],
    }
    return {
        "ocid": f"ocds-made0-{position:08}",
        "id": f"ocds-made0-{position:08}-{day + 1}",
        "date": f"2026-03-{day % 28 + 1:02}T09:30:00Z",
        "tag": ["tender" if day == 0 else "tenderUpdate"],
        "initiationType": "tender",
        "language": "en",
        "buyer": buyer,
        "parties": [{**buyer, "roles": ["buyer"], "address": {"locality": place, "countryName": "Nowhere"}}],
        "tender": tender,
    }


def _item(chance: random.Random, number: int, place: str) -> JsonValue:
    return {
        "id": str(number),
        "description": _sentence(chance, 8),
        "classification": {"scheme": "CPV", "id": str(45_000_000 + chance.randrange(1000))},
        "quantity": chance.randrange(1, 500),
        "unit": {"name": "piece", "value": {"amount": chance.randrange(100, 9_000_00) / 100, "currency": "EUR"}},
        "deliveryAddress": {"locality": place, "region": "East", "countryName": "Nowhere"},
    }


def _sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words)).capitalize() + "."
