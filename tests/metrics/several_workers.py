"""``python -m tests.metrics.several_workers FILE``: print what a scrape of two forked workers says together."""

import sys

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from domain import Database, TenderRepository
from domain.metrics import instrument
from tests.forks.children import in_children

database = Database(f"sqlite:///{sys.argv[1]}")
instrument(database, registry=CollectorRegistry())


def work() -> None:
    with database.get_session(organization_id=1) as session:
        TenderRepository(session).count()


assert in_children(work, work) == [None, None]
scraped = CollectorRegistry()
MultiProcessCollector(scraped)  # type: ignore[no-untyped-call]  # it has no types
print(generate_latest(scraped).decode())
