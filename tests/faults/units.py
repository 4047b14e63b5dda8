"""Units whose effects can be counted afterwards: each stores a tender under its own number and raises two counters.

They store it in several ways; some list tenders, some claim them.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session
from sqlmodel import col, select, update

from domain import (
    Database,
    OutcomeUnknownError,
    TenantSession,
    Tender,
    TenderRepository,
    TenderStatus,
    UnavailableError,
)

COUNTERS, ORGANIZATION = 4, 1
ATTEMPTS = 10


def counters(seed: int, number: int) -> list[int]:
    """The two that a unit raises; in any order, so that units wait for each other."""
    return random.Random(f"counters {seed} {number}").sample(range(COUNTERS), 2)


@dataclass
class Ledger:
    """What became of the units, as their callers were told."""

    stored: set[int] = field(default_factory=set[int])
    failed: set[int] = field(default_factory=set[int])
    unknown: set[int] = field(default_factory=set[int])
    unexpected: dict[int, str] = field(default_factory=dict[int, str])
    attempts: int = 0
    longest_seconds: float = 0.0

    @property
    def told(self) -> set[int]:
        """Those whose callers know."""
        return self.stored | self.failed | self.unknown | self.unexpected.keys()


class Units:
    """Runs them, and looks at what is there afterwards."""

    def __init__(self, database: Database, *, seed: int) -> None:
        self.seed = seed
        self.ledger = Ledger()
        self._lock = threading.Lock()
        self._attempts: Counter[int] = Counter()
        with database.get_session(organization_id=ORGANIZATION) as session:
            rows = [Tender(title="counter", processing_time=0.0) for _ in range(COUNTERS)]
            self._counters = [row.id for row in TenderRepository(session).create_many(rows)]

    def run(self, database: Database, number: int) -> None:
        """Run one, and enter what it came to."""
        ledger = self.ledger
        began = time.monotonic()
        try:
            database.run(lambda session: self._work(session, number), organization_id=ORGANIZATION, attempts=ATTEMPTS)
        except OutcomeUnknownError:
            ledger.unknown.add(number)
        except UnavailableError:
            ledger.failed.add(number)
        except Exception as error:
            ledger.unexpected[number] = f"{type(error).__name__}: {error}"
        else:
            ledger.stored.add(number)
        ledger.longest_seconds = max(ledger.longest_seconds, time.monotonic() - began)

    def _work(self, session: TenantSession, number: int) -> None:
        with self._lock:
            self.ledger.attempts += 1
            self._attempts[number] += 1
            attempt = self._attempts[number]
        drawn = random.Random(f"unit {self.seed} {number} {attempt}").random()
        if drawn < 0.1:
            Session.connection(session, execution_options={"isolation_level": "SERIALIZABLE"})
        elif drawn < 0.2:
            Session.connection(session).exec_driver_sql("SET LOCAL lock_timeout = '5ms'")
        first, second = counters(self.seed, number)
        self._raise(session, first)
        self._store(session, number)
        self._raise(session, second)

    def _store(self, session: TenantSession, number: int) -> None:
        """Store the unit's row, in one of four ways; and now and then list, or claim, what is there."""
        tenders, row = TenderRepository(session), Tender(title="unit", external_id=str(number))
        match number % 4:
            case 0:
                tenders.add(row)
            case 1:
                tenders.put(row)
            case 2:
                tenders.create_many([row])
            case _:
                tenders.upsert_many([row])
        if number % 5 == 0:
            tenders.page(limit=20)
        if number % 7 == 0:
            for claimed in tenders.claim(limit=2):
                tenders.update_status(claimed.id, TenderStatus.COMPLETE, expected_version=claimed.version)

    def _raise(self, session: TenantSession, counter: int) -> None:
        one_more = update(Tender).where(
            col(Tender.organization_id) == ORGANIZATION, col(Tender.id) == self._counters[counter]
        )
        session.exec(one_more.values(processing_time=col(Tender.processing_time) + 1))

    def stored(self, database: Database) -> list[int]:
        """The numbers of the units that are there, one for each row."""
        rows = select(Tender.external_id).where(
            col(Tender.organization_id) == ORGANIZATION, col(Tender.title) == "unit", ~col(Tender.is_deleted)
        )
        with database.get_session(organization_id=ORGANIZATION) as session:
            return [int(row) for row in session.exec(rows) if row is not None]

    def wrong(self, database: Database, numbers: Iterable[int]) -> list[str]:
        """What is not as the callers were told."""
        rows, ledger = self.stored(database), self.ledger
        there = set(rows)
        return [
            *(f"unit {number} was not told what became of it" for number in set(numbers) - ledger.told),
            *(f"unit {number} is there {times} times" for number, times in Counter(rows).items() if times > 1),
            *(f"unit {number} succeeded and is not there" for number in ledger.stored - there),
            *(f"unit {number} failed and is there" for number in ledger.failed & there),
            *(f"unit {number} raised {error}" for number, error in ledger.unexpected.items()),
            *self._wrong_counters(database, rows),
        ]

    def _wrong_counters(self, database: Database, rows: Sequence[int]) -> list[str]:
        expected = Counter(counter for number in rows for counter in counters(self.seed, number))
        with database.get_session(organization_id=ORGANIZATION) as session:
            found = [TenderRepository(session).require(row).processing_time for row in self._counters]
        return [
            f"counter {counter} is {value}, of {expected[counter]} units"
            for counter, value in enumerate(found)
            if value != expected[counter]
        ]
