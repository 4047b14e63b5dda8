"""``make bench``: everything is checked, timed in turns, printed, and written to ``benchmarks/results``."""

import argparse
import sys
import time
from contextlib import ExitStack

from .checking import check
from .contenders import CONTENDERS, Contender
from .filling import fill
from .machine import machine
from .operations import FLOOR, OPERATIONS
from .plot import plot
from .report import FOLDER, table, write
from .rounds import Measured, measure
from .server import Server, running
from .stage import Stage
from .verdict import misses


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="of 40 calls")
    parser.add_argument("--bulk-rounds", type=int, default=7, help="of one call for 10,000 rows")
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="NAME", help="operations or contenders, by a part of the name"
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds: a first look, written nowhere")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    rounds, bulk_rounds = (5, 2) if given.quick else (given.rounds, given.bulk_rounds)
    organizations, bulk = (40, 1000) if given.quick else (200, 10_000)
    operations = [o for o in OPERATIONS if _wanted(o.title, given.only, [o.title for o in OPERATIONS])]
    kinds = [k for k in CONTENDERS if k.name == FLOOR or _wanted(k.name, given.only, [k.name for k in CONTENDERS])]
    with running() as server, ExitStack() as closing:
        stages = set_up(server, kinds, closing, organizations=organizations, bulk=bulk)
        for stage in stages:
            started = time.monotonic()
            check(stage)
            print(
                f"{stage.contender.name} answers correctly ({time.monotonic() - started:.0f} s)",
                file=sys.stderr,
                flush=True,
            )
        measured: list[Measured] = []
        for operation in operations:
            taking = [s for s in stages if operation.is_bulk or not s.contender.bulk_only]
            measured.append(measure(operation, taking, bulk_rounds if operation.is_bulk else rounds))
            print(table(measured[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
        about = machine(stages[0].admin)
    missed = list(misses(measured))
    print(table(measured), *missed, sep="\n")
    if not given.only and not given.quick:
        write(measured, about, missed, rounds)
        plot(measured)
        print(f"Written to {FOLDER}", file=sys.stderr)
    return 1 if missed else 0


def set_up(
    server: Server, kinds: list[type[Contender]], closing: ExitStack, *, organizations: int, bulk: int
) -> list[Stage]:
    """Databases with the same rows: with an audit trail; without one; and without row level security either."""
    audited = server.create()
    admin = server.admin(audited)
    fill(admin.cursor(), organizations=organizations, tenders=1000)
    admin.close()
    isolated, bare = (server.copy(audited, isolated=isolated) for isolated in (True, False))
    sizes = {"organizations": organizations, "bulk": bulk}
    stages = [
        Stage(server, audited if kind.audited else isolated if kind.isolated else bare, kind, **sizes) for kind in kinds
    ]
    for stage in stages:
        closing.callback(stage.close)
        stage.clean()
    return stages


def _wanted(name: str, only: list[str], all_names: list[str]) -> bool:
    """Whether a part of the name is given, or none of its kind."""
    named = [other for other in all_names if any(part in other for part in only)]
    return name in named or not named


if __name__ == "__main__":
    sys.exit(main())
