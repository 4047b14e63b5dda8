"""The command line ``domain``; it needs the extra ``cli``."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code (see ``domain --help``). None: those of the process."""
    try:
        from .app import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"rich", "typer"}:
            raise
        sys.stderr.write('domain: the command line needs typer and rich: pip install "procurement-domain[cli]"\n')
        raise SystemExit(2) from None
    run(arguments)
