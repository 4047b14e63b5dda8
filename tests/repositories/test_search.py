"""Search: the same answers as a plain reading of the rows on both databases, by an index, and nobody else's rows."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import select

from domain import Database, DomainError, Tender, TenderFilter, TenderRepository, TenderStatus
from domain.deployment import examine
from domain.deployment.doctor import examine_application
from domain.kit.model.searching import has_words_in, words_of
from domain.kit.schema.search_index import search_index
from domain.migrations import check
from domain.testing import Cluster, build, postgresql_database

from .plans import fill

Make = Callable[..., Any]

WORDS = [
    "Brücke",
    "BRIDGE",
    "bridges",
    "Straße",
    "STRASSE",
    "Ærø",
    "łódź",
    "Łódź",
    "ΣΊΣΥΦΟΣ",
    "σίσυφος",
    "МОСТ",  # noqa: RUF001  # Cyrillic is meant
    "мост",
    "İstanbul",
    "ﬁnal",
    "x²",
    "½",
    "日本",
    "a-b",
    "O'Neill",
    "50%",
    "C:\\x",
    "e.g.",
    "7:bridge",
    "&|!:*",
    "'",
    "--",
]
pieces = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(WORDS).map(str.swapcase),
    st.sampled_from(WORDS).map(lambda word: word[:3]),
    st.text(st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Z"), max_codepoint=0x2FFF), max_size=4),
)
texts = st.lists(pieces, max_size=6).map(" ".join)


@pytest.fixture(scope="module")
def rows(database: Database) -> dict[int, list[str | None]]:
    """Texts of each tender of organization 1, by its id; organization 2 has the same words, and one of its own."""
    given_texts = [" ".join(WORDS[n : n + 4]) for n in range(len(WORDS))] + ["x" * 150, "Ünïcödé " * 300]
    for organization in (1, 2):
        with database.get_session(organization_id=organization) as session:
            session.add_all(
                [
                    build(
                        Tender,
                        title=one[:400],
                        description=None if n % 3 else WORDS[-n % len(WORDS)],
                        organization_name=WORDS[n * 7 % len(WORDS)],
                        location=WORDS[n * 5 % len(WORDS)] + ("zeppelin" if organization == 2 else ""),
                    )
                    for n, one in enumerate(given_texts)
                ]
            )
    with database.get_session(organization_id=1) as session:
        tenders = TenderRepository(session).find(limit=100)
        return {t.id: [t.title, t.description, t.organization_name, t.location] for t in tenders}


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=texts)
def test_a_search_finds_what_a_plain_reading_finds(
    database: Database, rows: dict[int, list[str | None]], wanted: str
) -> None:
    words = words_of(wanted)
    expected = {row for row, parts in rows.items() if has_words_in(" ".join(words), *parts)}
    with database.get_session(organization_id=1) as session:
        assert {tender.id for tender in TenderRepository(session).search(wanted[:1000], limit=100)} == expected


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=texts)
def test_both_databases_see_the_same_words(domain_cluster: Cluster, folding: Any, content: str) -> None:
    assert set(folding(content)) == {f"1:{word}" for word in words_of(content)}
    assert words_of(" ".join(words_of(content))) == words_of(content)


@pytest.fixture(scope="module")
def folding(domain_cluster: Cluster) -> Iterator[Callable[[str], list[str]]]:
    with postgresql_database(domain_cluster) as made, made.engine.connect() as connection:

        def fold(content: str) -> list[str]:
            found: list[str] = connection.exec_driver_sql("SELECT search_words_tenders(1, %s)", (content,)).scalar_one()
            return found

        yield fold


@pytest.mark.parametrize(
    ("wanted", "title"),
    [
        ("cafe creme", "Crème au CAFÉ"),
        ("strasse", "Große STRAẞE"),
        ("σισυφος", "ΣΊΣΥΦΟΣ"),
        ("istan", "İSTANBUL"),
        ("arhus", "Århus"),
        ("x" * 120, "x" * 110),
    ],
)
def test_case_and_accents_do_not_matter(domain_db: Database, make: Make, wanted: str, title: str) -> None:
    row = make(Tender, title=title)
    make(Tender, title="Other")
    with domain_db.get_session(organization_id=1) as session:
        assert [tender.id for tender in TenderRepository(session).search(wanted)] == [row.id]


def test_a_search_combines_with_filters_and_order(domain_db: Database, make: Make) -> None:
    late = make(Tender, title="Bridge B", deadline="2027-02-01T00:00:00Z")
    soon = make(Tender, title="Bridge A", deadline="2027-01-01T00:00:00Z")
    make(Tender, title="Bridge", status=TenderStatus.ERROR)
    make(Tender, title="Tunnel")
    wanted = TenderFilter(status=[TenderStatus.PENDING], text="brid")
    with domain_db.get_session(organization_id=1) as session:
        page = TenderRepository(session).page(wanted, order_by="deadline", with_total=True)
        assert [tender.id for tender in page.items] == [soon.id, late.id]
        assert page.total == 2


def test_a_row_is_found_by_its_new_words_and_no_longer_by_the_old(domain_db: Database, make: Make) -> None:
    row = make(Tender, title="Bridge")
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.update(row.id, title="Tunnel")
        assert tenders.search("bridge") == []
        assert [tender.id for tender in tenders.search("tunnel")] == [row.id]


def test_a_text_longer_than_an_index_takes_is_stored_and_found(domain_db: Database, make: Make) -> None:
    words = " ".join(f"{n:x}é" for n in range(200_000))
    row = make(Tender, title="Long", description=f"{'y' * 5000} {words}")
    with domain_db.get_session(organization_id=1) as session:
        found = TenderRepository(session).search("yyy long 1ff")
        assert [tender.id for tender in found] == [row.id]
        assert TenderRepository(session).search("2ffffe") == []  # past what counts


def test_a_session_of_the_system_finds_every_organizations(domain_db: Database, make: Make) -> None:
    ids = {make(Tender, organization_id=organization, title="Bridge").id for organization in (1, 2)}
    wanted = select(Tender.id).where(*TenderFilter(text="bridge").conditions())
    with domain_db.system_session(actor="tests", reason="search") as session:
        assert set(session.exec(wanted)) == ids


def ids_by_hand(database: Database, words: str, organization: str | None) -> list[int]:
    """What the application's login gets where it calls the functions itself."""
    with database.engine.connect() as connection:
        if organization is not None:
            connection.exec_driver_sql("SELECT set_config('app.organization_id', %s, true)", (organization,))
        found: list[int] = []
        for function in ("search_tenders", "search_own_tenders"):
            found += connection.execute(text(f"SELECT {function}(:words)"), {"words": words}).scalars()
        return found


def test_the_functions_answer_for_the_setting_alone(database: Database, rows: dict[int, list[str | None]]) -> None:
    if database.is_sqlite:
        with database.get_session(organization_id=1) as session:
            assert TenderRepository(session).search("zeppelin") == []
        return
    with database.get_session(organization_id=2) as session:
        other = TenderRepository(session).search("bridge")[0]
    assert other.id in ids_by_hand(database, "bridge", "2")
    for words in ("zeppelin", f"2:{other.title}", "x' | '2:bridge", "x':* | '2:bridge", "\\", "", "'", "!x"):
        assert set(ids_by_hand(database, words, "1")) <= rows.keys(), words
    for setting in (None, ""):
        assert ids_by_hand(database, "bridge", setting) == []
    for setting in ("1 or true", "1:bridge"):
        with pytest.raises(DomainError):
            ids_by_hand(database, "bridge", setting)


def test_a_session_takes_no_text_that_changes_the_setting(database: Database) -> None:
    with database.get_session(organization_id=1) as session, pytest.raises(DomainError, match="a TextClause"):
        session.execute(  # pyright: ignore[reportDeprecated]  # what an application would write
            text("SELECT set_config('app.organization_id', '2', true)")
        )


def test_a_login_without_the_table_may_not_search_it(domain_cluster: Cluster) -> None:
    with postgresql_database(domain_cluster) as made:
        with made.migration_engine.begin() as connection:
            connection.exec_driver_sql("REVOKE SELECT ON tenders FROM PUBLIC, domain_test_application")
        with pytest.raises(DomainError, match="permission denied for table tenders"):
            ids_by_hand(made, "bridge", "1")


def inner_plan(database: Database) -> str:
    """The plan of the query within the function, made for the owner under the function's settings."""
    with database.migration_engine.connect() as connection:
        body: str = connection.exec_driver_sql(
            "SELECT prosrc FROM pg_proc WHERE proname = 'search_own_tenders'"
        ).scalar_one()
        query = body.rpartition("RETURN QUERY ")[2].partition(";")[0]
        query = query.replace("= organization ", "= 1 ").replace("wanted", "'''1:bridge'':* & ''1:rare'':*'::tsquery")
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return "\n".join(connection.exec_driver_sql(f"EXPLAIN {query}").scalars())


def test_a_search_reads_the_index_under_row_level_security(domain_cluster: Cluster) -> None:
    with postgresql_database(domain_cluster) as made:
        fill(made)
        assert f"Bitmap Index Scan on {search_index('tenders')}" in inner_plan(made)
        with made.engine.connect() as connection:
            connection.exec_driver_sql("SELECT set_config('app.organization_id', '1', true)")
            explained = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT search_tenders('bridge rare')"
            connection.exec_driver_sql(explained)
            plan = connection.exec_driver_sql(explained).scalar_one()[0]["Plan"]
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 100
        index = search_index("tenders")
        with made.migration_engine.begin() as connection:  # as a dump is restored
            again = connection.exec_driver_sql(f"SELECT pg_get_indexdef('{index}'::regclass)").scalar_one()
            connection.exec_driver_sql(f"DROP INDEX {index}; {again}; ANALYZE tenders")
        assert f"Bitmap Index Scan on {index}" in inner_plan(made)
        with made.migration_engine.begin() as connection:
            connection.exec_driver_sql("DROP POLICY owner_access ON tenders")
        assert index not in inner_plan(made)


@pytest.mark.parametrize(
    "broken",
    [
        "DROP INDEX ix_tenders_search",
        "DROP FUNCTION search_tenders",
        "ALTER FUNCTION search_own_tenders SECURITY INVOKER",
        "ALTER FUNCTION search_own_tenders RESET search_path",
        "ALTER FUNCTION search_tenders SECURITY DEFINER",
        "CREATE OR REPLACE FUNCTION search_own_tenders(words text) RETURNS SETOF bigint LANGUAGE sql SECURITY DEFINER"
        " AS 'SELECT id FROM tenders'",
    ],
)
def test_a_search_that_was_altered_is_noticed(domain_cluster: Cluster, broken: str) -> None:
    with postgresql_database(domain_cluster) as made:
        with made.migration_engine.begin() as connection:
            connection.exec_driver_sql(broken)
        assert "the search of tenders is not what the models say" in check(made.migration_engine)
        said = [finding for finding in map(str, examine(made)) if "the search of tenders is not its model's" in finding]
        assert len(said) == 1


def test_the_doctor_says_that_one_login_searches_without_the_index(domain_cluster: Cluster) -> None:
    with postgresql_database(domain_cluster) as made:
        with made.migration_engine.connect() as owner:
            said = [str(finding) for finding in examine_application(owner)]
        assert any("owns" in one and "no index serves a search" in one for one in said)
        with made.engine.connect() as application:
            said = [str(finding) for finding in examine_application(application)]
        assert not any("search" in one for one in said)
