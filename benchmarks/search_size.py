"""Cost of a search against size: two words of which one is rare, in 10 thousand tenders and in 2 million.

PYTHONPATH=. .venv/bin/python benchmarks/search_size.py [--quick]
"""

import argparse
import random
import statistics
import sys
import time
from contextlib import ExitStack
from typing import Any, NamedTuple

from benchmarks.contenders.ours import Ours
from benchmarks.filling import DESCRIPTION, content, fill
from benchmarks.plans import explained
from benchmarks.rounds import in_turn
from benchmarks.server import Server, running
from domain import TenderRepository
from domain.kit.schema.search_index import search_index

MOST_BUFFERS, LIMIT = 100, 1.3
CALLS = 40
INDEX = search_index("tenders")


class Size(NamedTuple):
    title: str
    organizations: int
    tenders: int  # of each


SIZES = (
    Size("1 organization, 10 thousand tenders", 1, 10_000),
    Size("200 organizations, 10 thousand tenders", 200, 50),
    Size("200 organizations, 2 million tenders", 200, 10_000),
)


class Searched:
    """A database of one size. Every description has the word "works", and one tender of an organization a number."""

    def __init__(self, server: Server, size: Size) -> None:
        self.size = size
        name = server.create()
        self.admin = server.admin(name).cursor()
        self.admin.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", (INDEX,))
        [index] = self.admin.fetchone()
        # Built over the rows at once, which is quicker.
        self.admin.execute(f"DROP INDEX {INDEX}")
        started = time.monotonic()
        fill(self.admin, organizations=size.organizations, tenders=size.tenders, description=DESCRIPTION[:300])
        self.admin.execute(index)
        self.admin.execute("VACUUM (ANALYZE) tenders")
        print(f"{size.title}: filled in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        self.ours = Ours(server.url(name))

    def search(self, organization: int, number: int) -> list[int]:
        with self.ours.database.get_session(organization_id=organization) as session:
            return [tender.id for tender in TenderRepository(session).search(f"works {number}")]

    def places(self, chance: random.Random) -> list[tuple[int, int]]:
        """Organizations, and the number of one of their tenders, which begins no other number in their titles."""
        size = self.size
        places = [(chance.randint(1, size.organizations), chance.randint(1, size.tenders)) for _ in range(CALLS)]
        return [(o, n) for o, n in places if n * 10 > size.tenders and not str(o).startswith(str(n))]

    def buffers(self) -> int:
        """The most that one search reads, once the connection knows the functions."""
        read: list[int] = []
        for place in self.places(random.Random(0)):
            assert len(self.search(*place)) == 1, place
            for _ in range(2):
                options = "(ANALYZE, BUFFERS, FORMAT JSON)"
                [plan] = explained(self.ours, place[0], lambda place=place: self.search(*place), options)
            found: dict[str, Any] = plan[0]["Plan"]
            read.append(found["Shared Hit Blocks"] + found["Shared Read Blocks"])
        return max(read)

    def seconds(self, chance: random.Random) -> float:
        """The time of one search."""
        places = self.places(chance)
        started = time.perf_counter()
        for place in places:
            self.search(*place)
        return (time.perf_counter() - started) / len(places)

    def write(self, rows: int) -> None:
        """Add tenders, whose words wait to be merged into the index."""
        for number in range(rows):
            self.ours.create(1, content(f"x{time.time_ns()}x{number}"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    given = parser.parse_args()
    sizes = [size._replace(tenders=size.tenders // 10) if given.quick else size for size in SIZES]
    with running() as server, ExitStack() as closing:
        databases = {size.title: Searched(server, size) for size in sizes}
        for one in databases.values():
            closing.callback(one.ours.close)
            closing.callback(one.admin.connection.close)
        merged = {title: one.buffers() for title, one in databases.items()}
        taken: dict[str, list[float]] = {title: [] for title in databases}
        for number in range(given.rounds + 2):
            for title in in_turn(list(databases), number):
                seconds = databases[title].seconds(random.Random(number))
                if number >= 2:
                    taken[title].append(seconds)
        for one in databases.values():
            one.write(50)
        waiting = {title: one.buffers() for title, one in databases.items()}
    *small, large = databases
    print("| | buffers | after 50 more tenders | time | to the largest |", "|---|---|---|---|---|", sep="\n")
    for title in databases:
        ratio = statistics.median(a / b for a, b in zip(taken[large], taken[title], strict=True))
        time_of_one = f"{statistics.median(taken[title]) * 1e6:,.0f} µs"
        print(f"| {title} | {merged[title]} | {waiting[title]} | {time_of_one} | {ratio:.2f} |")
    times = [statistics.median(a / b for a, b in zip(taken[large], taken[title], strict=True)) for title in small]
    missed = merged[large] > MOST_BUFFERS or waiting[large] > MOST_BUFFERS or max(times) > LIMIT
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
