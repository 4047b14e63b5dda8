"""Objects of another organization, brought into a session; and own ones, turned towards another."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy.orm import make_transient
from sqlalchemy.orm.attributes import set_attribute

from ...kit.model.tables import ORGANIZATION_ID
from ...kit.session import TenantSession
from .call import ORM, Call
from .discovery import Model, references
from .layers import Layer
from .world import World

KEYED = frozenset({*ORM, Layer.KEYS})
Act = Callable[[TenantSession, Any], object]


def object_calls(world: World, model: Model) -> Iterator[Call]:
    """Attempts with the victim's row as an object, and with an own row that is given the victim's ids."""
    victim, own = world.victim.row(model), world.attacker.row(model)

    def detached() -> list[Any]:
        return [victim.detached()]

    def transient() -> list[Any]:
        made = victim.detached()
        make_transient(made)
        return [made]

    acts: dict[str, tuple[Act, Callable[[], list[Any]]]] = {
        "add": (_added, transient),
        "add detached": (_changed, detached),
        "add_all": (lambda s, e: s.add_all([e]), transient),
        "merge": (lambda s, e: _flushed(s, s.merge(e)), transient),
        "merge unloaded": (lambda s, e: _flushed(s, s.merge(e, load=False)), detached),
        "delete": (_deleted, detached),
        "refresh": (_refreshed, detached),
        "bulk_save_objects": (lambda s, e: s.bulk_save_objects([e]), transient),
    }
    for name, (act, given) in acts.items():
        yield _call(f"session.{name}", "foreign object", model, act, given, brings_objects=True)
    turns: dict[str, tuple[str, int]] = {"give away": (ORGANIZATION_ID, world.victim.organization_id)}
    for column, parent in references(model).items():
        if parent in world.victim.live:
            turns[f"assign {column}"] = (column, world.victim.live[parent].id)
    for name, (column, value) in turns.items():
        attack = "foreign owner" if column == ORGANIZATION_ID else "foreign reference"
        act = _turning(model, (world.attacker.organization_id, own.id), column)
        stopped_by = ORM if column == ORGANIZATION_ID else KEYED
        yield _call(f"session {name}", attack, model, act, _values(value), stopped_by=stopped_by)


def _values(value: object) -> Callable[[], list[Any]]:
    return lambda: [value]


def _turning(model: Model, key: tuple[int, int], column: str) -> Act:
    def act(session: TenantSession, value: Any) -> None:
        row = session.get(model, key)
        assert row is not None
        set_attribute(row, column, value)
        session.flush()

    return act


def _added(session: TenantSession, entity: Any) -> None:
    session.add(entity)
    session.flush()


def _changed(session: TenantSession, entity: Any) -> None:
    session.add(entity)
    set_attribute(entity, "version", entity.version + 1)  # the constructor and an assignment would refuse it
    session.flush()


def _refreshed(session: TenantSession, entity: Any) -> object:
    session.add(entity)
    session.refresh(entity)
    return entity


def _deleted(session: TenantSession, entity: Any) -> None:
    session.delete(entity)
    session.flush()


def _flushed(session: TenantSession, result: object) -> object:
    session.flush()
    return result


def _call(
    name: str,
    attack: str,
    model: Model,
    act: Act,
    given: Callable[[], list[Any]],
    *,
    stopped_by: frozenset[Layer] = ORM,
    brings_objects: bool = False,
) -> Call:
    return Call(
        f"{model.__name__}: {name}",
        attack,
        lambda session, values: act(session, values[0]),
        given,
        stopped_by=stopped_by,
        brings_objects=brings_objects,
    )
