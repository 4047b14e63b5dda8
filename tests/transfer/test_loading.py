"""The door for rows that were made elsewhere: what they keep, and what it refuses."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import Field, Session, select

from domain import (
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    AuditEntry,
    AuditRepository,
    ConfigurationError,
    ConstraintError,
    Database,
    DuplicateError,
    Entity,
    Organization,
    OrganizationRepository,
    TenantEntity,
    TenantRepository,
    TenantScopeError,
    Tender,
    TenderRepository,
    Text,
    User,
    UserRepository,
    including_deleted,
    live_unique,
    tenant_key,
)
from domain.errors import InvalidRowsError, TenantRequiredError
from domain.models import CostEntry
from domain.testing import Cluster, build
from domain.testing.cluster import APPLICATION
from domain.transfer import loading

OLD, LATER = datetime(2019, 3, 1, 12, tzinfo=UTC), datetime(2021, 5, 4, 8, 30, tzinfo=UTC)
DELETION = UUID("0197f3c2-6d1e-7c3a-9a54-3f2b8c1d0e9f")
GONE: dict[str, Any] = {"is_deleted": True, "deleted_at": LATER, "deletion_id": DELETION, "deleted_by": "ann"}
STAMPS: dict[str, Any] = {"created_at": OLD, "updated_at": LATER, "version": 7}


class Rack(TenantEntity, table=True):
    __tablename__ = "test_racks"
    above_id: int | None = tenant_key("Rack", default=None)
    seen_id: int | None = tenant_key(Tender, default=None)


class Measure(Entity, table=True):
    __tablename__ = "test_measures"
    __table_args__: ClassVar[Any] = (live_unique("code", across_organizations=True),)
    code: Text = Field(max_length=5)


class Racks(TenantRepository[Rack]):
    model = Rack


def stored(database: Database, model: type[Any]) -> dict[int, dict[str, Any]]:
    """Every row of organization 1 or of none, by its id, past the session; the fields of the model."""
    columns: list[sa.Column[Any]] = [model.__table__.c[name] for name in model.model_fields]
    with database.migration_engine.connect() as connection:
        rows = connection.execute(sa.select(*columns)).mappings().all()
    return {row["id"]: dict(row) for row in rows}


def tender(**fields: Any) -> dict[str, Any]:
    return {"title": "Bridge", **fields}


def test_rows_keep_their_ids_times_versions_and_deletions(domain_db: Database) -> None:
    rows = [tender(id=500, **STAMPS), tender(id=70, external_id="x", **STAMPS, **GONE), tender(id=80)]
    with loading(domain_db, organization_id=1, actor="move") as load:
        assert load(Tender, rows) == [500, 70, 80]
    found = stored(domain_db, Tender)
    for row in rows[:2]:
        assert {name: found[row["id"]][name] for name in row} == row
    assert (found[500]["is_deleted"], found[500]["deletion_id"], found[500]["organization_id"]) == (False, None, 1)
    assert (found[80]["version"], found[80]["is_deleted"]) == (1, False)
    assert found[80]["created_at"].year >= 2026


def test_a_loaded_deletion_is_restored_as_one_that_was_made_here(domain_db: Database) -> None:
    with loading(domain_db, organization_id=1, actor="move") as load:
        load(Tender, [tender(id=70, **GONE), tender(id=71, **GONE)])
        analysis = build(AnalysisResult, tender_id=70).model_dump(exclude={"id", "organization_id"})
        load(AnalysisResult, [{**analysis, "id": 9, **GONE}])
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).count() == 0
        assert TenderRepository(session).restore_deletion(DELETION)
        assert (TenderRepository(session).count(), AnalysisRepository(session).count()) == (2, 1)


@pytest.mark.parametrize("highest", [1, 3, 900])
def test_new_ids_follow_the_highest(domain_db: Database, highest: int) -> None:
    for model in (Tender, Measure):
        with loading(domain_db, organization_id=1, actor="move") as load:
            rows: list[dict[str, Any]] = [{"title": "Bridge", "code": "kg"}, {"title": "Quay", "code": "m"}]
            names = model.model_fields.keys()
            load(
                model, [{"id": n} | {k: v for k, v in row.items() if k in names} for n, row in enumerate(rows, highest)]
            )
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).create(title="New").id == highest + 2
        new = Measure(code="t")
        session.add(new)
        session.flush()
        assert new.id == highest + 2
    with loading(domain_db, organization_id=1, actor="move") as load:
        load(Tender, [tender(id=highest + 9)])
        load(Tender, [tender(id=highest + 5)])  # never back
        (without,) = load(Tender, [tender(created_at=OLD)])
    assert without > highest + 9
    assert stored(domain_db, Tender)[without]["created_at"] == OLD


def test_the_trail_says_who_loaded_what(domain_db: Database) -> None:
    with loading(domain_db, organization_id=1, actor="move") as load:
        load(Tender, [tender(id=70, **STAMPS, **GONE)])
    with domain_db.get_session(organization_id=1) as session:
        (entry,) = [each for each in AuditRepository(session).page().items if each.entity == "tenders"]
        assert (entry.action, entry.actor, entry.entity, entry.row_id) == ("insert", "move", "tenders", 70)
        assert entry.recorded_at.year >= 2026


def test_a_whole_organization_moves_with_its_users_and_they_log_in(domain_db: Database) -> None:
    user = {"email": "Ann@Example.org", "full_name": "Ann", "hashed_password": "hash", "last_login_at": LATER}
    with loading(domain_db, organization_id=77, actor="move") as load:
        load(Organization, [{"id": 77, "name": "Acme", "slug": "acme", "monthly_analysis_count": 5, **STAMPS}])
        load(User, [{"id": 31, **user, **STAMPS}])
        load(Tender, [tender(id=70)])
    with domain_db.get_session() as session:
        found = UserRepository(session).get_by_email("ann@example.org")
        assert found is not None
        assert (found.id, found.organization_id, found.last_login_at, found.created_at) == (31, 77, LATER, OLD)
        organization = OrganizationRepository(session).get_by_slug("acme")
        assert organization is not None
        assert (organization.id, organization.monthly_analysis_count, organization.version) == (77, 5, 7)
    with domain_db.get_session(organization_id=77) as session:
        assert [row.id for row in TenderRepository(session).find()] == [70]


def test_rows_come_from_another_database_as_they_are(domain_db: Database, tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/other.db") as other:
        other.create_all()
        with other.get_session() as session:
            organization_id = OrganizationRepository(session).create(name="Acme", slug="acme").id
        with other.get_session(organization_id=organization_id) as session:
            tenders = TenderRepository(session)
            ids = [tenders.create(title=title, estimated_value=Decimal("10.5"), currency="NOK").id for title in "ab"]
            tenders.soft_delete(ids[0])
            rows = session.exec(including_deleted(select(Tender))).all()
        before = {row.id: {name: getattr(row, name) for name in Tender.model_fields} for row in rows}
    with loading(domain_db, organization_id=organization_id, actor="move") as load:
        load(Tender, rows)
    assert stored(domain_db, Tender) == before


def test_entries_that_are_never_changed_come_in_as_well_and_the_trail_does_not(domain_db: Database) -> None:
    cost = {"id": 44, "purpose": "analysis", "cost_usd": "0.25", "occurred_at": OLD}
    with loading(domain_db, organization_id=1, actor="move") as load:
        assert load(CostEntry, [cost]) == [44]
        with pytest.raises((ArgumentError, ConstraintError)):
            load(AuditEntry, [{"entity": "tenders", "row_id": 1, "action": "purge", "recorded_at": OLD}])
        load.session.rollback()
        load(CostEntry, [cost])
    assert {name: stored(domain_db, CostEntry)[44][name] for name in ("occurred_at", "organization_id")} == {
        "occurred_at": OLD,
        "organization_id": 1,
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (tender(created_at="2020-01-01T10:00:00"), "created_at: .*time zone"),
        (tender(title=""), "title: "),
        (tender(colour="red"), "colour can't be written"),
        (tender(id="a"), "id: "),
        (tender(id=0), "id: must be from 1 to"),
        (tender(id=2**42 + 1), "id: must be from 1 to 4398046511104"),
        (tender(version=0), "version: must be from 1 to"),
        (tender(version=2**30 + 1), "version: must be from 1 to 1073741824"),
        (tender(is_deleted=True), "deleted_at: needed"),
        (tender(**GONE | {"deleted_at": "2999-01-01T00:00:00Z"}), "deleted_at: must not be in the future"),
        (tender(deleted_at=LATER, deletion_id=DELETION), "deleted_at, deletion_id: given, though is_deleted is false"),
        (tender(deleted_by="ann"), "deleted_by: given, though"),
        (tender(deletion_id="x", **{k: v for k, v in GONE.items() if k != "deletion_id"}), "deletion_id: "),
    ],
)
def test_a_row_that_is_not_valid_is_named_by_its_position(
    domain_db: Database, row: dict[str, Any], reason: str
) -> None:
    with loading(domain_db, organization_id=1, actor="move") as load:
        with pytest.raises(InvalidRowsError, match=f"row 1: {reason}") as refused:
            load(Tender, [tender(), row])
        assert refused.value.reasons.keys() == {1}
    assert stored(domain_db, Tender) == {}


def test_a_row_of_another_organization_is_refused(domain_db: Database) -> None:
    rows = [tender(id=70, organization_id=1), tender(id=71, organization_id=2)]
    with loading(domain_db, organization_id=1, actor="move") as load, pytest.raises(TenantScopeError) as refused:
        load(Tender, rows)
    assert (refused.value.bound, refused.value.asked) == (1, 2)
    with loading(domain_db, organization_id=1, actor="move") as load, pytest.raises(TenantScopeError):
        load(Organization, [{"id": 78, "name": "Acme", "slug": "acme"}])
    assert stored(domain_db, Tender) == {}
    assert sorted(stored(domain_db, Organization)) == [1, 2]


def test_an_organizations_rows_need_a_named_organization(domain_db: Database) -> None:
    for model, row in ((Tender, tender(id=70)), (Organization, {"name": "Acme", "slug": "acme"})):
        with loading(domain_db, actor="move") as load, pytest.raises(TenantRequiredError):
            load(model, [row])
    with loading(domain_db, actor="move") as load:
        assert load(Measure, [{"id": 4, "code": "kg"}]) == [4]


@pytest.mark.parametrize("deleted", [False, True])
def test_an_id_that_is_taken_is_refused_and_nothing_is_written(domain_db: Database, deleted: bool) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        taken = tenders.create(title="Mine").id
        if deleted:
            tenders.soft_delete(taken)
    before = stored(domain_db, Tender)
    with loading(domain_db, organization_id=1, actor="move") as load:
        with pytest.raises(DuplicateError) as refused:
            load(Tender, [tender(id=900), tender(id=taken)])
        assert "id" in refused.value.fields
        assert load(Tender, []) == []
    assert stored(domain_db, Tender) == before


def test_ids_stand_in_every_row_or_in_none(domain_db: Database) -> None:
    with loading(domain_db, organization_id=1, actor="move") as load, pytest.raises(ArgumentError, match="every row"):
        load(Tender, [tender(id=900), tender()])


def test_ids_that_go_with_an_error_are_given_out_to_others(domain_db: Database) -> None:
    def move() -> None:
        with loading(domain_db, organization_id=1, actor="move") as load:
            load(Tender, [tender(id=900)])
            load(User, [])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        move()
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).create(title="New").id == 1


def test_what_was_loaded_before_an_error_goes_with_it(domain_db: Database) -> None:
    def move() -> None:
        with loading(domain_db, organization_id=1, actor="move") as load:
            load(Tender, [tender(id=900)])
            load(Tender, [tender(id=900)])

    with pytest.raises(DuplicateError):
        move()
    assert stored(domain_db, Tender) == {}


def test_references_point_at_rows_of_the_organization_that_a_live_row_can_have(domain_db: Database) -> None:
    analysis = build(AnalysisResult, tender_id=70).model_dump(exclude={"id", "organization_id"})
    with domain_db.get_session(organization_id=2) as session:
        foreign = TenderRepository(session).create(title="Theirs").id
    for tender_id in (foreign, 12345, 71):
        with loading(domain_db, organization_id=1, actor="move") as load:
            load(Tender, [tender(id=tender_id + 10**6), tender(id=71, **GONE)])
            with pytest.raises(ConstraintError, match="a reference points at no"):
                load(AnalysisResult, [{**analysis, "id": 9, "tender_id": tender_id}])
            load.session.rollback()
    with loading(domain_db, organization_id=1, actor="move") as load:
        load(Tender, [tender(id=71, **GONE)])
        assert load(AnalysisResult, [{**analysis, "id": 9, "tender_id": 71, **GONE}]) == [9]
        assert load(Rack, [{"id": 1, "seen_id": 71}]) == [1]  # an optional one, which a soft deletion leaves


def test_a_tree_comes_in_one_call(domain_db: Database) -> None:
    rows = [{"id": 5000 - n, "above_id": 5001 - n if n else None} for n in range(3000)]
    with loading(domain_db, organization_id=1, actor="move") as load:
        assert len(load(Rack, rows)) == 3000
    with domain_db.get_session(organization_id=1) as session:
        assert Racks(session).soft_delete(5000)
        assert Racks(session).count() == 0
    with loading(domain_db, organization_id=1, actor="move") as load, pytest.raises(ConstraintError):
        load(Rack, [{"id": 6000, "above_id": 5000}])


def test_a_unique_value_of_a_live_row_is_refused_and_of_a_deleted_one_is_not(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="Mine", external_id="x")
    with loading(domain_db, organization_id=1, actor="move") as load:
        load(Tender, [tender(id=900, external_id="x", **GONE)])
        with pytest.raises(DuplicateError) as refused:
            load(Tender, [tender(id=901, external_id="x")])
    assert refused.value.fields == ("external_id",)


def test_ordinary_writes_take_none_of_these_columns(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        writes: list[Callable[[], object]] = [
            lambda: tenders.create_many([tender(created_at=OLD)]),
            lambda: tenders.upsert_many([tender(external_id="x", id=900)]),
            lambda: Tender(title="Bridge", created_at=OLD),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
            lambda: tenders.create(title="Bridge", version=7),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        ]
        for write in writes:
            with pytest.raises(ValueError, match=r"leave it out|can't be written"):
                write()
        assert tenders.count() == 0


@pytest.fixture
def application_alone(domain_cluster: Cluster, domain_postgresql: Database) -> Iterator[Database]:
    """The database by the application's login alone, which owns nothing."""
    name = domain_postgresql.engine.url.database
    assert name is not None
    with Database(domain_cluster.url(name, APPLICATION)) as database:
        yield database


def test_a_load_has_the_time_that_bulk_work_has(domain_postgresql: Database) -> None:
    with loading(domain_postgresql, organization_id=1, actor="move") as load:
        load(Tender, [tender(id=900)])
        driver: Any = Session.connection(load.session).connection.driver_connection
        cursor = driver.cursor()
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        assert cursor.fetchone() == ("0", "1min")


def test_a_login_that_owns_no_sequence_says_what_it_needs(application_alone: Database) -> None:
    with (
        loading(application_alone, organization_id=1, actor="move") as load,
        pytest.raises(ConfigurationError, match="MIGRATION_DATABASE_URL"),
    ):
        load(Tender, [tender(id=900)])
    with loading(application_alone, organization_id=1, actor="move") as load:
        assert load(Tender, [tender(created_at=OLD)])
