"""Cost against size: the same calls at 10 thousand and 2 million tenders, at 10 and 5,000 organizations.

make bench-size ARGS="--rounds 20"
"""

import argparse
import statistics
import sys
import time
from contextlib import ExitStack
from typing import NamedTuple

from .contenders.ours import Ours
from .filling import DESCRIPTION, fill
from .machine import machine
from .operations import Operation
from .plans import plans
from .report import FOLDER, details
from .rounds import Seconds, run
from .server import Server, running
from .stage import Stage

LIMIT = 1.3
DEPTH = 200
OPERATIONS = (
    Operation("get", "get by id", LIMIT),
    Operation("list_newest", "list newest 50", LIMIT),
    Operation("page_by_keyset", f"page by keyset at {DEPTH}", LIMIT),
    Operation("create", "create one", LIMIT),
    Operation("meter", "meter usage", LIMIT),
)


class Size(NamedTuple):
    title: str
    organizations: int
    tenders: int  # of each


SIZES = (
    Size("10 organizations, 10 thousand tenders", 10, 1_000),
    Size("10 organizations, 2 million tenders", 10, 200_000),
    Size("5,000 organizations, 2 million tenders", 5_000, 400),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-size ARGS=...", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="of 40 calls")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, written nowhere")
    given = parser.parse_args()
    with running() as server, ExitStack() as closing:
        stages = {size.title: set_up(server, size, closing, tenth=given.quick) for size in SIZES}
        measured = {o.title: run(o, stages, given.rounds)[0] for o in OPERATIONS}
        found = {size.title: plans(stages[size.title].contender, DEPTH) for size in SIZES[1:]}
        about = machine(stages[SIZES[0].title].admin)
    text, missed = table(measured)
    print(text)
    if not given.quick:
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / "scaling.md").write_text(page(text, found, about, given.rounds), encoding="utf-8")
    return 1 if missed else 0


def set_up(server: Server, size: Size, closing: ExitStack, *, tenth: bool) -> Stage:
    started = time.monotonic()
    name = server.create()
    admin = server.admin(name)
    tenders = size.tenders // 10 if tenth and size is SIZES[1] else size.tenders
    organizations = size.organizations // 10 if tenth and size is SIZES[2] else size.organizations
    fill(admin.cursor(), organizations=organizations, tenders=tenders, description=DESCRIPTION[:300])
    admin.close()
    stage = Stage(server, name, Ours, organizations=organizations, depth=DEPTH)
    closing.callback(stage.close)
    print(f"{size.title}: filled in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return stage


def table(measured: dict[str, Seconds]) -> tuple[str, bool]:
    """Medians of the ratios to the smallest, and whether one is above the limit."""
    small, *large = (size.title for size in SIZES)
    lines = [f"| operation | {small} | {' | '.join(large)} | limit | |", "|---" * (len(large) + 4) + "|"]
    worst = 0.0
    for title, seconds in measured.items():
        ratios = [[a / b for a, b in zip(seconds[name], seconds[small], strict=True)] for name in large]
        spread = [statistics.quantiles(one, n=4, method="inclusive") for one in ratios]
        cells = [f"{middle:.2f} ({low:.2f} to {high:.2f})" for low, middle, high in spread]
        highest = max(middle for _, middle, _ in spread)
        worst = max(worst, highest)
        verdict = "pass" if highest <= LIMIT else "**missed**"
        floor = f"{statistics.median(seconds[small]) * 1e6:,.0f} µs"
        lines.append(f"| {title} | {floor} | {' | '.join(cells)} | {LIMIT} | {verdict} |")
    return "\n".join(lines), worst > LIMIT


def page(text: str, found: dict[str, dict[str, str]], about: dict[str, str], rounds: int) -> str:
    lines = [
        "# Cost against size",
        "",
        "Written by `make bench-size`. Ours, with everything on. The time of one call in the smallest database, and",
        f"the others as a multiple of it: the median over {rounds} rounds of (other / smallest in that round), with",
        "the quartiles.",
        "",
        text,
        "",
        details(about),
    ]
    for size, statements in found.items():
        lines += ["", f"## Plans, as the application's login: {size}"]
        for name, plan in statements.items():
            lines += ["", f"{name}:", "", "```text", plan, "```"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
