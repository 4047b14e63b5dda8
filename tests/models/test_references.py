"""A reference can't point at another organization's row, whoever writes it."""

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain import AnalysisResult, BidDocument, ConstraintError, TenantEntity, Tender, TenderNotice, User
from domain.testing import build

CHILDREN: list[type[TenantEntity]] = [AnalysisResult, BidDocument, TenderNotice]


@pytest.fixture(scope="module")
def foreign_tender(schema: Engine) -> int:
    """The id of a tender of organization 2."""
    with Session(schema) as session:
        tender = build(Tender, organization_id=2)
        session.add(tender)
        session.commit()
        return tender.id


def test_the_login_of_these_tests_is_held_by_no_policy(schema: Engine) -> None:
    if schema.dialect.name == "postgresql":
        with schema.connect() as connection:
            assert connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")) is True


@pytest.mark.parametrize("child", CHILDREN)
def test_a_reference_across_organizations_is_refused(
    schema: Engine, foreign_tender: int, child: type[TenantEntity]
) -> None:
    with Session(schema) as session:
        session.add(build(child, organization_id=1, tender_id=foreign_tender))
        with pytest.raises(ConstraintError, match="a reference points at no") as caught:
            session.flush()
    table = child.__table__.name
    name = None if schema.dialect.name == "sqlite" else f"fk_{table}_organization_id_tender_id_tenders"
    assert caught.value.constraint == name


@pytest.mark.parametrize("child", CHILDREN)
def test_a_row_can_t_be_moved_to_where_its_reference_does_not_exist(
    schema: Engine, foreign_tender: int, child: type[TenantEntity]
) -> None:
    with Session(schema) as session:
        row = build(child, organization_id=2, tender_id=foreign_tender)
        session.add(row)
        session.commit()
        child_id = row.id
    statement = f"UPDATE {child.__table__.name} SET organization_id = 1 WHERE id = :id"
    with pytest.raises(ConstraintError), schema.begin() as connection:
        connection.execute(text(statement), {"id": child_id})


@pytest.mark.parametrize("child", CHILDREN)
def test_a_reference_to_no_row_at_all_is_refused(schema: Engine, child: type[TenantEntity]) -> None:
    with Session(schema) as session:
        session.add(build(child, organization_id=1, tender_id=2**40))
        with pytest.raises(ConstraintError, match="a reference points at no"):
            session.flush()


def test_a_row_of_an_organization_that_does_not_exist_is_refused(schema: Engine) -> None:
    for row in (build(Tender, organization_id=99), build(User, organization_id=99)):
        with Session(schema) as session:
            session.add(row)
            with pytest.raises(ConstraintError):
                session.flush()


def test_what_is_referred_to_is_not_removed_by_the_way(schema: Engine, foreign_tender: int) -> None:
    with Session(schema) as session:
        session.add(build(AnalysisResult, organization_id=2, tender_id=foreign_tender, is_deleted=True))
        session.commit()
    with pytest.raises(ConstraintError), schema.begin() as connection:
        connection.execute(text("DELETE FROM tenders WHERE id = :id"), {"id": foreign_tender})
    with schema.connect() as connection:
        count = text("SELECT count(*) FROM tenders WHERE id = :id")
        assert connection.scalar(count, {"id": foreign_tender}) == 1


def test_ids_are_the_databases_and_differ_across_organizations(schema: Engine) -> None:
    with Session(schema) as session:
        rows = [build(Tender, organization_id=number) for number in (1, 2, 1, 2)]
        session.add_all(rows)
        session.flush()
        assert len({row.id for row in rows}) == 4
