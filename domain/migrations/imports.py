"""Imports that a revision needs."""

from alembic.autogenerate.api import AutogenContext


def import_name(context: AutogenContext, name: str) -> None:
    """Have the revision import a name of ``domain.migrations``: in one line, as linters want it."""
    start = "from domain.migrations import "
    line = next((line for line in context.imports if line.startswith(start)), "")
    names = {name, *filter(None, line.removeprefix(start).split(", "))}
    context.imports -= {line}
    context.imports.add(start + ", ".join(sorted(names)))
