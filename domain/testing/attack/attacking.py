"""``attack``: the whole kit over one database."""

from collections.abc import Collection, Iterator, Mapping

from ...database import Database
from ...kit.model import DomainModel
from .call import Call
from .discovery import Kind, repositories
from .handwritten import raw_calls, read_calls, write_calls
from .methods import Untried, method_calls
from .objects import object_calls
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
    arguments: Mapping[str, object] | None = None,
    as_organization: bool = False,
) -> Report:
    """Attack every tenant model and every public method of its repositories, as another organization.

    For databases of tests: two organizations are added, each attempt is undone, and in the end all rows are as
    they were. ``models``: these alone, and what they refer to; ``methods`` (by name): these alone. ``arguments``:
    values for parameters of your own methods that no value is known for, by the parameter's name. ``as_organization``:
    from sessions that a system session lends, by the system's login.

    Raises:
        ConfigurationError: the owner's login (``migration_database_url``) can't see every row.
    """
    world = World(database, models)
    report = Report()
    kinds = repositories(world.models)
    for model, fault in faults(database, world.models, kinds):
        report.leaks.append(Leak(model, "structure", fault))
    calls: list[Call] = []
    for planned in _planned(world, kinds, arguments or {}):
        if isinstance(planned, Untried):
            what = f"can't be called: give arguments={{{planned.parameter!r}: ...}}"
            report.leaks.append(Leak(planned.method, "untried", what))
        elif (methods is None or planned.method.rpartition(".")[2] in methods) and (
            planned.is_bound or not as_organization  # what a system session lends is bound
        ):
            calls.append(planned)
    for call, leaks in Attempts(world, as_organization=as_organization).make(calls):
        report.cells[call.method, call.attack] += 1
        report.leaks += [Leak(call.method, call.attack, what) for what in leaks]
    return report


def _planned(world: World, kinds: Collection[Kind], arguments: Mapping[str, object]) -> Iterator[Call | Untried]:
    for kind in kinds:
        yield from method_calls(world, kind, arguments)
    for model in world.models:
        for calls in (read_calls, write_calls, object_calls, raw_calls, transaction_calls):
            yield from calls(world, model)
    yield from trail_calls(world)
