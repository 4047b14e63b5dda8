"""A release made ready to be stored: its content as text, and nothing that takes much memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from pydantic import JsonValue

from .exact_json import digest, parse, written
from .items import Release
from .mapping import TenderFields, merge
from .package import joined


class Ready(NamedTuple):
    """What is kept of a release. As objects, the content would take several times the memory of its text."""

    ocid: str
    digest: str
    """What identifies the content."""
    release_id: str | None
    released_at: datetime | None
    written: str
    """The content as JSON."""
    package: Mapping[str, JsonValue]
    place: str
    tender: TenderFields
    """The row of its tender where the release is alone."""

    def release(self) -> Release:
        """The release again, to be merged with others."""
        content = parse(self.written.encode())
        assert isinstance(content, dict)
        return Release(
            ocid=self.ocid,
            release_id=self.release_id,
            released_at=self.released_at,
            content=content,
            package=self.package,
            place=self.place,
        )

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
        tender=merge([release]),
    )
