"""Who went across organizations, and what was purged, is no tenant session's to read, forge or rewrite."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import column, exists, func, insert, literal, table, update
from sqlalchemy import select as select_from
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from domain import ArgumentError, Database, DomainError, Repository, TenantSession, Tender
from domain.kit.records import PurgeRecord, SystemAccess
from domain.testing import build

MODELS: list[type[Any]] = [SystemAccess, PurgeRecord]
Use = Callable[[Any, type[Any]], object]
ACTOR = {"actor": "nobody", "reason": "nothing"}


class _Records(Repository[Any]):
    def __init__(self, session: Any, model: type[Any]) -> None:
        self.model = model
        super().__init__(session)


def _attached(session: Any, model: type[Any]) -> None:
    session.add(build(model))
    session.flush()


def _merged(session: Any, model: type[Any]) -> None:
    session.merge(build(model))
    session.flush()


USES: dict[str, Use] = {
    "select": lambda session, model: session.execute(select(model)).all(),
    "select a column": lambda session, model: session.execute(select(model.actor)).all(),
    "select an expression": lambda session, model: session.execute(select(func.lower(model.actor + "!"))).all(),
    "select an alias": lambda session, model: session.execute(select(aliased(model).actor)).all(),
    "select of the table": lambda session, model: session.execute(select(model.__table__)).all(),
    "a table by name": lambda session, model: session.execute(
        select_from(table(model.__tablename__.upper(), column("actor")))
    ).all(),
    "a condition": lambda session, model: session.execute(select(Tender).where(exists().where(model.id > 0))).all(),
    "a subquery": lambda session, model: session.execute(
        select(literal(1)).where(select(func.count(model.id)).scalar_subquery() > 0)
    ).all(),
    "a join": lambda session, model: session.execute(select(col(Tender.id)).join(model, col(model.id) > 0)).all(),
    "an order": lambda session, model: session.execute(
        select(col(Tender.id)).order_by(select(func.max(model.id)).scalar_subquery())
    ).all(),
    "a CTE": lambda session, model: session.execute(select_from(select(model.actor).cte())).all(),
    "get": lambda session, model: session.get(model, 1),
    "insert": lambda session, model: session.execute(insert(model).values(ACTOR)),
    "insert rows": lambda session, model: session.execute(insert(model), [ACTOR]),
    "update": lambda session, model: session.execute(update(model).values(ACTOR)),
    "an update that reads": lambda session, model: session.execute(
        update(Tender).values(title=select(func.max(model.actor)).scalar_subquery())
    ),
    "add": _attached,
    "merge": _merged,
    "repository": lambda session, model: _Records(session, model).count(),
}


@pytest.mark.parametrize("organization_id", [None, 1], ids=["unbound", "bound"])
def test_a_tenant_session_refuses_them_and_says_where_they_are(
    domain_sqlite: Database, organization_id: int | None
) -> None:
    for name, use in USES.items():
        for model in MODELS:
            with domain_sqlite.get_session(organization_id=organization_id) as session:
                with pytest.raises(DomainError) as refused:
                    use(session, model)
                session.rollback()
            named = "db.system_session" in str(refused.value) or "organization" in str(refused.value)
            assert named, name
    with domain_sqlite.system_session(actor="tests", reason="a look") as system:
        assert [access.actor for access in system.exec(select(SystemAccess))] == ["tests"]
        assert system.exec(select(PurgeRecord)).all() == []


def test_a_session_that_a_system_session_lends_refuses_them_too(domain_db: Database) -> None:
    with domain_db.system_session(actor="tests", reason="lent") as system:
        with system.as_organization(1) as session, pytest.raises(ArgumentError):
            session.get(SystemAccess, 1)
        found = system.get(SystemAccess, 1)
        assert found is not None
        assert found.actor == "tests"


def test_what_is_the_organization_s_is_not_meant(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        _both(session)


def _both(session: TenantSession) -> None:
    assert session.exec(select(Tender)).all() == []
    assert session.get(Tender, (1, 1)) is None
