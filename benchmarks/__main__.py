"""``make bench``: everything is checked, timed in turns, printed, and written to ``benchmarks/results``."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from . import over_http
from .checking import check
from .contenders import CONTENDERS
from .filling import fill
from .machine import machine
from .operations import FLOOR, OPERATIONS
from .plot import plot
from .report import FOLDER, processor, table, write
from .rounds import Measured, measure
from .server import Server, running
from .stage import Stage
from .verdict import behind, misses


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
    titles = [o.title for o in (*OPERATIONS, *over_http.OPERATIONS)]
    operations = [o for o in OPERATIONS if _wanted(o.title, given.only, titles)]
    requests = [o for o in over_http.OPERATIONS if _wanted(o.title, given.only, titles)]
    kinds = [k for k in CONTENDERS if k.name == FLOOR or _wanted(k.name, given.only, [k.name for k in CONTENDERS])]
    served = [k for k in over_http.SERVED if k.name in {kind.name for kind in kinds}]
    measured: list[Measured] = []
    measured_over_http: list[Measured] = []
    with running() as server, ExitStack() as closing:
        set_up = databases(server, closing, organizations=organizations, bulk=bulk)
        # Requests first: the calls in a process leave other rows to each contender's database.
        asked = set_up(served) if requests else []
        over_http.check(asked)
        for operation in requests:
            measured_over_http.append(measure(operation, asked, rounds))
            _say(table(measured_over_http[-1:]).splitlines()[-1])
        stages = set_up(kinds) if operations else []
        for stage in stages:
            started = time.monotonic()
            check(stage)
            _say(f"{stage.contender.name} answers correctly ({time.monotonic() - started:.0f} s)")
        for operation in operations:
            taking = [s for s in stages if operation.is_bulk or not s.contender.bulk_only]
            measured.append(measure(operation, taking, bulk_rounds if operation.is_bulk else rounds))
            _say(table(measured[-1:]).splitlines()[-1])
        about = machine((stages or asked)[0].admin)
    missed = [*misses([*measured, *measured_over_http]), *behind(measured_over_http)]
    tables = [table(measured), table(measured_over_http), processor(measured_over_http)]
    print(*tables, *missed, sep="\n")
    if not given.only and not given.quick:
        write(tables, [*measured, *measured_over_http], about, missed, rounds)
        plot(measured)
        print(f"Written to {FOLDER}", file=sys.stderr)
    return 1 if missed else 0


def databases(
    server: Server, closing: ExitStack, *, organizations: int, bulk: int
) -> Callable[[Sequence[type[Any]]], list[Stage]]:
    """Databases with the same rows: with an audit trail; without one; and without row level security either.

    Returns what puts contenders on theirs.
    """
    audited = server.create()
    admin = server.admin(audited)
    fill(admin.cursor(), organizations=organizations, tenders=1000)
    admin.close()
    isolated, bare = (server.copy(audited, isolated=isolated) for isolated in (True, False))

    def set_up(kinds: Sequence[type[Any]]) -> list[Stage]:
        stages: list[Stage] = []
        for kind in kinds:
            database = audited if kind.audited else isolated if kind.isolated else bare
            stage = Stage(server, database, kind, organizations=organizations, bulk=bulk)
            closing.callback(stage.close)
            stage.clean()
            stages.append(stage)
        return stages

    return set_up


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _wanted(name: str, only: list[str], all_names: list[str]) -> bool:
    """Whether a part of the name is given, or none of its kind."""
    named = [other for other in all_names if any(part in other for part in only)]
    return name in named or not named


if __name__ == "__main__":
    sys.exit(main())
