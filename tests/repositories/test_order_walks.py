"""Every order walked to the end and back while rows come, go and move; at any depth by its index, for as little.

DOMAIN_TEST_ORDER_ROWS sets how many rows there are: from 100,000 on the last page is the thousandth or a later one.
"""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any

import pytest
from pydantic import BaseModel

from domain import Database, Page, TenantRepository, Tender, TenderOrder, TenderRepository
from domain.kit.schema.scope import ORGANIZATION_SETTING
from domain.testing import build

from .plans import explained, nodes, recorded
from .test_order import NOON, Pallet, PalletRepository

ROWS = int(os.environ.get("DOMAIN_TEST_ORDER_ROWS", "1000"))
LIMIT = max(25, ROWS // 1000)
CHANGED_EVERY = max(1, ROWS // LIMIT // 40)  # pages
FILLED_AT_ONCE = 10_000
IN_ALL = max(ROWS, 5_000)  # with those of organization 2: for fewer a database rather reads the table
REPOSITORIES: dict[type[Any], type[TenantRepository[Any]]] = {Tender: TenderRepository, Pallet: PalletRepository}
FIELDS = ("label", "weight", "is_heavy", "price", "size", "created_at")
ORDERS: list[tuple[type[Any], str]] = [
    *((Tender, order.value) for order in TenderOrder),
    *((Pallet, f"{sign}{field}") for field in FIELDS for sign in ("", "-")),
]


class Passed(BaseModel):
    """A row of a page, with something that no index has."""

    id: int
    version: int


def values(model: type[Any], chance: Random) -> dict[str, Any]:
    """Values of a new row, many of them alike or missing."""
    if model is Tender:
        day, amount = chance.randrange(-300, 900), chance.randrange(-300, 900)
        return {
            "deadline": None if day < 0 else NOON + timedelta(days=day),
            "estimated_value": None if amount < 0 else Decimal(amount) / 3,
        }
    weight = chance.randrange(-300, 900)
    return {
        "label": chance.choice([None, "Ä", f"{chance.random():.3f}"]),
        "weight": None if weight < 0 else weight,
        "is_heavy": chance.random() < 0.5,
        "price": Decimal(chance.randrange(900)) / 100,
        "size": chance.randrange(900),
    }


@pytest.fixture(scope="module")
def filled(database: Database) -> Database:
    """ROWS tenders and as many pallets of organization 1, among others."""
    chance = Random(0)
    for model, organization, start in product(REPOSITORIES, (1, 2), range(0, IN_ALL, FILLED_AT_ONCE)):
        wanted = ROWS if organization == 1 else IN_ALL - ROWS
        rows = [build(model, **values(model, chance)) for _ in range(min(FILLED_AT_ONCE, wanted - start))]
        with database.get_session(organization_id=organization) as session:
            REPOSITORIES[model](session).create_many(rows)
    clean(database)
    return database


def clean(database: Database) -> None:
    with database.migration_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if database.is_sqlite else "VACUUM (ANALYZE)")


class Listing:
    """Pages of one order, each read in a session of its own."""

    def __init__(self, database: Database, model: type[Any], order: str) -> None:
        self.database, self.order = database, order
        self.model, self.repository = model, REPOSITORIES[model]
        self.chance = Random(f"{model.__name__} {order}")

    def page(self, limit: int = LIMIT, *, after: str | None = None, before: str | None = None) -> Page[Passed]:
        with self.database.get_session(organization_id=1) as session:
            rows = self.repository(session)
            return rows.page(order_by=self.order, as_=Passed, limit=limit, after=after, before=before)

    def follow(self, page: Page[Passed], cursor: str, where: str, limit: int = LIMIT) -> Iterator[Page[Passed]]:
        """The page, and all that its cursor leads to."""
        yield page
        while (place := getattr(page, cursor)) is not None:
            page = self.page(limit, **{where: place})
            yield page

    def ids(self) -> list[int]:
        with self.database.get_session(organization_id=1) as session:
            return [row.id for row in self.repository(session).stream(batch_size=1000)]

    def change(self, deleted: int, moved: int) -> None:
        """Add a row, delete one, and give one other values."""
        with self.database.get_session(organization_id=1) as session:
            rows = self.repository(session)
            rows.add(build(self.model, **values(self.model, self.chance)))
            rows.soft_delete(deleted)
            row = rows.get(moved)
            for name, value in values(self.model, self.chance).items() if row else ():
                setattr(row, name, value)


@pytest.mark.parametrize(("model", "order"), ORDERS)
def test_a_row_that_stays_is_passed_once_there_and_once_back(filled: Database, model: type[Any], order: str) -> None:
    listing = Listing(filled, model, order)
    before = listing.ids()
    changed: set[int] = set()

    def passed(pages: Iterator[Page[Passed]]) -> Iterator[Page[Passed]]:
        for number, page in enumerate(pages):
            yield page
            if number % CHANGED_EVERY == 0:
                pair = listing.chance.sample(before, 2)
                listing.change(*pair)
                changed.update(pair)

    there = list(passed(listing.follow(listing.page(), "next_cursor", "after")))
    back = list(passed(listing.follow(there[-1], "previous_cursor", "before")))
    assert min(len(there), len(back)) >= len(before) // LIMIT
    for pages in (there, back):
        rows = [row.id for page in pages for row in page.items if row.id not in changed]
        assert len(rows) == len(set(rows))
        assert set(before) - changed <= set(rows)


@pytest.mark.parametrize(("model", "order"), ORDERS)
def test_a_page_far_behind_reads_its_rows_by_the_index_as_the_first_does(
    filled: Database, model: type[Any], order: str
) -> None:
    listing = Listing(filled, model, order)
    clean(filled)  # of the rows that came and went
    pages = list(listing.follow(listing.page(), "next_cursor", "after"))
    far = pages[-1 - 500 // LIMIT].next_cursor  # the last few rows are quicker to sort
    assert far is not None
    examine = searches if filled.is_sqlite else buffers
    first = examine(filled, listing.page)
    for found in (examine(filled, lambda: listing.page(after=far)), examine(filled, lambda: listing.page(before=far))):
        assert found <= 2 * first + LIMIT  # each row may stand in a page of its own


def searches(database: Database, read: Callable[[], object]) -> int:
    """How many searches of an index the statements are, which must be nothing else."""
    with recorded(database) as sent:
        read()
    with database.migration_engine.connect() as connection:
        steps = [
            step.detail
            for text, values in sent
            if text.startswith("SELECT")
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
    assert steps
    assert all(step.startswith("SEARCH ") and " INDEX " in step for step in steps), steps
    return len(steps)


def buffers(database: Database, read: Callable[[], object]) -> int:
    """How many buffers the statements read, none of them by a scan of a table or a sort."""
    with recorded(database) as sent:
        read()
    read_in_all = 0
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT set_config(%s, '1', true)", (ORGANIZATION_SETTING,))
        for text, values in sent:
            if text.startswith("SELECT"):
                # Twice: the first may meet rows that nobody has read since they were written.
                _, plan = (explained(connection, text, values, ", ANALYZE, BUFFERS") for _ in range(2))
                assert {node["Node Type"] for node in nodes(plan)} <= {"Limit", "Result", "Index Scan"}, plan
                read_in_all += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert read_in_all
    return read_in_all
