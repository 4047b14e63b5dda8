"""Writing single rows, the same for every tenant model: add, put, update, and versions that lose no update."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from pydantic import ValidationError

from domain import (
    AnalysisPatch,
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    BidDocumentRepository,
    BidPatch,
    ConflictError,
    ConstraintError,
    Database,
    DomainModel,
    DuplicateError,
    Patch,
    StaleVersionError,
    TenantScopeError,
    Tender,
    TenderContent,
    TenderNoticeRepository,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    User,
    UserPatch,
    UserRepository,
)
from domain.kit.model.tables import live_unique_indexes
from domain.tenders.model import TenderProgress
from domain.tenders.notices import TenderNoticeContent
from domain.testing import build

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]
Repo = Any  # the class of a TenantRepository, of whatever model


class NoticePatch(TenderNoticeContent, Patch):
    """A patch of a model that has none."""


# A repository, a patch for its model, and a text in it that is no key.
CASES: list[tuple[Repo, type[DomainModel], str]] = [
    (UserRepository, UserPatch, "full_name"),
    (TenderRepository, TenderPatch, "title"),
    (TenderNoticeRepository, NoticePatch, "release_id"),
    (AnalysisRepository, AnalysisPatch, "recommendation"),
    (BidDocumentRepository, BidPatch, "approach"),
]
every_model = pytest.mark.parametrize(("kind", "patch", "field"), CASES, ids=lambda case: getattr(case, "__name__", ""))


def key_of(row: Any) -> dict[str, Any]:
    """The natural key of a row."""
    return {name: getattr(row, name) for name in live_unique_indexes(row.__table__)[0].info["live_unique"]}


def made(make: Make, kind: Repo, **fields: Any) -> Any:
    if kind is TenderRepository:
        fields.setdefault("external_id", f"ocds-{random.random()}")
    return make(kind.model, **fields)


# -- add --------------------------------------------------------------------------------------------------------


@every_model
def test_a_row_is_added_with_every_column(
    domain_db: Database, stored: Stored, make: Make, kind: Repo, patch: type[DomainModel], field: str
) -> None:
    references = {
        column.key: make(column.info["tenant_key"]).id
        for column in kind.model.__table__.c
        if "tenant_key" in column.info
    }
    with domain_db.get_session() as session:
        row = kind(session).add(build(kind.model, **{field: "Kept"}, **references), org_id=1)
        assert row.id > 0
    there, fields = stored(kind.model, row.id), kind.model.model_fields
    assert {name: there[name] for name in fields} == {name: getattr(row, name) for name in fields}
    assert (row.organization_id, row.version, row.is_deleted) == (1, 1, False)


@every_model
def test_the_natural_key_is_taken_once_among_live_rows(
    domain_db: Database, make: Make, kind: Repo, patch: type[DomainModel], field: str
) -> None:
    first = made(make, kind)
    with pytest.raises(DuplicateError) as refused, domain_db.get_session(organization_id=1) as session:
        kind(session).add(build(kind.model, **key_of(first)))
    assert (refused.value.entity, set(refused.value.fields)) == (kind.model.__name__, set(key_of(first)))
    with domain_db.get_session(organization_id=1) as session:
        assert kind(session).count() == 1
        assert kind(session).soft_delete(first.id)
        assert kind(session).add(build(kind.model, **key_of(first))).id != first.id


def test_another_organization_may_have_the_same_external_id(domain_db: Database, make: Make) -> None:
    tenders = [make(Tender, organization_id=number, external_id="ocds-1") for number in (1, 2)]
    assert tenders[0].id != tenders[1].id


def test_the_organization_is_named_once(domain_db: Database) -> None:
    with domain_db.get_session() as session, pytest.raises(TenantScopeError):
        TenderRepository(session).add(Tender(organization_id=1, title="Bridge"), org_id=2)
    with domain_db.get_session(organization_id=1) as session, pytest.raises(TenantScopeError):
        TenderRepository(session).create(organization_id=2, title="Bridge")
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        with pytest.raises(TenantScopeError):
            tenders.create_many([Tender(title="Mine"), Tender(organization_id=2, title="Theirs")])
        assert tenders.count(include_deleted=True) == 0


def test_an_error_inside_a_savepoint_leaves_the_rest(domain_db: Database, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.create(title="Kept")
        with pytest.raises(DuplicateError), session.begin_nested():
            tenders.create(title="Again", external_id="ocds-1")
        with pytest.raises(ConstraintError), session.begin_nested():
            tenders.put(Tender(title="No value", external_id="ocds-2", currency="EUR"))
    with domain_db.get_session(organization_id=1) as session:
        assert [row.title for row in TenderRepository(session).find()] == ["Kept", "Harbour bridge"]


def test_what_a_failed_put_undid_is_not_committed_in_silence(domain_postgresql: Database) -> None:
    """PostgreSQL answers COMMIT of a transaction that had an error with a ROLLBACK, and no error."""

    def unit() -> None:
        with domain_postgresql.get_session(organization_id=1) as session:
            tenders = TenderRepository(session)
            tenders.create(title="Lost")
            with pytest.raises(ConstraintError):
                tenders.put(Tender(title="No value", external_id="ocds-2", currency="EUR"))
            with pytest.raises(ConflictError, match="roll back"):
                tenders.count()

    with pytest.raises(ConflictError, match="roll back"):
        unit()
    with domain_postgresql.get_session(organization_id=1) as session:
        assert TenderRepository(session).count() == 0


def test_sqlite_undoes_the_failed_put_alone(domain_sqlite: Database) -> None:
    with domain_sqlite.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.create(title="Kept")
        with pytest.raises(ConstraintError):
            tenders.put(Tender(title="No value", external_id="ocds-2", currency="EUR"))
    with domain_sqlite.get_session(organization_id=1) as session:
        assert [tender.title for tender in TenderRepository(session).find()] == ["Kept"]


# -- put --------------------------------------------------------------------------------------------------------


@every_model
def test_put_inserts_and_then_sets_the_given_fields(
    domain_db: Database, stored: Stored, make: Make, kind: Repo, patch: type[DomainModel], field: str
) -> None:
    row = made(make, kind, **{field: "First"})
    before = stored(kind.model, row.id)
    with domain_db.get_session() as session:
        repository = kind(session)
        put = repository.put(build(kind.model, **key_of(row), **{field: "Second"}), org_id=1)
        assert (put.id, getattr(put, field), put.version) == (row.id, "Second", 2)
        assert repository.put(build(kind.model, **key_of(row))) is put
        assert repository.count(include_deleted=True) == 1
    after = stored(kind.model, row.id)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {field, "updated_at", "version"} | ({"hashed_password"} & changed)
    assert (after["version"], after["created_at"]) == (3, before["created_at"])
    assert after["updated_at"] > before["updated_at"]


@every_model
def test_put_leaves_a_deleted_row_and_makes_a_new_one(
    domain_db: Database, stored: Stored, make: Make, kind: Repo, patch: type[DomainModel], field: str
) -> None:
    gone = made(make, kind, **{field: "First"})
    with domain_db.get_session(organization_id=1) as session:
        kind(session).soft_delete(gone.id)
    before = stored(kind.model, gone.id)
    with domain_db.get_session(organization_id=1) as session:
        put = kind(session).put(build(kind.model, **key_of(gone), **{field: "Second"}))
    assert put.id != gone.id
    assert stored(kind.model, gone.id) == before
    assert stored(kind.model, put.id)[field] == "Second"


def test_put_shows_in_the_objects_that_the_session_holds(domain_db: Database, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        held = tenders.require(tender.id)
        held.description = "Flushed first"
        assert tenders.put(Tender(external_id="ocds-1", title="Put")) is held
        assert (held.title, held.description, held.version) == ("Put", "Flushed first", 3)
        held.title = "Saved"
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).require(tender.id).version == 4


def test_put_of_the_row_itself_keeps_every_value(domain_db: Database, stored: Stored, tender: Tender) -> None:
    before = stored(Tender, tender.id)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        held = tenders.require(tender.id)
        held.location = "Bergen"
        assert tenders.put(held) is held
    after = stored(Tender, tender.id)
    assert {name for name in after if after[name] != before[name]} == {"location", "updated_at", "version"}


def test_threads_that_put_one_key_leave_one_row(domain_db: Database, tender: Tender) -> None:
    start = Barrier(4)

    def put(number: int) -> int:
        with domain_db.get_session(organization_id=1) as session:
            start.wait()
            return (
                AnalysisRepository(session)
                .upsert(tender_id=tender.id, is_relevant=True, confidence=0.5, filter_reasoning=str(number))
                .id
            )

    with ThreadPoolExecutor(4) as threads:
        ids = set(threads.map(put, range(4)))
    with domain_db.get_session(organization_id=1) as session:
        (analysis,) = AnalysisRepository(session).find(include_deleted=True)
    assert ids == {analysis.id}
    assert analysis.version == 4


# -- update -----------------------------------------------------------------------------------------------------


@every_model
def test_a_patch_writes_what_was_set_and_nothing_else(
    domain_db: Database, stored: Stored, make: Make, kind: Repo, patch: type[DomainModel], field: str
) -> None:
    row = made(make, kind)
    before = stored(kind.model, row.id)
    with domain_db.get_session() as session:
        updated = kind(session).update(row.id, patch(**{field: "Patched"}), org_id=1)
        assert (getattr(updated, field), updated.version) == ("Patched", 2)
    after = stored(kind.model, row.id)
    assert {name for name in after if after[name] != before[name]} == {field, "updated_at", "version"}
    with domain_db.get_session(organization_id=1) as session:
        assert kind(session).update(row.id, patch()).version == 2
    assert stored(kind.model, row.id) == after


@every_model
def test_an_update_checks_the_version_it_is_given(
    domain_db: Database, stored: Stored, make: Make, kind: Repo, patch: type[DomainModel], field: str
) -> None:
    row = made(make, kind)
    with domain_db.get_session(organization_id=1) as session:
        kind(session).update(row.id, patch(**{field: "First"}), expected_version=1)
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(StaleVersionError) as refused:
            kind(session).update(row.id, patch(**{field: "Late"}), expected_version=1)
        assert (refused.value.entity, refused.value.entity_id) == (kind.model.__name__, row.id)
        assert (refused.value.seen, refused.value.current) == (1, 2)
        assert kind(session).update(row.id, patch(**{field: "Second"}), expected_version=2).version == 3
    assert stored(kind.model, row.id)[field] == "Second"


@pytest.mark.parametrize(
    "name", ["id", "created_at", "updated_at", "version", "is_deleted", "deleted_at", "deletion_id", "organization_id"]
)
@every_model
def test_what_the_library_manages_is_not_the_callers_to_write(
    domain_sqlite: Database, kind: Repo, patch: type[DomainModel], field: str, name: str
) -> None:
    changes = build(kind.model, **{column.key: 1 for column in kind.model.__table__.c if "tenant_key" in column.info})
    changes.model_fields_set.clear()
    changes.model_fields_set.add(name)
    with domain_sqlite.get_session(organization_id=1) as session:
        with pytest.raises(ArgumentError, match=name):
            kind(session).update(1, changes)
        with pytest.raises(ArgumentError, match=f"row 0: {name} can't be written"):
            kind(session).upsert_many([changes])


class Stranger(Patch):
    """A patch that names no model, with a field that tenders have not."""

    title: str | None = None
    nickname: str = ""


def test_a_field_that_the_model_has_not_is_refused(domain_db: Database, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(ArgumentError, match="nickname"):
            TenderRepository(session).update(tender.id, Stranger(title="New", nickname="Bridgy"))
        with pytest.raises(ArgumentError, match="row 1: nickname"):
            TenderRepository(session).upsert_many([TenderPatch(external_id="a", title="A"), Stranger(nickname="B")])
        assert TenderRepository(session).require(tender.id).title == "Harbour bridge"


def test_a_patch_of_another_model_is_refused_whatever_it_sets(
    domain_db: Database, stored: Stored, tender: Tender
) -> None:
    class Nameless(TenderContent, Patch[User]):
        """Every field of it is a tender's."""

    before = stored(Tender, tender.id)
    others: list[Any] = [UserPatch(), UserPatch(full_name="Ann"), Nameless.model_validate({"title": "Bridge"})]
    with domain_db.get_session(organization_id=1) as session:
        for patch in others:
            with pytest.raises(ArgumentError, match="is a patch of User, not of Tender"):
                TenderRepository(session).update(tender.id, patch)
        assert TenderRepository(session).update(tender.id, TenderPatch()).version == 1
    assert stored(Tender, tender.id) == before


@every_model
def test_fields_may_be_given_as_keywords_of_the_repositorys_patch(
    domain_db: Database, stored: Stored, make: Make, kind: Any, patch: type[DomainModel], field: str
) -> None:
    row = made(make, kind)
    before = stored(kind.model, row.id)
    with domain_db.get_session(organization_id=1) as session:
        repository: Any = kind(session)
        if kind is TenderNoticeRepository:
            with pytest.raises(ArgumentError, match="TenderNoticeRepository takes no fields in update"):
                repository.update(row.id, **{field: "Patched"})
            return
        assert repository.update(row.id).version == 1
        assert repository.update(row.id, **{field: "Patched"}).version == 2
        for wrong in ({"nickname": "Bridgy"}, {field: 5}, {"version": 7}, {"is_deleted": True}):
            with pytest.raises(ValidationError):
                repository.update(row.id, **wrong)
    after = stored(kind.model, row.id)
    assert {name for name in after if after[name] != before[name]} == {field, "updated_at", "version"}
    assert after[field] == "Patched"


def test_keywords_take_no_version_and_no_patch_beside_them(domain_db: Database, stored: Stored, tender: Tender) -> None:
    before = stored(Tender, tender.id)
    with domain_db.get_session(organization_id=1) as session:
        tenders: Any = TenderRepository(session)
        for alone in ({"expected_version": 1}, {"org_id": 1}):
            with pytest.raises(ArgumentError, match=r"go with a patch: update\(id, TenderPatch\(title=\.\.\.\), "):
                tenders.update(tender.id, title="New", **alone)
        with pytest.raises(ArgumentError, match="a patch or fields, not both: location"):
            tenders.update(tender.id, TenderPatch(title="New"), location="Bergen")
    assert stored(Tender, tender.id) == before


def test_an_update_that_is_refused_in_the_middle_writes_nothing(
    domain_db: Database, stored: Stored, tender: Tender
) -> None:
    class Loose(Patch):
        """Looser than the model: names before and after ``title`` would be written without it."""

        description: str = ""
        external_id: str = ""
        location: str = ""
        notice_status: str = ""
        source: str = ""
        title: str | None = None
        url: str = ""

    before = stored(Tender, tender.id)
    changes = Loose(description="x", external_id="x", location="x", notice_status="x", source="x", title=None, url="x")
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(ValidationError):
            TenderRepository(session).update(tender.id, changes)
        session.flush()
    assert stored(Tender, tender.id) == before


def test_the_processing_may_write_its_own_group(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).update(tender.id, TenderProgress(status=TenderStatus.COMPLETE))
    assert stored(Tender, tender.id)["status"] == TenderStatus.COMPLETE


# -- versions ---------------------------------------------------------------------------------------------------


@every_model
@pytest.mark.parametrize("first", ["slow", "quick"])
def test_of_two_sessions_that_save_one_row_the_second_is_told(
    domain_db: Database, stored: Stored, make: Make, kind: Repo, patch: type[DomainModel], field: str, first: str
) -> None:
    row = made(make, kind)
    with domain_db.get_session(organization_id=1) as session:
        one = kind(session).require(row.id)
    with domain_db.get_session(organization_id=1) as session:
        other = kind(session).require(row.id)
    winner, loser = (one, other) if first == "slow" else (other, one)
    setattr(winner, field, "Winner")
    setattr(loser, field, "Loser")
    with domain_db.get_session(organization_id=1) as session:
        session.add(winner)
    with (
        pytest.raises(StaleVersionError, match="was read as version 1") as refused,
        domain_db.get_session(organization_id=1) as session,
    ):
        session.add(loser)
    assert refused.value.__cause__ is not None
    assert (refused.value.entity, refused.value.entity_id, refused.value.seen) == (kind.model.__name__, row.id, 1)
    assert (stored(kind.model, row.id)[field], stored(kind.model, row.id)["version"]) == ("Winner", 2)


@pytest.mark.parametrize("write", ["update_status", "put", "soft_delete", "restore", "upsert_many", "update"])
def test_every_write_makes_the_objects_of_other_sessions_stale(
    domain_db: Database, stored: Stored, tender: Tender, write: str
) -> None:
    if write == "restore":
        with domain_db.get_session(organization_id=1) as session:
            TenderRepository(session).soft_delete(tender.id)
    with domain_db.get_session(organization_id=1) as session:
        stale = TenderRepository(session).require(tender.id, include_deleted=True)
    seen = stale.version
    calls: dict[str, Callable[[TenderRepository], object]] = {
        "update_status": lambda tenders: tenders.update_status(tender.id, TenderStatus.COMPLETE),
        "put": lambda tenders: tenders.put(Tender(external_id="ocds-1", title="Put")),
        "soft_delete": lambda tenders: tenders.soft_delete(tender.id),
        "restore": lambda tenders: tenders.restore(tender.id),
        "upsert_many": lambda tenders: tenders.upsert_many([TenderPatch(external_id="ocds-1", title="Many")]),
        "update": lambda tenders: tenders.update(tender.id, TenderPatch(title="Patched")),
    }
    with domain_db.get_session(organization_id=1) as session:
        calls[write](TenderRepository(session))
    after = stored(Tender, tender.id)
    assert after["version"] == seen + 1
    assert after["updated_at"] > stale.updated_at
    stale.title = "Overwritten"
    with pytest.raises(StaleVersionError), domain_db.get_session(organization_id=1) as session:
        session.add(stale)
    assert stored(Tender, tender.id) == after


def test_a_rating_makes_the_objects_of_other_sessions_stale(domain_db: Database, stored: Stored, make: Make) -> None:
    analysis: AnalysisResult = make(AnalysisResult)
    analysis_id = analysis.id
    with domain_db.get_session(organization_id=1) as session:
        AnalysisRepository(session).update_rating(analysis.tender_id, 9)
    analysis.overall_score = 1
    with pytest.raises(StaleVersionError), domain_db.get_session(organization_id=1) as session:
        session.add(analysis)
    assert stored(AnalysisResult, analysis_id)["overall_score"] == 9


def test_an_update_of_a_row_that_the_session_read_before_another_changed_it(
    domain_db: Database, stored: Stored, tender: Tender
) -> None:

    def unit() -> None:
        with domain_db.get_session(organization_id=1) as session:
            held = TenderRepository(session).require(tender.id)
            with domain_db.get_session(organization_id=1) as other:
                TenderRepository(other).update(tender.id, TenderPatch(title="Winner"))
            TenderRepository(session).update(held.id, TenderPatch(title="Loser"))

    with pytest.raises(StaleVersionError):
        unit()
    assert stored(Tender, tender.id)["title"] == "Winner"
