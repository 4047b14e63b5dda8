"""The results: a table to read, the raw figures, and what they were measured on."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from .operations import FLOOR, OURS, PEER
from .rounds import Measured

FOLDER = Path(__file__).parent / "results"


def table(measured: list[Measured]) -> str:
    """Medians of the ratios to the floor, with their quartiles; ours to its limit's, and what became of it."""
    if not measured:
        return ""
    names = list(dict.fromkeys(name for one in measured for name in one.seconds))
    lines = [
        f"| operation | {' | '.join(names)} | ours / {measured[0].operation.to} | limit | |",
        "|---" * (len(names) + 4) + "|",
    ]
    for one in measured:
        to = one.operation.to
        cells = [_cell(one, name) for name in names]
        ratios = [one.quartiles(name, to)[1] for name in OURS if {name, to} <= one.seconds.keys()]
        verdict = ("pass" if max(ratios) <= one.operation.limit else "**missed**") if ratios else ""
        to_peer = f"{max(ratios):.2f}" if ratios else ""
        lines.append(f"| {one.operation.title} | {' | '.join(cells)} | {to_peer} | {one.operation.limit} | {verdict} |")
    return "\n".join(lines)


def processor(measured: list[Measured]) -> str:
    """Medians of the ratios of the processor's time to the floor's."""
    if not measured:
        return ""
    names = list(measured[0].seconds)
    lines = [f"| operation, processor's time | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for one in measured:
        ratios = [f"{one.quartiles(name, of_cpu=True)[1]:.2f}" for name in names if name != FLOOR]
        floor = f"{statistics.median(one.cpu[FLOOR]) * 1e6:,.0f} µs"
        lines.append(f"| {one.operation.title} | {' | '.join([floor, *ratios])} |")
    return "\n".join(lines)


def details(about: dict[str, str]) -> str:
    """The machine and the versions, as a table."""
    return "\n".join(["| measured on | |", "|---|---|", *(f"| {key} | {value} |" for key, value in about.items())])


def _cell(one: Measured, name: str) -> str:
    if name not in one.seconds:
        return ""
    if name == FLOOR:
        return f"{one.median(name) * 1e6:,.0f} µs" if not one.operation.is_bulk else f"{one.median(name):.2f} s"
    low, middle, high = one.quartiles(name)
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"  # noqa: RUF001  # a range


def write(
    tables: Sequence[str], measured: list[Measured], about: dict[str, str], missed: list[str], rounds: int
) -> None:
    """``tables``: of the calls, of the requests, and of the processor's time for these."""
    of_calls, of_requests, of_processor = tables
    FOLDER.mkdir(exist_ok=True)
    text = [
        "# Against the libraries that people would use instead",
        "",
        "Written by `make bench`. The floor is SQL written by hand on psycopg2, without row level security: the time",
        "of one call. Everything else is a multiple of it: the median over the rounds of (contender / floor in that",
        "round), with the quartiles. Ours has everything on: row level security, guard, scope, soft deletion as a",
        f"batch, validation. The others have none of it. {rounds} rounds; bulk operations fewer. The floor's tables",
        "are vacuumed every 10 rounds, so that most pages are known to be visible: a count is quick there. Machines",
        "differ in what a round trip and what Python costs, and these multiples with them: the limit of ours is one of",
        f"{PEER}'s time in the same round.",
        "",
        of_calls,
        "",
        "Over HTTP, each behind the same FastAPI in a process of its own (uvicorn), over one connection: the same",
        "routes, checks of what comes in, and answers. The floor serializes with orjson. The processor's time is the",
        "serving process's.",
        "",
        of_requests,
        "",
        of_processor,
        "",
        *([f"- {miss}" for miss in missed] or ["Every limit is kept."]),
        "",
        "![The same as a plot](comparison.svg)",
        "",
        details(about),
        "",
    ]
    (FOLDER / "comparison.md").write_text("\n".join(text), encoding="utf-8")
    raw = {one.operation.title: one.seconds for one in measured}
    figures = {"machine": about, "seconds": raw, "missed": missed}
    (FOLDER / "comparison.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
