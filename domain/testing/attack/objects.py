"""Objects of another organization, brought into a session; and own ones, turned towards another."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy.orm import make_transient
from sqlalchemy.orm.attributes import set_attribute

from ...kit.model.tables import ORGANIZATION_ID
from .call import Act, Call
from .discovery import Model
from .world import World


def object_calls(world: World, model: Model) -> Iterator[Call]:
    """Attempts with the victim's row as an object, and with an own row that is given the victim's ids."""
    victim, own = world.victim.row(model), world.attacker.row(model)
    detached = victim.detached

    def transient() -> Any:
        made = detached()
        make_transient(made)
        return made

    acts: dict[str, tuple[Callable[[Any, Any], object], Callable[[], Any]]] = {
        "add": (lambda s, e: s.add(e), transient),
        "add detached": (_changed, detached),
        "add_all": (lambda s, e: s.add_all([e]), transient),
        "merge": (lambda s, e: s.merge(e), transient),
        "merge unloaded": (lambda s, e: s.merge(e, load=False), detached),
        "delete": (lambda s, e: s.delete(e), detached),
        "refresh": (_refreshed, detached),
        "bulk_save_objects": (lambda s, e: s.bulk_save_objects([e]), transient),
    }
    for name, (act, make) in acts.items():
        method = f"{model.__name__}: session.{name}"
        yield Call(method, "foreign object", _flushing(act, make), [make()], brings_objects=True)
    for column, value in {ORGANIZATION_ID: world.victim.organization_id, **world.victim.parents(model)}.items():
        is_owner = column == ORGANIZATION_ID
        method = f"{model.__name__}: session {'give away' if is_owner else f'assign {column}'}"
        attack = "foreign owner" if is_owner else "foreign reference"
        yield Call(method, attack, _turning(model, own.key, column, value), [value])


def _flushing(act: Callable[[Any, Any], object], make: Callable[[], Any]) -> Act:
    def run(session: Any) -> object:
        result = act(session, make())
        session.flush()
        return result

    return run


def _turning(model: Model, key: object, column: str, value: object) -> Act:
    def run(session: Any) -> None:
        row = session.get(model, key)
        assert row is not None
        set_attribute(row, column, value)
        session.flush()

    return run


def _changed(session: Any, entity: Any) -> None:
    session.add(entity)
    set_attribute(entity, "version", entity.version + 1)  # the constructor and an assignment would refuse it


def _refreshed(session: Any, entity: Any) -> object:
    session.add(entity)
    session.refresh(entity)
    return entity
