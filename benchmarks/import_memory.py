"""The memory that imports of large files take, and the time for ever more releases of one ocid.

Each import runs in a process of its own; the peak counts the process that reads for it. On one throwaway PostgreSQL.

    python benchmarks/import_memory.py [--scale 1.0] [--limit 200]
"""

import argparse
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from import_speed import Imported, import_in_a_process
from made_notices import release

from domain.testing import Cluster
from domain.testing.fixtures import prepare

MEGABYTE = 1_000_000
PADDING = [{"id": str(n), "description": "Concrete, steel and gravel, to be brought by ship. " * 4} for n in range(90)]


def large(size: int) -> Iterator[str]:
    """Releases of about 20 KB each, as JSON, until they have so many bytes."""
    position = 0
    while size > 0:
        text = json.dumps({**release(position), "milestones": PADDING})
        yield text
        size -= len(text)
        position += 1


def lines(path: Path, size: int) -> None:
    with gzip.open(path, "wt", compresslevel=3) if path.suffix == ".gz" else path.open("w") as file:
        for text in large(size):
            file.write(text + "\n")


def package(path: Path, size: int) -> None:
    with path.open("w") as file:
        file.write('{"releases": [')
        for position, text in enumerate(large(size)):
            file.write(", " * (position > 0) + text)
        file.write('], "uri": "https://example.org/p", "publishedDate": "2026-05-01"}')


def interleaved(path: Path, number: int) -> None:
    """So many releases of one ocid, each followed by one of an ocid of its own."""
    with path.open("w") as file:
        for position in range(number):
            one = release(0, day=position % 28) | {"id": str(position), "date": f"2026-03-01T00:00:{position / 1e6}Z"}
            file.write(json.dumps(one) + "\n" + json.dumps(release(position + 1)) + "\n")


def imported(cluster: Cluster, path: Path) -> Imported:
    name = cluster.clone(prepare)
    try:
        return import_in_a_process(cluster.url(name, "domain_test_application"), path)
    finally:
        cluster.drop(name)
        path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description="The memory of large imports.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes")
    parser.add_argument("--limit", type=float, default=200, help="exit 1 where an import takes more megabytes")
    arguments = parser.parse_args()
    size = int(200 * MEGABYTE * arguments.scale)
    peaks: list[float] = []
    with TemporaryDirectory() as folder, Cluster() as cluster:
        for name, write, bytes_ in (
            ("package.json", package, size),
            ("lines.jsonl", lines, size),
            ("lines.jsonl.gz", lines, 5 * size),
        ):
            write(path := Path(folder, name), bytes_)
            packed = path.stat().st_size / MEGABYTE
            figures = imported(cluster, path)
            peaks.append(figures.megabytes)
            print(
                f"{name}: {bytes_ / MEGABYTE:.0f} MB ({packed:.0f} MB on disk), {figures.seconds:.0f} s, "
                f"peak {figures.megabytes:.0f} MB",
                flush=True,
            )
        seconds: list[float] = []
        for number in (2500, 5000, 10_000):
            interleaved(path := Path(folder, "interleaved.jsonl"), number)
            seconds.append(imported(cluster, path).seconds)
            print(f"{number} interleaved releases of one ocid: {seconds[-1]:.1f} s", flush=True)
    print(f"peak {max(peaks):.0f} MB; twice the releases of one ocid: {seconds[-1] / seconds[-2]:.2f} times the time")
    return 1 if max(peaks) > arguments.limit else 0


if __name__ == "__main__":
    sys.exit(main())
