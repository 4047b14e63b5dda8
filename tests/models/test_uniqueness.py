"""What is unique is so among live rows: deleted ones keep nothing occupied."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import Session

from domain import (
    AnalysisResult,
    BidDocument,
    DomainModel,
    DuplicateError,
    Entity,
    Organization,
    Tender,
    TenderNotice,
    User,
)
from domain.kit.model.tables import live_unique_indexes
from domain.testing import build

Rows = tuple[Entity, Entity]
VALUES: dict[type[Entity], dict[str, object]] = {
    Organization: {"slug": "twin"},
    User: {"email": "ann@example.org"},
    Tender: {"external_id": "T-1"},
    TenderNotice: {"digest": "0" * 64},
}


def tender(schema: Engine, organization_id: int = 1) -> int:
    with Session(schema) as session:
        row = build(Tender, organization_id=organization_id)
        session.add(row)
        session.commit()
        return row.id


def twins(model: type[Entity], schema: Engine, **fields: object) -> Rows:
    """Two rows with the same natural key."""
    if model in (AnalysisResult, BidDocument, TenderNotice):
        fields = {"tender_id": tender(schema), **fields}
    if model is not Organization:
        fields["organization_id"] = 1
    fields.update(VALUES.get(model, {}))
    return build(model, **fields), build(model, **fields)


KEYS: list[tuple[type[Entity], str, tuple[str, ...]]] = [
    (Organization, "ux_organizations_slug", ("slug",)),
    (User, "ux_users_email", ("email",)),
    (Tender, "ux_tenders_organization_id_external_id", ("external_id",)),
    (AnalysisResult, "ux_analysis_results_organization_id_tender_id", ("tender_id",)),
    (BidDocument, "ux_bid_documents_organization_id_tender_id", ("tender_id",)),
    (TenderNotice, "ux_tender_notices_organization_id_tender_id_digest", ("tender_id", "digest")),
]


@pytest.mark.parametrize(("model", "index", "fields"), KEYS)
def test_two_live_rows_with_one_key_are_refused(
    schema: Engine, model: type[Entity], index: str, fields: tuple[str, ...]
) -> None:
    with Session(schema) as session:
        session.add_all(twins(model, schema))
        with pytest.raises(DuplicateError) as caught:
            session.flush()
    assert (caught.value.entity, caught.value.fields) == (model.__name__, fields)
    assert caught.value.constraint == index


@pytest.mark.parametrize(("model", "index", "fields"), KEYS)
def test_any_number_of_deleted_rows_may_share_a_key_with_a_live_one(
    schema: Engine, model: type[Entity], index: str, fields: tuple[str, ...]
) -> None:
    live, first = twins(model, schema)
    set_attribute(first, "is_deleted", True)
    second = first.model_copy()
    with Session(schema) as session:
        session.add_all([live, first, second])
        session.flush()
        assert len({live.id, first.id, second.id}) == 3
        set_attribute(first, "is_deleted", False)
        with pytest.raises(DuplicateError, match=model.__name__):
            session.flush()


def test_organizations_may_use_the_same_external_id(schema: Engine) -> None:
    with Session(schema) as session:
        session.add_all([build(Tender, organization_id=number, external_id="shared") for number in (1, 2)])
        session.flush()


def test_an_email_is_taken_for_the_whole_system(schema: Engine) -> None:
    with Session(schema) as session:
        session.add_all([build(User, organization_id=number, email="Bo@example.org") for number in (1, 2)])
        with pytest.raises(DuplicateError, match="User: another live row has the same email"):
            session.flush()


def test_tenders_without_an_external_id_are_no_duplicates(schema: Engine) -> None:
    with Session(schema) as session:
        session.add_all([build(Tender, organization_id=1), build(Tender, organization_id=1)])
        session.flush()


def test_every_such_index_leaves_deleted_rows_out_on_either_engine() -> None:
    indexes = [index for table in DomainModel.metadata.tables.values() for index in live_unique_indexes(table)]
    assert len(indexes) >= 6
    for index in indexes:
        conditions = {name: str(index.dialect_options[name]["where"]) for name in ("postgresql", "sqlite")}
        assert conditions == {"postgresql": "NOT is_deleted", "sqlite": "is_deleted = 0"}, index.name
