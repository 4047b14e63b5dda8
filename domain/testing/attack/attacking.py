"""``attack``: the whole kit over one database."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from ...database import Database
from ...kit.model import DomainModel
from .call import Call
from .discovery import Kind, repositories
from .handwritten import read_calls, write_calls
from .layers import Layer, switched_off
from .methods import Untried, method_calls
from .objects import object_calls
from .raw import raw_calls
from .report import Leak, Report
from .running import Attempts
from .structure import faults
from .trail import trail_calls
from .transactions import transaction_calls
from .world import World


def attack(
    database: Database,
    *,
    models: Collection[type[DomainModel]] | None = None,
    methods: Collection[str] | None = None,
    without: Collection[Layer] = (),
    arguments: Mapping[str, object] | None = None,
    as_organization: bool = False,
) -> Report:
    """Attack every tenant model and every public method of its repositories, as another organization.

    For databases of tests: two organizations are added, each attempt is undone, and in the end all rows are as
    they were. ``models``: these alone, and what they refer to; ``methods`` (by name): these alone. ``without``: with
    these layers switched off, what the others have to stop. ``arguments``: values for parameters of your own methods
    that no value is known for, by the parameter's name. ``as_organization``: from sessions that a
    system session lends, by the system's login.

    Raises:
        ConfigurationError: the owner's login (``migration_database_url``) can't see every row.
    """
    world = World(database, models)
    report = Report()
    engine = "sqlite" if database.is_sqlite else "postgresql"
    left = set(Layer) - set(without)
    kinds = repositories(world.models)
    for model, fault in faults(database, world.models, kinds, left):
        report.leaks.append(Leak(engine, model, "structure", fault))
    calls: list[Call] = []
    for planned in _planned(world, kinds, arguments or {}):
        if isinstance(planned, Untried):
            what = f"can't be called: give arguments={{{planned.parameter!r}: ...}}"
            report.leaks.append(Leak(engine, planned.method, "untried", what))
        elif (
            planned.stopped_by & left
            and (methods is None or planned.method.rpartition(".")[2] in methods)
            and (planned.is_bound or not as_organization)  # what a system session lends is bound
        ):
            calls.append(planned)
    with switched_off(database, without):
        try:
            attempts = Attempts(world, with_predicates=Layer.PREDICATES in left, as_organization=as_organization)
            _attempt(world, calls, report, engine, attempts)
        finally:
            world.snapshots.restore(world.initial)
    return report


def _attempt(world: World, calls: list[Call], report: Report, engine: str, attempts: Attempts) -> None:
    world.plant(world.attacker)
    world.plant_organization(world.victim)
    attempts.start()
    expected = [attempts.answer(call) for call in calls]
    world.plant(world.victim)
    attempts.start()
    for call, answer in zip(calls, expected, strict=True):
        report.cells[engine, call.method, call.attack] += 1
        for what in attempts.leaks(call, answer):
            report.leaks.append(Leak(engine, call.method, call.attack, what))


def _planned(world: World, kinds: Collection[Kind], arguments: Mapping[str, object]) -> Iterator[Call | Untried]:
    yield from chain.from_iterable(method_calls(world, kind, arguments) for kind in kinds)
    for model in world.models:
        yield from read_calls(world, model)
        yield from write_calls(world, model)
        yield from object_calls(world, model)
        yield from raw_calls(world, model)
        yield from transaction_calls(world, model)
    yield from trail_calls(world)
