"""Tables and texts as they are printed: styled on a terminal, plain anywhere else."""

import json
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def screen(*, stderr: bool = False) -> Console:
    """The console, as wide as the terminal; 80 columns where there is none."""
    return Console(stderr=stderr, highlight=False)


def safe(text: str) -> str:
    """Without what would steer the terminal (control characters, overrides of the writing direction)."""
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text.translate(_BIDI))


def print_json(**document: object) -> None:
    """One JSON document on standard output, in ASCII."""
    print(json.dumps(document, indent=2))


def cell(text: str) -> Text:
    """Text from the data, on one line: no markup, and an ellipsis where it is too long for its column."""
    return Text(safe(text), no_wrap=True, overflow="ellipsis")


def grid(*headings: str, right: Sequence[str] = (), wide: str | None = None) -> Table:
    """A table with a line under its headings; ``right``: columns of numbers; ``wide``: the one that may shrink."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading in right else "left",
            no_wrap=heading != wide,
            overflow="ellipsis",
            ratio=1 if heading == wide else None,
        )
    table.expand = wide is not None
    return table


def amount(value: Decimal | None) -> str:
    """An exact amount with thousands separators, and two decimals or more where it has any; empty for None."""
    if value is None:
        return ""
    whole, _, decimals = f"{value:,f}".partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole}.{decimals:0<2}" if decimals else whole


def day(moment: datetime | None) -> str:
    """The date, in UTC."""
    return f"{moment:%Y-%m-%d}" if moment else ""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 file``, ``2,000 files``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
