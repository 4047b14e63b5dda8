"""Two models whose long names differ at their ends only: everything that a table brings is each one's own."""

from typing import Any, ClassVar

import pytest
from sqlalchemy import inspect, text, update
from sqlmodel import Field

from domain import (
    AuditRepository,
    ConstraintError,
    Database,
    DuplicateError,
    TenantEntity,
    TenantRepository,
    Tender,
    TenderRepository,
    example,
    live_unique,
    personal_field,
    tenant_key,
)
from domain.kit.model.names import LONGEST
from domain.migrations import check
from domain.testing.attack import attack
from domain.users.model import EMAIL_SETTING
from tests.support.partitions import PARTITIONS

pytestmark = pytest.mark.skipif(PARTITIONS > 0, reason="PostgreSQL cuts the names of partitions' indexes its own way")

START = "contract_performance_evaluation_questionnaire_section_of_year_"
SCORE = "the_score_that_the_evaluating_person_gave"
PERSON = "the_person_who_evaluates_and_who_answers_"


class YearA(TenantEntity, table=True):
    """The one."""

    __tablename__ = f"{START}a"
    __table_args__: ClassVar[Any] = (
        live_unique("tender_of_the_questionnaire_and_its_year", SCORE),
        {"info": {"lookups": {PERSON: EMAIL_SETTING}}},
    )
    tender_of_the_questionnaire_and_its_year: int = tenant_key(Tender)
    the_score_that_the_evaluating_person_gave: int = Field(ge=0, le=9, schema_extra=example(3))
    the_person_who_evaluates_and_who_answers_: str = personal_field(max_length=60, schema_extra=example("Ann"))


class YearB(TenantEntity, table=True):
    """The other."""

    __tablename__ = f"{START}b"
    __table_args__: ClassVar[Any] = (live_unique("tender_of_the_questionnaire_and_its_year", SCORE),)
    tender_of_the_questionnaire_and_its_year: int = tenant_key(Tender)
    the_score_that_the_evaluating_person_gave: int = Field(ge=0, le=9, schema_extra=example(3))


class YearARepository(TenantRepository[YearA]):
    model = YearA


class YearBRepository(TenantRepository[YearB]):
    model = YearB


MODELS: list[type[Any]] = [YearA, YearB]
KEY = ("tender_of_the_questionnaire_and_its_year", SCORE)


@pytest.fixture
def tender_id(domain_db: Database) -> int:
    with domain_db.get_session(organization_id=1) as session:
        return TenderRepository(session).create(title="Bridge").id


def year_a(tender_id: int, score: int = 3) -> YearA:
    return YearA(
        tender_of_the_questionnaire_and_its_year=tender_id,
        the_score_that_the_evaluating_person_gave=score,
        the_person_who_evaluates_and_who_answers_="Ann",
    )


def year_b(tender_id: int, score: int = 3) -> YearB:
    return YearB(tender_of_the_questionnaire_and_its_year=tender_id, the_score_that_the_evaluating_person_gave=score)


def test_the_database_has_the_names_that_the_models_have(domain_db: Database) -> None:
    found = inspect(domain_db.migration_engine)
    for model in MODELS:
        table = model.__table__
        assert len(table.name) == LONGEST
        there = {
            *(index["name"] for index in found.get_indexes(table.name)),
            *(rule["name"] for rule in found.get_check_constraints(table.name)),
            *(rule["name"] for rule in found.get_foreign_keys(table.name)),
        }
        if not domain_db.is_sqlite:
            there.add(found.get_pk_constraint(table.name)["name"])
        wanted = {rule.name for rule in (*table.constraints, *table.indexes)}
        assert there == wanted - ({table.primary_key.name} if domain_db.is_sqlite else set())


def test_what_stands_beside_the_tables_is_as_wanted(domain_db: Database) -> None:
    assert [said for said in check(domain_db.migration_engine) if START in said and " of " in said] == []
    if not domain_db.is_sqlite:
        with domain_db.migration_engine.connect() as connection:
            sql = "SELECT proname FROM pg_proc WHERE proname LIKE 'audit_contract_perf%' ORDER BY 1"
            assert len(set(connection.scalars(text(sql)))) == 2


def test_a_duplicate_is_named(domain_db: Database, tender_id: int) -> None:
    for model, make in ((YearA, year_a), (YearB, year_b)):
        with domain_db.get_session(organization_id=1) as session:
            session.add(make(tender_id))
        with (  # noqa: PT012  # the flush is the session's
            pytest.raises(DuplicateError) as refused,
            domain_db.get_session(organization_id=1) as session,
        ):
            session.add(make(tender_id))
            session.flush()
        assert (refused.value.entity, refused.value.fields) == (model.__name__, KEY)
        (index,) = (index.name for index in model.__table__.indexes if index.unique)
        assert refused.value.constraint == index


def test_a_value_out_of_range_is_named(domain_db: Database, tender_id: int) -> None:
    with domain_db.get_session(organization_id=1) as session:
        YearBRepository(session).add(year_b(tender_id))
        with pytest.raises(ConstraintError) as refused:
            session.exec(update(YearB).values({SCORE: 12}))
        session.rollback()
    assert (refused.value.entity, refused.value.fields) == ("YearB", (SCORE,))


def test_each_has_its_own_entries_and_its_own_deletions(domain_db: Database, tender_id: int) -> None:
    with domain_db.get_session(organization_id=1, actor="user:1") as session:
        ones, others = YearARepository(session), YearBRepository(session)
        one = ones.add(year_a(tender_id)).id
        others.add(year_b(tender_id))
        assert ones.soft_delete(one)
        assert (ones.count(), others.count()) == (0, 1)
    with domain_db.get_session(organization_id=1) as session:
        trail = AuditRepository(session)
        assert [entry.action for entry in trail.page(entity=YearA).items] == ["soft_delete", "insert"]
        assert [entry.action for entry in trail.page(entity=YearB).items] == ["insert"]
        assert {entry.entity for entry in trail.page(entity=YearB).items} == {YearB.__table__.name}


def test_deleting_what_they_refer_to_takes_both(domain_db: Database, tender_id: int) -> None:
    with domain_db.get_session(organization_id=1) as session:
        session.add_all([year_a(tender_id), year_b(tender_id)])
    with domain_db.get_session(organization_id=1) as session:
        tenders, ones, others = TenderRepository(session), YearARepository(session), YearBRepository(session)
        assert tenders.soft_delete(tender_id)
        assert (ones.count(), others.count()) == (0, 0)
        assert tenders.restore(tender_id)
        assert (ones.count(), others.count()) == (1, 1)


def test_the_attack_finds_their_structure_whole(domain_db: Database) -> None:
    assert attack(domain_db, models=[Tender, *MODELS], methods={"get", "soft_delete"}).leaks == []
