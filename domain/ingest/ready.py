"""A release made ready to be stored: the text of its rows, and nothing that takes much memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import orjson
from pydantic import JsonValue

from .exact_json import digest, parse, written
from .items import Release
from .mapping import TenderFields, merge
from .package import joined


class Ready(NamedTuple):
    """What is sent of a release. Texts alone: as objects, the content would take several times the memory."""

    ocid: str
    digest: str
    """What identifies the content."""
    release_id: str | None
    released_at: datetime | None
    written: str
    """The content as JSON."""
    package: Mapping[str, JsonValue]
    place: str
    tender: str
    """The row of its tender where the release is alone, as JSON."""

    def release(self) -> Release:
        """The release again, to be merged with others."""
        return Release(
            ocid=self.ocid,
            release_id=self.release_id,
            released_at=self.released_at,
            content=self.content(),
            package=self.package,
            place=self.place,
        )

    def content(self) -> dict[str, JsonValue]:
        """The content as it was received."""
        found = parse(self.written.encode())
        assert isinstance(found, dict)
        return found

    def joined(self, package: Mapping[str, JsonValue]) -> "Ready":
        """The same release, received once more with this around it."""
        return ready(replace(self.release(), package=joined(self.package, package)))


def ready(release: Release) -> Ready:
    """Make a release ready."""
    return Ready(
        ocid=release.ocid,
        digest=digest(release.content),
        release_id=release.release_id,
        released_at=release.released_at,
        written=written(release.content),
        package=release.package,
        place=release.place,
        tender=row(merge([release])),
    )


def row(fields: TenderFields) -> str:
    """The fields as a JSON object; amounts as texts."""
    return orjson.dumps(fields, default=_exact).decode()


def _exact(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError
