"""What else can be done with a session: statements of the ORM, by hand, over one model."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import delete, exists, func, insert, literal, select, union_all, update
from sqlalchemy.orm import Session, aliased, selectinload
from sqlmodel import col

from ...kit.model.fields import relationship_of
from ...kit.model.tables import ORGANIZATION_ID
from ...kit.session import PURGING, including_deleted
from .call import ORM, Call
from .discovery import Model, references
from .world import World, natural_key

Act = Callable[[Any], object]  # of a session


def read_calls(world: World, model: Model) -> Iterator[Call]:
    """Selects, with and without the victim's id."""
    row, gone, organization = world.victim.row(model), world.victim.gone(model), world.victim.organization_id
    other = aliased(model)
    part = select(model.id, model.organization_id).subquery()
    selects: dict[str, Any] = {
        "select": select(model),
        "select by id": select(model).where(col(model.id).in_([row.id, gone.id])),
        "select by organization": select(model).where(col(model.organization_id) == organization),
        "select with deleted rows": including_deleted(select(model)),
        "select a deleted row by id": including_deleted(select(model).where(col(model.id) == gone.id)),
        "select columns": select(*model.__mapper__.column_attrs.values()[:3]),
        "select count": select(func.count()).select_from(model),
        "select max": select(func.max(model.id)),
        "select alias": select(other),
        "select from subquery": select(*part.c),
        "select scalar subquery": select(select(func.count(col(model.id))).scalar_subquery()),
        "select exists": select(exists(select(model.id).where(col(model.organization_id) == organization))),
        "select cte": select(*select(model.id).cte().c),
        "select union": union_all(select(model.id), select(other.id)),
        "select self-join": select(other.id).join(model, col(other.id) != col(model.id)),
    }
    for name, parent in references(model).items():
        selects[f"select join on {name}"] = select(model.id, parent.id).join(parent, literal(value=True))
        outer = select(model.id, parent.id).outerjoin(parent, col(parent.id) != 0)
        selects[f"select outer join on {name}"] = outer
    for name in [relationship.key for relationship in model.__mapper__.relationships]:
        selects[f"select with {name}"] = select(model).options(selectinload(relationship_of(model, name)))
    for name, statement in selects.items():
        yield _orm(f"session.execute {name}", "ORM select", model, _executing(statement), row.id, gone.id, organization)
    key = (organization, row.id)
    yield _orm("session.get", "foreign id", model, lambda s: s.get(model, key), *key)
    yield _orm("session.get_one", "foreign id", model, lambda s: s.get_one(model, key), *key)
    yield _orm("session.query", "ORM select", model, lambda s: Session.query(s, model).all())
    yield _orm("session.query.count", "ORM select", model, lambda s: Session.query(s, model).count())
    yield _orm("session.execute select", "unbound session", model, _executing(selects["select"]), is_bound=False)


def write_calls(world: World, model: Model) -> Iterator[Call]:
    """Updates, deletes and inserts."""
    row, organization = world.victim.row(model), world.victim.organization_id
    by_id = col(model.id) == row.id
    moved = {ORGANIZATION_ID: world.attacker.organization_id}
    own = world.attacker.row(model)
    given = (row.id, organization)
    plain = {key: value for key, value in own.fields.items() if key not in {"id", *natural_key(model)}}
    ordinary = (item for item in plain.items() if item[0] not in {ORGANIZATION_ID, *references(model)})
    changed: dict[Any, Any] = dict([next(ordinary, ("version", 7))])
    statements: dict[str, Any] = {
        "update": update(model).values(**changed),
        "update by id": update(model).where(by_id).values(**changed),
        "update organization": update(model).where(by_id).values(**moved),
        "give away": update(model).where(col(model.id) == own.id).values(**{ORGANIZATION_ID: organization}),
        "delete by id": delete(model).where(by_id),
        "purge by id": delete(model).where(by_id).execution_options(**{PURGING: True}),
        "insert for another": insert(model).values(**{**plain, ORGANIZATION_ID: organization}),
    }
    for name, statement in statements.items():
        yield _orm(f"session.execute {name}", "ORM write", model, _executing(statement, fetch=False), *given)
    yield _orm("session.query.update", "ORM write", model, lambda s: Session.query(s, model).update(changed))
    mapping = {"id": row.id, ORGANIZATION_ID: organization, "version": 1}
    bulk: dict[str, list[dict[str, object]]] = {
        "bulk_insert_mappings": [{**plain, ORGANIZATION_ID: organization}],
        "bulk_update_mappings": [{**mapping, "is_deleted": True}],
    }
    for name, rows in bulk.items():
        act = _bulk(name, model, rows)
        yield _orm(f"session.{name}", "ORM write", model, act, *given)


def _bulk(name: str, model: Model, rows: list[dict[str, object]]) -> Act:
    return lambda session: getattr(session, name)(model, rows)


def _executing(statement: Any, *, fetch: bool = True) -> Act:
    def act(session: Any) -> object:
        result = session.execute(statement)
        return result.all() if fetch else None

    return act


def _orm(name: str, attack: str, model: Model, act: Act, *given: object, is_bound: bool = True) -> Call:
    return Call(
        f"{model.__name__}: {name}",
        attack,
        lambda session, _given: act(session),
        lambda: list(given),
        stopped_by=ORM,
        is_bound=is_bound,
    )
