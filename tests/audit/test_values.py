"""Whatever a row holds, its entries say exactly what it was and what it became."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain import AuditEntry, Database, TenantEntity, TenantRepository, Tender, TenderRepository
from domain.testing import build

Entries = Callable[[], list[AuditEntry]]

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
CONTENT = st.fixed_dictionaries(
    {
        "title": WORDS.filter(bool),
        "description": st.none() | WORDS,
        "estimated_value": st.none() | st.decimals(0, 10**14, places=4),
        "deadline": st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis adds the zone
        "categories": st.lists(WORDS, max_size=3),
        "processing_time": st.none() | st.floats(0, 1e9, allow_nan=False),
    }
)


class Seal(TenantEntity, table=True):
    """A model with bytes."""

    __tablename__ = "test_seals"
    wax: bytes | None = None


class SealRepository(TenantRepository[Seal]):
    model = Seal


def as_stored(name: str, value: Any) -> Any:
    """What JSON says, as the model's own type."""
    if value is None:
        return None
    if name == "estimated_value":
        return Decimal(value)
    return datetime.fromisoformat(value) if name == "deadline" else value


@settings(
    max_examples=15, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=CONTENT, second=CONTENT)
def test_an_entry_says_what_changed_and_nothing_else(
    domain_db: Database, entries: Entries, first: dict[str, Any], second: dict[str, Any]
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender_id = TenderRepository(session).add(build(Tender, **first)).id
    with domain_db.get_session(organization_id=1) as session:
        tender = TenderRepository(session).require(tender_id)
        before = {name: getattr(tender, name) for name in first}
        for name, value in second.items():
            setattr(tender, name, value)
    with domain_db.get_session(organization_id=1) as session:
        tender = TenderRepository(session).require(tender_id)
        after = {name: getattr(tender, name) for name in first}
    changed = {name for name in first if before[name] != after[name]}
    updates = [entry for entry in entries() if entry.row_id == tender_id and entry.action == "update"]
    assert len(updates) == bool(changed)
    for entry in updates:
        for said, row in ((entry.before, before), (entry.after, after)):
            assert said is not None
            assert {name: as_stored(name, value) for name, value in said.items()} == {n: row[n] for n in changed}


def test_bytes_are_told_in_hexadecimal_digits_on_both_databases(domain_db: Database, entries: Entries) -> None:
    with domain_db.get_session(organization_id=1) as session:
        seal_id = SealRepository(session).add(Seal(wax=b"\x01\xab\x00")).id
    for wax in (b"", None):
        with domain_db.get_session(organization_id=1) as session:
            SealRepository(session).require(seal_id).wax = wax
    told = [(entry.before, entry.after) for entry in entries() if entry.action == "update"]
    assert told == [({"wax": "\\x01ab00"}, {"wax": "\\x"}), ({"wax": "\\x"}, {"wax": None})]
