"""docs/types.md, as the matrix has it: what people write, and what is stored, or written instead."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from tests.matrix.kinds import REFUSED, WORKING, Kind, made
from tests.support.throwaway import throwaway

PAGE = Path(__file__).parents[2] / "docs/types.md"
_DIALECTS: tuple[Any, ...] = (postgresql.dialect(), sqlite.dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy's
_HEAD = """\
# Types of columns

Before: [Extending](3-extending.md)

```python
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain import TenantEntity


class Visit(TenantEntity, table=True):
    __tablename__ = "visits"
    at: datetime
    fee: Decimal
    kind: Literal["site", "video"] = "site"


visit = Visit(at=datetime.fromisoformat("2026-05-01T08:30:00+02:00"), fee=Decimal("12.5"))
print(visit.at, visit.fee, visit.kind)
#> 2026-05-01 06:30:00+00:00 12.5 site
```

What can be written in a table class. Each line was tried on every path on both databases, the row read again by another
session: construction, assignment, changes in place, `add`, `put`, `create_many`, `upsert_many`, `update`, deletion and
restoring, the audit trail, erasing and purging, `create_all`, and generated migrations back and forth. `| None` works
with each. `python -m tests.matrix --write` writes this page.

| write | PostgreSQL | SQLite | |
|---|---|---|---|
"""
_REFUSED = """
Refused with TypeError when the class is made, since a later path would fail or be wrong:

| instead of | |
|---|---|
"""


def page() -> str:
    """The whole page."""
    with throwaway():
        return _HEAD + "".join(map(_working, WORKING)) + _REFUSED + "".join(_refusals())


def _working(kind: Kind) -> str:
    column = made(kind)[""].__table__.c.value
    stored = [column.type.compile(dialect=dialect) for dialect in _DIALECTS]
    return _row(f"`{kind.written}`", *stored, kind.note)


def _refusals() -> Iterator[str]:
    for kind in REFUSED:
        try:
            made(kind)
        except TypeError as error:
            yield _row(f"`{kind.written}`", str(error).rpartition("; ")[2])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").strip() for cell in cells) + " |\n"
