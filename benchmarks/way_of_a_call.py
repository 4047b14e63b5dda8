"""``python -m benchmarks.way_of_a_call``: what a reader follows of one call, as counts of our own code.

Each operation runs on an embedded database, after others of its kind have built what is built once. Counted are the
calls of our own functions, the files that they stand in, and the hops: calls that lead from one file into another.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import domain
from domain import Database, TenderContent, TenderPatch, TenderRepository
from domain.ingest import import_paths

OURS = str(Path(domain.__file__).parent)
NOTICE = '{"ocid": "ocds-1-1", "id": "%s", "date": "2026-05-01T12:00:00Z", "tag": ["tender"], "tender": {"title": "B"}}'


class Way(NamedTuple):
    """How long the way of one call is."""

    calls: int
    files: int
    hops: int


def way_of(call: Callable[[], object]) -> Way:
    """Run the call and count what it passes."""
    calls, hops, files = 0, 0, set[str]()

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls, hops
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(OURS):
            calls += 1
            files.add(name)
            caller = frame.f_back
            while caller is not None and not caller.f_code.co_filename.startswith(OURS):
                caller = caller.f_back
            hops += caller is not None and caller.f_code.co_filename != name

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return Way(calls, len(files), hops)


def main() -> None:
    """Print the ways."""
    with Database("sqlite:///:memory:") as database, tempfile.TemporaryDirectory() as folder:
        database.create_all()
        with database.get_session() as session:
            organization = domain.OrganizationRepository(session).create(name="A", slug="a")
        acme = database.tenant(organization.id)
        for number in range(3):
            Path(folder, f"{number}.json").write_text(NOTICE % number)
        with acme.session() as session:
            tenders = TenderRepository(session)
            found: dict[str, Way] = {}
            ids = [tenders.create(title=f"Bridge {n}").id for n in range(3)]

            def operations(tender_id: int) -> dict[str, Callable[[], object]]:
                return {
                    "create": lambda: tenders.create(title="Bridge"),
                    "update": lambda: tenders.update(tender_id, TenderPatch.model_validate({"title": "New"})),
                    "get": lambda: tenders.get(tender_id),
                    "page": lambda: tenders.page(limit=2),
                    "soft_delete": lambda: tenders.soft_delete(tender_id),
                    "restore": lambda: tenders.restore(tender_id),
                    "create_many": lambda: tenders.create_many([TenderContent(title="Bridge")]),
                }

            for tender_id in ids:
                found = {name: way_of(call) for name, call in operations(tender_id).items()}
        for notice in sorted(Path(folder).iterdir()):
            call = partial(import_paths, database, [notice], organization_id=organization.id)
            found["import of a notice"] = way_of(call)
    print(f"{'':20}{'calls':>8}{'files':>8}{'hops':>8}")
    for name, way in found.items():
        print(f"{name:20}{way.calls:8}{way.files:8}{way.hops:8}")


if __name__ == "__main__":
    main()
