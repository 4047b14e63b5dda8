"""A large JSON Lines file goes in with memory that does not grow with it, the reading process counted."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="memory is measured by getrusage")

IMPORT = """
import json, resource, sys
from pathlib import Path
from domain import Database, OrganizationRepository
from domain.ingest import import_paths

def megabytes():
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(who).ru_maxrss for who in both) / (2**20 if sys.platform == "darwin" else 2**10)

def write(path, size):
    items = [{"id": str(n), "description": "Concrete, steel and gravel " * 20} for n in range(25)]
    with path.open("w") as file:
        number = 0
        while file.tell() < size:
            tender = {"title": f"Bridge {number}", "items": items}
            release = {"ocid": f"ocds-{size}-{number}", "tag": ["tender"], "tender": tender}
            file.write(json.dumps(release) + "\\n")
            number += 1
    return number

folder = Path(sys.argv[1])
with Database(f"sqlite:///{folder / 'memory.db'}") as db:
    db.create_all()
    with db.get_session() as session:
        organization_id = OrganizationRepository(session).create(name="First", slug="first").id
    peaks = []
    for size in (12_000_000, 40_000_000):
        path = folder / f"{size}.jsonl"
        number = write(path, size)
        summary = import_paths(db, [path], organization_id=organization_id)
        assert (summary.ok, summary.created) == (True, number), summary
        peaks.append(megabytes())
print(*peaks)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    small, large = map(float, ran.stdout.split())
    assert large < small + 16, f"12 MB took {small:.0f} MB, 40 MB took {large:.0f} MB"
