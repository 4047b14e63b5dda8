"""Nothing of another organization comes through, with all layers and with each one off alone."""

from typing import Any

import pytest
from sqlalchemy import Computed, text
from sqlmodel import Field, select

import domain.models
from domain import AnalysisResult, Database, Organization, TenantEntity, TenantRepository, Tender, Text, User, example
from domain.testing import attack
from domain.testing.attack import Report
from domain.testing.attack.discovery import public_methods, repositories
from domain.testing.fixtures import ENGINES
from tests.attack.crates import MODELS, Crate
from tests.attack.layers import Layer, attack_without
from tests.attack.matrix import matrix, summary
from tests.attack.scoped import recorded

pytestmark = pytest.mark.slow

RUNS = [(engine, off) for engine in ENGINES for off in (None, *Layer)]


@pytest.mark.parametrize(("engine", "off"), RUNS, ids=[f"{engine}-without {off}" for engine, off in RUNS])
def test_nothing_leaks(request: pytest.FixtureRequest, engine: str, off: Layer | None) -> None:
    database: Database = request.getfixturevalue(f"domain_{engine}")
    before = _rows(database)
    with recorded() as unscoped:
        report = attack_without(database, set() if off is None else {off}, models=MODELS)
    assert report.leaks == []
    assert unscoped == [] or off is Layer.PREDICATES
    assert report.tried > 600
    assert _rows(database) == before
    if off is None:
        _assert_all_was_tried(report)


@pytest.mark.parametrize(("engine", "off"), RUNS, ids=[f"{engine}-without {off}" for engine, off in RUNS])
def test_nothing_leaks_in_a_session_that_a_system_session_lends(
    request: pytest.FixtureRequest, engine: str, off: Layer | None
) -> None:
    database: Database = request.getfixturevalue(f"domain_{engine}")
    report = attack_without(database, set() if off is None else {off}, models=MODELS, as_organization=True)
    assert report.leaks == []
    assert report.tried > 600


def _assert_all_was_tried(report: Report) -> None:
    tried = {method for method, _ in report.cells}
    kinds = repositories(MODELS)
    assert {"CrateRepository", "TenderRepository", "OrganizationRepository"} <= {kind.__name__ for kind in kinds}
    assert {f"{kind.__name__}.{name}" for kind in kinds for name in public_methods(kind)} <= tried
    for model in MODELS:
        assert f"{model.__name__}: session.execute select join on tender_id" in tried or model in {Tender, User}
        assert f"{model.__name__}: text select" in tried


def _rows(database: Database) -> dict[str, list[Any]]:
    """What is stored of our own tables, in the order of the ids."""
    with database.migration_engine.connect() as connection:
        tables = [Organization.__table__, *(model.__table__ for model in MODELS)]
        return {table.name: list(connection.execute(select(*table.c).order_by(table.c.id)).all()) for table in tables}


def test_what_a_model_refers_to_is_attacked_with_it(domain_sqlite: Database) -> None:
    report = attack(domain_sqlite, models=[AnalysisResult], methods={"get", "add", "select"})
    assert report.leaks == []
    assert {"AnalysisRepository.get", "TenderRepository.get"} <= {method for method, _ in report.cells}


def test_the_packages_own_tables_have_nothing_that_a_user_would_have_to_mend(domain_db: Database) -> None:
    ours = [model for model in vars(domain.models).values() if isinstance(model, type) and _is_owned_table(model)]
    assert len(ours) >= 8
    assert attack(domain_db, models=ours, methods=()).leaks == []


def _is_owned_table(model: type[Any]) -> bool:
    return issubclass(model, TenantEntity) and "__table__" in vars(model)


def test_three_lines_are_enough(domain_sqlite: Database) -> None:
    assert attack(domain_sqlite, models=[Tender], methods={"get", "find", "put"}).leaks == []


def test_the_report_ends_with_the_number_of_leaks(domain_sqlite: Database) -> None:
    report = attack(domain_sqlite, models=[User], methods={"get_by_email"})
    assert any(line.startswith("UserRepository.get_by_email ") for line in matrix({"sqlite": report}))
    assert str(report) == f"{report.tried} attempts, 0 leaks"
    assert summary({"sqlite": report}) == f"{report.tried} attempts (sqlite {report.tried}), 0 leaks"


class Gauge(TenantEntity, table=True):
    """A model with a computed column."""

    __tablename__ = "test_gauges"
    name: Text = Field(max_length=60, schema_extra=example("mill"))
    size: int | None = Field(default=None, sa_column_args=[Computed("length(name)")])


class GaugeRepository(TenantRepository[Gauge]):
    model = Gauge


class Sieve(TenantEntity, table=True):
    """A model whose repository leaks on purpose."""

    __tablename__ = "test_sieves"
    note: Text = Field(max_length=60, schema_extra=example("fine"))


class SieveRepository(TenantRepository[Sieve]):
    """Goes round the session, in as many ways as there are kinds of leaks."""

    model = Sieve

    def notes(self) -> list[str]:
        """Shows another's values."""
        with self._engine().connect() as connection:
            return list(connection.scalars(text("SELECT note FROM test_sieves")))

    def how_many(self) -> int:
        """Counts another's rows."""
        return len(self.notes())

    def blame(self) -> None:
        """Names another's value in an error's cause."""
        try:
            raise KeyError(*self.notes())
        except KeyError as error:
            raise ValueError("something went wrong") from error

    def wipe(self, sieve_id: int) -> None:
        """Changes another's row."""
        with self._engine().begin() as connection:
            connection.execute(text("UPDATE test_sieves SET note = '' WHERE id = :id"), {"id": sieve_id})

    def odd(self, colour: complex) -> None:
        """Takes what nothing is known about."""

    def _engine(self) -> Any:
        self.session.rollback()
        return self.session.get_bind()


class Orphan(TenantEntity, table=True):
    """A model that nobody wrote a repository for."""

    __tablename__ = "test_orphans"


def test_each_kind_of_leak_is_found(domain_sqlite: Database) -> None:
    leaks = attack_without(domain_sqlite, {Layer.POLICIES}, models=[Sieve]).leaks
    leaks_of_the_sieve = {leak.method: leak.what for leak in reversed(leaks)}
    methods = {"notes", "how_many", "blame", "wipe", "odd"}
    assert set(leaks_of_the_sieve) == {f"SieveRepository.{method}" for method in methods}
    assert leaks_of_the_sieve["SieveRepository.notes"].startswith("shows 'zqvictim")
    assert leaks_of_the_sieve["SieveRepository.how_many"] == "answers 4, and 2 while the other organization has no data"
    assert leaks_of_the_sieve["SieveRepository.blame"].startswith("shows 'zqvictim")
    assert leaks_of_the_sieve["SieveRepository.wipe"] == "changes test_sieves of the other organization"
    assert "arguments={'colour': ...}" in leaks_of_the_sieve["SieveRepository.odd"]


def test_a_column_that_the_database_computes_is_left_to_it(domain_sqlite: Database) -> None:
    report = attack(domain_sqlite, models=[Gauge])
    assert report.leaks == []
    assert report.tried > 50


def test_a_value_for_an_unknown_parameter_is_taken_from_the_test(domain_sqlite: Database) -> None:
    report = attack(domain_sqlite, models=[Sieve], methods={"odd"}, arguments={"colour": 1j})
    assert (report.leaks, report.tried) == ([], 1)


def test_a_model_without_a_repository_is_reported(domain_sqlite: Database) -> None:
    report = attack(domain_sqlite, models=[Orphan], methods=())
    assert [(leak.method, leak.attack, leak.what.partition(":")[0]) for leak in report.leaks] == [
        ("Orphan", "structure", "no repository")
    ]


BROKEN = {
    "it is missing": "DROP POLICY organization_isolation ON test_crates",
    "it does not take effect": "ALTER TABLE test_crates NO FORCE ROW LEVEL SECURITY",
    "organization_isolation was altered": "ALTER POLICY organization_isolation ON test_crates USING (true)",
    "audit trail of test_crates": "DROP TRIGGER audit_update ON test_crates",
    "no composite primary key": "ALTER TABLE test_crates DROP CONSTRAINT pk_test_crates",
    "no composite foreign key": "ALTER TABLE test_crates DROP CONSTRAINT"
    " fk_test_crates_organization_id_tender_id_tenders",
    "no index that starts with organization_id": "ALTER TABLE test_crates DROP CONSTRAINT pk_test_crates;"
    " DROP INDEX ux_test_crates_organization_id_label, ix_test_crates_organization_id_tender_id",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_a_table_lacks_is_reported(domain_postgresql: Database, fault: str) -> None:
    assert attack(domain_postgresql, models=[Tender, Crate], methods=()).leaks == []
    with domain_postgresql.migration_engine.begin() as connection:
        connection.execute(text(BROKEN[fault]))
    report = attack(domain_postgresql, models=[Tender, Crate], methods=())
    assert [leak.method for leak in report.leaks if fault in leak.what] == ["Crate"]
