"""Relationships are read, by methods that say so, and never written."""

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import InvalidRequestError

from domain import AnalysisRepository, Database, Tender, TenderRepository
from domain.testing import build


@pytest.mark.parametrize("name", ["analysis", "bid"])
def test_a_relationship_is_no_constructor_keyword(name: str) -> None:
    fields: dict[str, Any] = {"title": "Bridge", name: None}
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Tender(**fields)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Tender.model_validate(fields)


@pytest.mark.parametrize("name", ["analysis", "bid"])
def test_a_relationship_that_was_not_loaded_raises(database: Database, name: str) -> None:
    with database.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tender = tenders.require(tenders.create(title="Bridge").id)
        session.expire(tender)
        with pytest.raises(InvalidRequestError, match="raise"):
            getattr(tender, name)


def test_a_value_assigned_to_a_relationship_would_be_lost_and_is_refused() -> None:
    tender = build(Tender)
    with pytest.raises(AttributeError, match=r"Tender\.analysis is read-only"):
        tender.analysis = None


def test_a_relationship_is_in_no_dump_and_no_schema(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Bridge")
        AnalysisRepository(session).create(tender_id=tender.id, is_relevant=True, confidence=0.5)
        session.expunge(tender)
        (row,) = [row for row in TenderRepository(session).list_with_related() if row.id == tender.id]
    assert row.analysis is not None
    assert not {"analysis", "bid"} & (row.model_dump().keys() | Tender.model_json_schema()["properties"].keys())
