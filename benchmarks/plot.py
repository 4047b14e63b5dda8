"""The table as a plot."""

import matplotlib
from matplotlib import pyplot

from .operations import FLOOR
from .report import FOLDER
from .rounds import Measured


def plot(measured: list[Measured]) -> None:
    """Bars for the medians, whiskers from quartile to quartile; logarithmic."""
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "domain"  # the same figures make the same file
    names = [n for n in dict.fromkeys(n for one in measured for n in one.seconds) if n != FLOOR]
    figure, axes = pyplot.subplots(figsize=(10, 1.5 + 0.85 * len(measured)), layout="constrained")
    height = 0.8 / max(len(names), 1)
    for place, name in enumerate(names):
        rows = [(y, one.quartiles(name)) for y, one in enumerate(measured) if name in one.seconds]
        positions = [y - 0.4 + height * (place + 0.5) for y, _ in rows]
        middles = [middle for _, (_, middle, _) in rows]
        spread = [[m - low for _, (low, m, _) in rows], [high - m for _, (_, m, high) in rows]]
        axes.barh(positions, middles, height, xerr=spread, label=name, error_kw={"lw": 0.8})
    axes.axvline(1, color="grey", lw=0.8)
    axes.set_yticks(range(len(measured)), [one.operation.title for one in measured])
    axes.invert_yaxis()
    axes.set_xscale("log")
    ticks = [tick for tick in (0.5, 1, 1.5, 2, 3, 5, 10, 20, 50) if tick < 1.2 * max(axes.get_xlim())]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("times hand-written SQL on psycopg2 without row level security")
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1), ncols=(len(names) + 1) // 2, frameon=False, fontsize="small"
    )
    for ending in ("png", "svg"):
        figure.savefig(FOLDER / f"comparison.{ending}", dpi=120, metadata={"Date": None} if ending == "svg" else {})
    pyplot.close(figure)
