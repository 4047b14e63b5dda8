"""After a savepoint is rolled back, the objects that a session holds show what is stored."""

from collections.abc import Callable
from typing import Any

import pytest

from domain import (
    AnalysisRepository,
    AnalysisResult,
    Database,
    DuplicateError,
    Entity,
    Organization,
    OrganizationRepository,
    TenantSession,
    Tender,
    TenderContent,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    User,
    UserRepository,
)

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]
Write = Callable[[TenantSession, Any], object]

NOT_SHOWN = "not shown"  # of what no savepoint may leave behind

WRITES: dict[str, tuple[type[Entity], Write]] = {
    "update": (Tender, lambda s, row: TenderRepository(s).update(row.id, TenderPatch(title=NOT_SHOWN))),
    "put": (Tender, lambda s, row: TenderRepository(s).put(Tender(title=NOT_SHOWN, external_id=row.external_id))),
    "upsert_many": (
        Tender,
        lambda s, row: TenderRepository(s).upsert_many([TenderContent(title=NOT_SHOWN, external_id=row.external_id)]),
    ),
    "update_status": (Tender, lambda s, row: TenderRepository(s).update_status(row.id, TenderStatus.COMPLETE)),
    "claim": (Tender, lambda s, _: TenderRepository(s).claim(limit=10)),
    "soft_delete": (Tender, lambda s, row: TenderRepository(s).soft_delete(row.id)),
    "update_rating": (
        AnalysisResult,
        lambda s, row: AnalysisRepository(s).update_rating(row.tender_id, recommendation=NOT_SHOWN),
    ),
    "update_last_login": (User, lambda s, row: UserRepository(s).update_last_login(row.id)),
    "update_usage": (Organization, lambda s, row: OrganizationRepository(s).update_usage(row.id)),
}


def undo_by_hand(session: TenantSession, write: Callable[[], object]) -> None:
    savepoint = session.begin_nested()
    write()
    savepoint.rollback()


def undo_by_a_failed_flush(session: TenantSession, write: Callable[[], object]) -> None:
    with session.begin_nested():
        write()
        session.add(Tender(title="Twice", external_id="taken"))
        with pytest.raises(DuplicateError):
            session.flush()


@pytest.mark.parametrize("undo", [undo_by_hand, undo_by_a_failed_flush])
@pytest.mark.parametrize("name", WRITES)
def test_what_a_savepoint_undid_is_not_shown(
    domain_db: Database, stored: Stored, make: Make, name: str, undo: Callable[..., None]
) -> None:
    model, write = WRITES[name]
    make(Tender, external_id="taken")
    fields = {"external_id": "held"} if model is Tender else {}
    entity_id: int = 1 if model is Organization else make(model, **fields).id
    with domain_db.get_session(organization_id=1) as session:
        row = session.get(model, 1 if model is Organization else (1, entity_id))
        assert row is not None
        before = row.model_dump()
        undo(session, lambda: write(session, row))
        assert {name: getattr(row, name) for name in before} == before
    kept = stored(model, entity_id)
    assert {name: kept[name] for name in before} == before
