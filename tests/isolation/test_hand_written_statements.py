"""Statements of a session, whatever their form: they see the organization's live rows, and write no others."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    String,
    Table,
    bindparam,
    column,
    delete,
    exists,
    func,
    insert,
    join,
    lambda_stmt,
    literal,
    literal_column,
    table,
    tablesample,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import (
    Session,
    aliased,
    column_property,
    foreign,
    joinedload,
    registry,
    relationship,
    remote,
    selectinload,
)
from sqlalchemy.sql.elements import quoted_name

import domain
from domain import (
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    Database,
    DomainError,
    TenantRequiredError,
    TenantScopeError,
    TenantSession,
    TenderRepository,
    UnguardedStatementError,
    UserRepository,
    including_deleted,
)
from domain.errors import HardDeletionError
from domain.kit import records
from domain.kit.records import SystemAccess
from domain.testing import Cluster, build, postgresql_database, sqlite_database
from tests.attack import crates
from tests.attack.crates import CrateRepository
from tests.attack.layers import Layer, switched_off

Open = Callable[[], Any]
# As SQLAlchemy takes them: an attribute of a model is typed as its value.
select: Any = sqlalchemy.select
Tender: Any = domain.Tender
User: Any = domain.User
Organization: Any = domain.Organization
PurgeRecord: Any = records.PurgeRecord
Crate: Any = crates.Crate
Analysis: Any = AnalysisResult
pytestmark = pytest.mark.filterwarnings("ignore:.*cartesian product")
ENGINES = ["sqlite", "sqlite without views", "postgresql", "postgresql without policies"]


@pytest.fixture(scope="module", params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Organizations 1 and 2, each with a user, a tender with an analysis, one without, a deleted one; and crates."""
    if "sqlite" in request.param:
        template: Path = request.getfixturevalue("domain_sqlite_template")
        made = sqlite_database(template)
    else:
        cluster: Cluster = request.getfixturevalue("domain_cluster")
        made = postgresql_database(cluster)
    with made as database:
        for number in (1, 2):
            with database.get_session(organization_id=number) as session:
                UserRepository(session).add(
                    build(User, email=f"user@{number}.example", hashed_password=f"hash{number}")
                )
                for word in ("one", "two", "gone"):
                    tender = TenderRepository(session).create(title=f"{word} of {number}")
                    CrateRepository(session).add(Crate(tender_id=tender.id, label=word, weight_kg=number))
                    analysis = AnalysisRepository(session).add(build(AnalysisResult, tender_id=tender.id))
                    if word == "two":
                        AnalysisRepository(session).soft_delete(analysis.id)
                TenderRepository(session).soft_delete(tender.id)
        if "without" in request.param:
            with switched_off(database, {Layer.POLICIES}):
                yield database
        else:
            yield database


@pytest.fixture(params=["a session", "as_organization"])
def opened(database: Database, request: pytest.FixtureRequest) -> Open:
    """How a session of organization 1 is opened; what it does is taken back."""

    @contextmanager
    def within() -> Generator[TenantSession]:
        with (
            database.system_session(actor="test", reason="test") as system,
            system.as_organization(1) as session,
        ):
            yield session
            session.rollback()

    @contextmanager
    def alone() -> Generator[TenantSession]:
        with database.get_session(organization_id=1) as session:
            yield session
            session.rollback()

    return within if request.param == "as_organization" else alone


def run(session: Session, statement: Any, *parameters: Any, **options: Any) -> Any:
    return Session.execute(session, statement, *parameters, execution_options=options)


def values(session: Session, statement: Any) -> set[Any]:
    return {value for row in run(session, statement) for value in row}


Mine = aliased(Tender)
TENDERS: Any = Tender.__table__
LIVE = {"one of 1", "two of 1"}
counted = select(func.count())
OF_TENDER = Analysis.organization_id == Tender.organization_id, Analysis.tender_id == Tender.id
HAS_ANALYSIS = exists().where(*OF_TENDER)

mapper_registry = registry()


class _Foreign:
    """A class of another registry on our table."""

    __table__ = Table(
        "tenders",
        mapper_registry.metadata,
        Column("id", BigInteger, primary_key=True),
        Column("organization_id", BigInteger),
        Column("title", String),
        Column("is_deleted", Integer),
    )


mapper_registry.mapped(_Foreign)
Foreign: Any = _Foreign


def light(name: Any) -> Any:
    """A table that nothing is known of but its name."""
    return table(name, column("title", String))


READS: dict[str, tuple[Any, set[Any]]] = {
    "an expression over two classes": (
        select(Tender.title + " " + User.hashed_password),
        {"one of 1 hash1", "two of 1 hash1"},
    ),
    "a function in WHERE": (counted.where(func.lower(User.email) == "user@2.example"), {0}),
    "a function of a class alone": (counted.where(func.length(Tender.title) > 0), {2}),
    "a join as FROM": (counted.select_from(join(Tender, User, true())), {2}),
    "an outer join": (
        select(User.email, Mine.title).outerjoin(Mine, Mine.title == "gone of 1"),
        {"user@1.example", None},
    ),
    "EXISTS": (select(exists().where(func.lower(Tender.title) == "one of 2")), {False}),
    "EXISTS of a deleted one": (select(exists().where(func.lower(Tender.title) == "gone of 1")), {False}),
    "IN": (select(Tender.title).where(Tender.id.in_(select(Crate.tender_id))), LIVE),
    "a CTE": (select(select(Tender.title).cte().c.title), LIVE),
    "a scalar subquery": (select(select(func.max(Tender.title)).scalar_subquery()), {"two of 1"}),
    "a window": (select(func.count().over(partition_by=Tender.organization_id)), {2}),
    "FILTER": (select(func.count().filter(Tender.title != "")), {2}),
    "a union": (union_all(select(Tender.title), select(Mine.title)), LIVE),
    "an alias twice": (select(aliased(aliased(Tender)).title), LIVE),
    "a table": (select(TENDERS.c.title), LIVE),
    "the alias of a table": (select(TENDERS.alias().c.title), LIVE),
    "a light table": (select(light("tenders").c.title), LIVE),
    "the alias of a light table": (select(light("tenders").alias("other").c.title), LIVE),
    "a class of another registry": (select(Foreign.title), LIVE),
    "an alias in a derived table": (select(select(Mine.title).where(Mine.id > 0).subquery("tenders").c.title), LIVE),
    "correlated": (select(Tender.title).where(HAS_ANALYSIS), {"one of 1"}),
    "not correlated": (select(Tender.title).where(~HAS_ANALYSIS), {"two of 1"}),
    "EXISTS of a SELECT": (select(Tender.title).where(exists(select(Analysis.id).where(*OF_TENDER))), {"one of 1"}),
    "has": (select(Tender.title).where(Tender.analysis.has()), {"one of 1"}),
    "has not": (select(Tender.title).where(~Tender.analysis.has()), {"two of 1"}),
    "an outer join along a relationship": (
        select(Tender.title, Analysis.organization_id).outerjoin(Tender.analysis),
        {*LIVE, 1, None},
    ),
    "a product": (select(Tender.title, Mine.title).where(Tender.id != Mine.id), LIVE),
    "a join of two aliases": (select(Mine.title).join(aliased(Tender), Mine.id > 0), LIVE),
    "RETURNING": (update(Tender).values(description="x").returning(Tender.title), LIVE),
    "organizations": (select(Organization.slug), {"first"}),
    "the other organization by id": (select(Tender.title).where(Tender.organization_id == 2), set()),
    "a lateral": (select(select(Mine.title).where(Mine.id == Tender.id).lateral().c.title).select_from(Tender), LIVE),
}


@pytest.mark.parametrize("name", READS)
def test_it_sees_the_live_rows_of_its_organization(database: Database, opened: Open, name: str) -> None:
    statement, wanted = READS[name]
    if name == "a lateral" and database.is_sqlite:
        pytest.skip("SQLite has no LATERAL")
    with opened() as session:
        for _ in range(2):
            assert values(session, statement) == wanted
        if wanted == LIVE and name not in {"IN", "RETURNING"}:
            assert values(session, including_deleted(statement)) == {*LIVE, "gone of 1"}
            assert set(run(session, statement, domain_include_deleted=True).scalars()) == {*LIVE, "gone of 1"}
            assert values(session, statement) == wanted


def test_a_table_by_another_spelling_is_the_same_on_sqlite_and_none_on_postgresql(
    database: Database, opened: Open
) -> None:
    with opened() as session:
        if database.is_sqlite:
            assert values(session, select(light("TENDERS").c.title)) == LIVE
        else:
            with pytest.raises(DomainError):
                values(session, select(light("TENDERS").c.title))


class Custom(ColumnElement[Any]):
    inherit_cache = True
    type = String()


@compiles(Custom)
def _custom(_element: object, _compiler: object, **_options: object) -> str:
    return "(SELECT max(hashed_password) FROM users)"


HIDDEN: dict[str, Any] = {
    "text": select(text("title")).select_from(Tender),
    "text in WHERE": select(Tender.title).where(text("1 = 1")),
    "a literal column": select(literal_column("(SELECT max(hashed_password) FROM users)")),
    "a prefix": select(Tender.title).prefix_with("(SELECT max(hashed_password) FROM users),"),
    "a suffix": select(Tender.title).suffix_with("UNION SELECT hashed_password FROM users"),
    "a hint": select(Tender.title).with_statement_hint("UNION SELECT hashed_password FROM users"),
    "a table's hint": select(Tender.title).with_hint(Tender, "ONLY"),
    "an operator": select(literal("a").op("|| (SELECT max(hashed_password) FROM users) ||")("b")),
    "an element with text": select(Custom()),
    "an element with text in a subquery": select(Tender.title).where(Tender.id.in_(select(Custom()))),
    "a name that is not quoted": select(light(quoted_name("users u", False))),
    "INSERT OR REPLACE": insert(Tender).prefix_with("OR REPLACE").values(title="x"),
    "a statistics table": select(table("pg_stats", column("most_common_vals")).c.most_common_vals),
    "from_statement": select(Tender).from_statement(text("SELECT * FROM tenders")),
    "from_statement of a union": select(Tender).from_statement(union_all(select(Tender), select(Tender))),
    "lambda_stmt": lambda_stmt(lambda: select(Tender.title)),
    "a function": func.count(),
}


@pytest.mark.parametrize("statement", HIDDEN.values(), ids=HIDDEN)
def test_text_that_may_hide_a_table_is_refused_as_a_kind(database: Database, opened: Open, statement: Any) -> None:
    with opened() as session, pytest.raises(UnguardedStatementError):
        run(session, statement)
    with database.get_session() as unbound, pytest.raises((UnguardedStatementError, TenantRequiredError)):
        run(unbound, statement)


REFUSED: dict[str, tuple[Any, str]] = {
    "a key that stands for its columns": (select(Tender.id, Tender.title).group_by(Tender.id), r"group_by\(\)"),
    "a class by its key": (
        select(Tender).join(Crate, Crate.tender_id == Tender.id).group_by(Tender.id),
        r"group_by\(\)",
    ),
    "TABLESAMPLE": (select(tablesample(TENDERS, func.bernoulli(50)).c.title), "random"),
    "a system column": (select(column("ctid")).select_from(Tender), "ctid"),
    "SQLite's": (select(Tender.title, column("rowid")), "rowid"),
    "records of the system": (select(SystemAccess), "system_session"),
    "records of what was purged": (select(func.max(PurgeRecord.actor)), "system_session"),
    "forged": (insert(SystemAccess).values(actor="x", reason="x"), "system_session"),
}


@pytest.mark.parametrize(("statement", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_written_so_is_refused_with_what_to_write(opened: Open, statement: Any, said: str) -> None:
    with opened() as session, pytest.raises(ArgumentError, match=said):
        run(session, statement)


def stored(database: Database) -> list[Any]:
    """The rows of both organizations, deleted ones as well."""
    with database.system_session(actor="test", reason="test") as system:
        everything = select(Tender.organization_id, Tender.title, Tender.description).order_by(Tender.id)
        return [tuple(row) for row in run(system, including_deleted(everything))]


UPDATES: dict[str, Any] = {
    "a class": update(Tender).values(description="new"),
    "an alias": update(Mine).values(description="new"),
    "a table": update(TENDERS).values(description="new"),
    "the alias of a table": update(TENDERS.alias()).values(description="new"),
    "Core's way": update(Tender).values(description="new").execution_options(dml_strategy="core_only"),
    "another's by id": update(Tender).where(Tender.title.like("%of%")).values(description="new"),
    "from another table": update(Tender).where(User.email.like("%")).values(description="new"),
}


@pytest.mark.parametrize("statement", UPDATES.values(), ids=UPDATES)
def test_an_update_changes_live_rows_of_its_organization_and_raises_their_version(
    database: Database, statement: Any
) -> None:
    before = stored(database)
    with database.get_session(organization_id=1) as session:
        versions = values(session, select(func.max(Tender.version)))
        assert run(session, statement, synchronize_session=False).rowcount == 2
        assert values(session, select(func.min(Tender.version))) == {version + 1 for version in versions}
        assert values(session, select(Tender.description)) == {"new"}
    after = stored(database)
    assert [row for row in after if row not in before and "one" not in row[1] and "two" not in row[1]] == []
    assert [row for row in after if row[0] == 2] == [row for row in before if row[0] == 2]
    with database.get_session(organization_id=1) as session:
        run(session, update(Tender).values(description=None), synchronize_session=False)


def test_an_update_from_another_organizations_rows_or_deleted_ones_finds_none(opened: Open) -> None:
    theirs = update(Tender).where(func.lower(User.email) == "user@2.example").values(description="x")
    deleted = update(Tender).where(exists().where(Crate.label == "gone")).values(description="x")
    subquery = select(func.max(User.email)).where(User.email.like("%@2%")).scalar_subquery()
    with opened() as session:
        assert run(session, theirs, synchronize_session=False).rowcount == 0
        assert run(session, deleted, synchronize_session=False).rowcount == 0
        run(session, update(Tender).values(description=subquery), synchronize_session=False)
        assert values(session, select(Tender.description)) == {None}


def test_a_writing_cte_is_held_as_well(database: Database, opened: Open) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite writes in no CTE")
    statement: Any = update(Tender).values(description="new")
    changed = statement.returning(Tender.id, Tender.version).cte()
    with opened() as session:
        assert len(run(session, select(changed)).all()) == 2
        session.rollback()
    for written in (
        delete(Tender).returning(Tender.id).cte(),
        update(Tender).values(is_deleted=True).returning(Tender.id).cte(),
        update(Tender).values(organization_id=2).returning(Tender.id).cte(),
        insert(Tender).values(title="x", organization_id=2).returning(Tender.id).cte(),
        insert(Tender).values(title="x", version=9).returning(Tender.id).cte(),
    ):
        with opened() as session, pytest.raises((ArgumentError, HardDeletionError, TenantScopeError)):
            run(session, select(written))


def _number_after() -> Any:
    return select(func.max(Crate.weight_kg) + 1).scalar_subquery()


INSERTS: dict[str, tuple[Any, Any]] = {
    "values": (insert(Tender).values(title="new"), None),
    "its own organization": (insert(Tender).values(title="new", organization_id=1), None),
    "a parameter": (insert(Tender).values(title="new", organization_id=bindparam("o")), {"o": 1}),
    "a parameter with a value": (insert(Tender).values(title="new", organization_id=bindparam("o", 1)), None),
    "rows": (insert(Tender), [{"title": "new", "organization_id": 1}, {"title": "new", "organization_id": 1}]),
    "many values": (insert(Tender).values([{"title": "new"}, {"title": "new"}]), None),
    "a table": (insert(TENDERS).values(title="new"), None),
    "from a SELECT": (insert(Tender).from_select(["title"], select(literal("new"))), None),
    "from a SELECT of a column": (
        insert(Tender).from_select(["organization_id", "title"], select(Tender.organization_id, literal("new"))),
        None,
    ),
}


@pytest.mark.parametrize("name", INSERTS)
def test_an_insert_is_of_the_sessions_organization(opened: Open, name: str) -> None:
    statement, parameters = INSERTS[name]
    with opened() as session:
        run(session, statement, parameters)
        assert "new" in values(session, select(Tender.title))
        assert values(session, select(Tender.organization_id)) == {1}


FOREIGN: dict[str, tuple[Any, Any]] = {
    "a value": (insert(Tender).values(title="x", organization_id=2), None),
    "a parameter": (insert(Tender).values(title="x", organization_id=bindparam("o", 1)), {"o": 2}),
    "a row": (insert(Tender), [{"title": "x", "organization_id": 1}, {"title": "x", "organization_id": 2}]),
    "one of many values": (insert(Tender).values([{"title": "x"}, {"title": "x", "organization_id": 2}]), None),
    "a table's value": (insert(TENDERS).values(title="x", organization_id=2), None),
    "a table's row": (insert(TENDERS), {"title": "x", "organization_id": 2}),
    "Core's way": (
        insert(Tender).values(title="x", organization_id=2).execution_options(dml_strategy="raw"),
        None,
    ),
    "a SELECT": (insert(Tender).from_select(["organization_id", "title"], select(literal(2), literal("x"))), None),
    "half of a union": (
        insert(Tender).from_select(
            ["organization_id", "title"],
            union_all(select(literal(1), literal("x")), select(literal(2), literal("x"))),
            include_defaults=False,
        ),
        None,
    ),
    "an UPDATE": (update(Tender).values(organization_id=2), None),
    "an UPDATE of a table": (update(TENDERS).values(organization_id=2), None),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_no_row_is_given_to_another_organization(database: Database, opened: Open, name: str) -> None:
    statement, parameters = FOREIGN[name]
    before = stored(database)
    with opened() as session, pytest.raises(TenantScopeError):
        run(session, statement, parameters)
    assert stored(database) == before


@pytest.mark.parametrize(
    "organization", [select(func.max(Organization.id)).scalar_subquery(), func.abs(2), literal(1) + 1]
)
def test_an_expression_for_the_organization_is_refused(opened: Open, organization: Any) -> None:
    with opened() as session, pytest.raises(UnguardedStatementError, match="leave it out"):
        run(session, insert(Tender).values(title="x", organization_id=organization))


def test_a_subquery_of_an_insert_sees_its_organization(opened: Open) -> None:
    statement = insert(Crate).values(label="new", tender_id=select(func.min(Tender.id)).scalar_subquery())
    with opened() as session:
        run(session, statement.values(weight_kg=_number_after()))
        assert values(session, select(Crate.weight_kg).where(Crate.label == "new")) == {2}


def test_an_upsert_takes_over_no_row_of_another_organization(database: Database, opened: Open) -> None:
    make: Any = sqlite.insert if database.is_sqlite else postgresql.insert
    row = build(User, email="user@2.example").model_dump(include={"email", "full_name", "role"})
    upsert = make(User.__table__).values(**row, hashed_password="x" * 20)
    upsert = upsert.on_conflict_do_update(
        index_elements=["email"], index_where=~User.__table__.c.is_deleted, set_={"full_name": "taken over"}
    )
    with opened() as session:
        assert run(session, upsert.returning(User.__table__.c.id)).all() == []


MANAGED: list[dict[str, Any]] = [
    {"is_deleted": True},
    {"version": 9},
    {"id": 9},
    {"created_at": func.now()},
    {"deletion_id": None},
]


@pytest.mark.parametrize("assigned", MANAGED, ids=[", ".join(names) for names in MANAGED])
@pytest.mark.parametrize("entity", [Tender, Mine, TENDERS], ids=["class", "alias", "table"])
def test_managed_columns_are_written_by_nobody_else(opened: Open, entity: Any, assigned: dict[str, Any]) -> None:
    with opened() as session, pytest.raises(ArgumentError, match="can't be written by a statement"):
        run(session, update(entity).values(assigned))


@pytest.mark.parametrize("statement", [delete(Tender), delete(Mine), delete(TENDERS), delete(Foreign)])
def test_rows_are_not_removed(opened: Open, statement: Any) -> None:
    with opened() as session, pytest.raises(HardDeletionError):
        run(session, statement)


def test_an_outer_join_keeps_the_row_of_a_deleted_one(opened: Open) -> None:
    with opened() as session:
        rows = run(session, select(Tender.title, Crate.label).outerjoin(Crate, Crate.label == "gone"))
        assert {tuple(row) for row in rows} == {(title, None) for title in LIVE}


def test_rows_are_locked_beneath(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite locks the file")
    free = select(Tender.title).with_for_update(skip_locked=True)
    with database.get_session(organization_id=1) as one, database.get_session(organization_id=1) as other:
        locked = select(Tender.title).where(Tender.title == "one of 1").with_for_update(of=Tender)
        assert values(one, locked) == {"one of 1"}
        assert values(other, free) == {"two of 1"}


def test_an_object_is_read_again_whether_it_is_deleted_or_not_and_what_is_joined_to_it_is_live(
    database: Database, opened: Open
) -> None:
    with opened() as session:
        gone = session.scalars(including_deleted(select(Tender).where(Tender.title == "gone of 1"))).one()
        session.expire(gone)
        assert gone.title == "gone of 1"
        session.refresh(gone)
        one = session.scalars(select(Tender).where(Tender.title == "one of 1")).one()
        assert session.get(Tender, (1, gone.id)) is None  # although the session holds it
        assert session.get(Tender, (1, gone.id), execution_options={"domain_include_deleted": True}) is gone
        session.expunge_all()
        assert session.get(Tender, (1, gone.id)) is None
        for load in (joinedload, selectinload):
            loaded = session.scalars(select(Tender).options(load(Tender.analysis)).order_by(Tender.id)).all()
            assert [tender.analysis is None for tender in loaded] == [False, True]
            session.expunge_all()
            held = session.get(Tender, (1, one.id), options=[load(Tender.analysis)])
            assert held is not None
            assert held.analysis is not None
            session.expunge_all()


class _Loaded:
    """A tender of an application's own mapping, which loads all the crates that there are along with it."""


registry().map_imperatively(
    _Loaded,
    TENDERS,
    properties={
        "weight_of_crates": column_property(select(func.sum(Crate.weight_kg)).scalar_subquery()),
        "crates": relationship(
            Crate,
            primaryjoin=remote(foreign(Crate.label)) != TENDERS.c.title,
            lazy="joined",
            uselist=True,
            viewonly=True,
        ),
    },
)
Loaded: Any = _Loaded


def test_what_a_mapping_loads_along_with_an_object_is_live_and_of_its_organization(opened: Open) -> None:
    with opened() as session:
        tender_id = session.scalars(select(Tender.id).where(Tender.title == "one of 1")).one()
        loaded = session.get(Loaded, (1, tender_id))
        for again in (session.expire, session.refresh):
            assert {(crate.organization_id, crate.label) for crate in loaded.crates} == {(1, "one"), (1, "two")}
            assert loaded.weight_of_crates == 2
            again(loaded)


def test_a_session_of_the_system_sees_every_organization_and_live_rows(database: Database) -> None:
    with database.system_session(actor="test", reason="test") as system:
        titles = values(system, select(Tender.title).where(func.length(Tender.title) > 0))
        assert titles == {*LIVE, "one of 2", "two of 2"}
        for name, (statement, wanted) in READS.items():
            if wanted == LIVE and not (database.is_sqlite and name == "a lateral"):
                assert values(system, statement) == titles, name
        assert values(system, select(Tender.title).where(HAS_ANALYSIS)) == {"one of 1", "one of 2"}
        system.rollback()
        assert values(system, including_deleted(counted.select_from(Tender))) == {6}
        with system.as_organization(2) as session:
            assert values(session, select(Tender.title)) == {"one of 2", "two of 2"}
        assert values(system, counted.select_from(Tender)) == {4}
