"""The functions that delete softly on PostgreSQL: held by row level security, and by the session's guard."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import text

from domain import Database, TenantSession, Tender, TenderRepository
from domain.models.fields import utcnow
from domain.repositories.deletion_statements import BATCH, WHEN, WHO, deletion
from domain.repositories.statements import KEY, SCOPE
from domain.testing import build
from domain.testing.attack import Layer, switched_off

BY_HAND = "SELECT soft_delete_tenders(2, 'id', ARRAY[:row], now(), gen_random_uuid(), 'me')"


def by_hand(session: TenantSession, tender_id: int) -> bool:
    return session.connection().scalar(text(BY_HAND), {"row": tender_id}) is not None


def by_repository(session: TenantSession, tender_id: int) -> bool:
    given = {SCOPE: 2, KEY: tender_id, WHEN: utcnow(), BATCH: uuid4(), WHO: None}
    return session.scalars(deletion(Tender).whole, given).first() is not None


def made_in_organization_2(database: Database) -> int:
    with database.get_session(organization_id=2) as session:
        tender = build(Tender)
        session.add(tender)
    return tender.id


def is_deleted(database: Database, tender_id: int) -> bool:
    with database.migration_engine.connect() as connection:
        found = connection.scalar(text("SELECT is_deleted FROM tenders WHERE id = :id"), {"id": tender_id})
    assert found is not None
    return bool(found)


@pytest.mark.parametrize(("layer", "delete"), [(Layer.GUARD, by_hand), (Layer.POLICIES, by_repository)])
def test_a_function_told_another_organization_deletes_nothing_while_one_layer_is_left(
    domain_postgresql: Database, layer: Layer, delete: Callable[[TenantSession, int], bool]
) -> None:
    tender_id = made_in_organization_2(domain_postgresql)
    with switched_off(domain_postgresql, {layer}):
        with domain_postgresql.get_session(organization_id=1, unguarded_sql=delete is by_hand) as session:
            assert not delete(session, tender_id)
        assert not is_deleted(domain_postgresql, tender_id)
        with switched_off(domain_postgresql, {Layer.GUARD, Layer.POLICIES} - {layer}):
            with domain_postgresql.get_session(organization_id=1, unguarded_sql=True) as session:
                by_hand(session, tender_id)
            assert is_deleted(domain_postgresql, tender_id)


def test_the_organization_itself_can_call_one(domain_postgresql: Database) -> None:
    tender_id = made_in_organization_2(domain_postgresql)
    with domain_postgresql.get_session(organization_id=2, unguarded_sql=True) as session:
        assert by_hand(session, tender_id)
    assert is_deleted(domain_postgresql, tender_id)


def test_an_id_beyond_every_bigint_is_not_found(domain_postgresql: Database) -> None:
    with domain_postgresql.get_session(organization_id=1) as session:
        for tender_id in (2**63, -(2**63) - 1, 10**30):
            assert not TenderRepository(session).soft_delete(tender_id)
