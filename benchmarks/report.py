"""The results: a table to read, the raw figures, and what they were measured on."""

import json
from pathlib import Path

from .operations import FLOOR, OURS
from .rounds import Measured

FOLDER = Path(__file__).parent / "results"


def table(measured: list[Measured]) -> str:
    """Medians of the ratios to the floor, with their quartiles; beside ours, the limit."""
    names = list(dict.fromkeys(name for one in measured for name in one.seconds))
    lines = ["| operation | " + " | ".join(names) + " | limit | |", "|---" * (len(names) + 3) + "|"]
    for one in measured:
        cells = [_cell(one, name) for name in names]
        ours = [one.quartiles(name)[1] for name in OURS if name in one.seconds]
        verdict = ("pass" if max(ours) <= one.operation.limit else "**missed**") if ours else ""
        lines.append(f"| {one.operation.title} | {' | '.join(cells)} | {one.operation.limit} | {verdict} |")
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


def write(measured: list[Measured], about: dict[str, str], missed: list[str], rounds: int) -> None:
    FOLDER.mkdir(exist_ok=True)
    text = [
        "# Against the libraries that people would use instead",
        "",
        "Written by `make bench`. The floor is SQL written by hand on psycopg2, without row level security: the time",
        "of one call. Everything else is a multiple of it: the median over the rounds of (contender / floor in that",
        "round), with the quartiles. Ours has everything on: row level security, guard, scope, soft deletion as a",
        f"batch, validation. The others have none of it. {rounds} rounds; bulk operations fewer.",
        "",
        table(measured),
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
