"""``organization_id`` taken out of one statement of the repositories, each in turn: the attack finds every one."""

import ast
import inspect
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, cast

import pytest
from sqlalchemy import Executable, bindparam, true
from sqlmodel import col, select

import domain
from domain import CostRepository, Database, Organization, Tender
from domain.costs import repository as costs
from domain.kit.repository import deleting, ledger, references, restoring, statements, upsert
from domain.kit.repository.listing import Listing
from domain.kit.repository.order import NEWEST
from domain.kit.repository.statements import ORGANIZATION, Statements
from domain.organizations import repository as organization
from tests.attack.crates import MODELS, Crate
from tests.attack.layers import Layer, attack_without, of_anyone, rebuilt_statements
from tests.attack.scoped import recorded

pytestmark = pytest.mark.slow

PACKAGE = Path(*domain.__path__)
SUBJECTS = [model.parent for model in PACKAGE.glob("*/model.py")]
FILES = sorted(file for folder in (PACKAGE / "kit/repository", *SUBJECTS) for file in folder.glob("*.py"))
READS = {"get", "require", "find", "count", "exists", "page", "stream", "list_by_organization", "list_active"}
ANYONE = bindparam(ORGANIZATION) == bindparam(ORGANIZATION)  # sent, and true


@dataclass(frozen=True)
class Place:
    """Where a predicate stands in the source."""

    file: str
    function: str
    line: int
    column: int
    name: str = ""

    def is_called_from(self, frame: FrameType) -> bool:
        """Whether the frame is at this very expression."""
        positions = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
        found = (frame.f_code.co_filename, positions[0], positions[2])
        return found == (str(PACKAGE / self.file), self.line, self.column)


def _caller() -> FrameType:
    """What called the function that calls this one."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    assert frame.f_back.f_back is not None
    return frame.f_back.f_back


def _places(wanted: Callable[[ast.AST], bool]) -> Iterator[Place]:
    for file in FILES:
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Attribute | ast.Call) and wanted(node):
                        name = getattr(node, "attr", "")
                        yield Place(str(file.relative_to(PACKAGE)), function.name, node.lineno, node.col_offset, name)


def _is_scope(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) in {
        "self._scope.sql.organization",
        "scope.sql.organization",
        "sql.organization",
        "sql.table_organization",
    }


def _is_owned(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {"of_organization", "_of_organization"}


OURS = [model for model in MODELS if model is not Crate]
SCOPES = [place for place in _places(_is_scope) if place.function != "__init__"]
# These look at rows that were found to be the organization's own; an attack does not get so far.
OWN_ROWS = {"_named", "update_rows", "reload_rows", "_refuse_restricted", "delete_where", "_models_of"}
# And these are looked at below.
APART = {"__init__", "_of_organization", "upsert_statement", "lock_references", "costs", "committed"}
OWNED = [place for place in _places(_is_owned) if place.function not in OWN_ROWS | APART]
LISTING = Listing(Tender, Statements(Tender, scoped=True), None, NEWEST, None, include_deleted=False)
BUILT = [*(name for name, value in vars(LISTING).items() if isinstance(value, Executable)), "parts"]


def _named(places: list[Place]) -> list[str]:
    return [f"{place.file}:{place.function}:{place.column}" for place in places]


def _leaks(database: Database, methods: set[str]) -> list[str]:
    with recorded() as unscoped:
        report = attack_without(database, {Layer.GUARD, Layer.POLICIES}, models=OURS, methods=methods)
    assert report.tried
    return [*map(str, report.leaks), *unscoped]


def _methods(function: str) -> set[str]:
    known = {
        "_stored": {"upsert_many"},
        "set_status": {"update_status"},
        "_claiming": {"claim"},
        "_renewing": {"renew"},
        "_live": {"soft_delete", "preview_delete"},
        "_marking": {"soft_delete"},
        "history": {"history"},
        "restore_batch": {"restore"},
        "_locks": {"restore"},
        "_restored": {"restore"},
        "_page": {"page"},
    }
    return known.get(function, {function})


def test_the_predicates_are_where_they_are_looked_for() -> None:
    assert len(SCOPES) >= 7
    assert len(OWNED) >= 5
    assert {"one", "count", "total", "exists", "parts"} <= set(BUILT)


def test_without_a_mutation_nothing_is_red(domain_sqlite: Database) -> None:
    methods = {*READS, *(name for place in (*SCOPES, *OWNED) for name in _methods(place.function))}
    assert _leaks(domain_sqlite, methods) == []


@pytest.mark.parametrize("place", SCOPES, ids=_named(SCOPES))
def test_a_statement_without_its_scope_is_found(
    domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    def read(self: Any) -> Any:
        return ANYONE if place.is_called_from(_caller()) else cast(Any, vars(self))[place.name]

    def write(self: Any, value: Any) -> None:
        vars(self)[place.name] = value

    with rebuilt_statements():
        monkeypatch.setattr(Statements, place.name, property(read, write), raising=False)
        assert _leaks(domain_sqlite, _methods(place.function))


@pytest.mark.parametrize("place", OWNED, ids=_named(OWNED))
def test_a_deletion_without_its_organization_is_found(
    domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    built, given = vars(deleting)["_of_organization"], vars(restoring)["of_organization"]

    def once(model: Any) -> Any:
        return ANYONE if place.is_called_from(_caller()) else built(model)

    def each_time(table: Any, organization: int | None) -> Any:
        return true() if place.is_called_from(_caller()) else given(table, organization)

    with rebuilt_statements():
        monkeypatch.setattr(deleting, "_of_organization", once)
        for module in (restoring, ledger):
            monkeypatch.setattr(module, "of_organization", each_time)
        assert _leaks(domain_sqlite, _methods(place.function))


@contextmanager
def _listings_of_anyone(monkeypatch: pytest.MonkeyPatch, name: str) -> Generator[None]:
    init: Any = vars(Listing)["__init__"]

    def without_predicate(self: Any, model: Any, sql: Statements[Any], *others: Any) -> None:
        init(self, model, sql, *others)
        if sql.is_scoped:
            loose: Any = cast(Any, object).__new__(Listing)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(statements, "of_organization", of_anyone)
                init(loose, model, Statements(model, scoped=True), *others)
            setattr(self, name, getattr(loose, name))

    with ExitStack() as stack:
        stack.enter_context(rebuilt_statements())
        monkeypatch.setattr(Listing, "__init__", without_predicate)
        yield


@pytest.mark.parametrize("name", BUILT)
def test_a_statement_built_once_without_its_organization_is_found(
    domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with _listings_of_anyone(monkeypatch, name):
        leaks = _leaks(domain_sqlite, READS)
    assert leaks


def test_listings_without_their_organization_are_found(
    domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_every(self: Any, *what: Any, of_table: bool = False) -> Any:
        build: Any = select
        return build(*what).where(ANYONE)

    with rebuilt_statements():
        monkeypatch.setattr(Statements, "every", of_every)
        leaks = _leaks(domain_sqlite, READS)
    assert {"get", "find", "count", "exists", "page", "stream"} <= {
        method for method in READS if any(f".{method}" in leak for leak in leaks)
    }


def test_an_upsert_without_its_organization_is_found(domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upsert, "of_organization", of_anyone)
    leaks = _leaks(domain_sqlite, {"put"})
    assert any("UserRepository.put, takeover: changes users" in leak for leak in leaks)


def test_sums_of_costs_without_the_organization_are_found(
    domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorded() as unscoped, domain_sqlite.get_session(organization_id=1) as session:
        sums = CostRepository(session)
        sums.costs()
        sums.committed()
        assert not unscoped
        monkeypatch.setattr(costs, "of_organization", of_anyone)
        sums.costs()
        sums.committed()
    assert len(unscoped) == 3


def test_references_that_are_locked_without_their_organization_are_found(
    domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "of_organization", of_anyone)
    assert any("select of tenders does not compare" in leak for leak in _leaks(domain_sqlite, {"add"}))


@pytest.mark.parametrize("method", ["update_usage", "reset_monthly_usage", "can_analyze"])
def test_metering_without_the_organization_is_found(
    domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    everyone = (bindparam("meter_id") == bindparam("meter_id"), ~col(Organization.is_deleted))
    monkeypatch.setattr(organization, "_this_one", everyone)
    for name in ("_meter", "_reset"):
        statement: Any = vars(organization)[name]
        loose = select(Organization).where(*everyone)
        copy = statement._generate()
        vars(copy)["_where_criteria"] = vars(loose)["_where_criteria"]
        monkeypatch.setattr(organization, name, copy)
    assert _leaks(domain_sqlite, {method})
