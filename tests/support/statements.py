"""The statements that go to a database."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event


@contextmanager
def recorded(engine: Engine | Connection) -> Generator[list[str]]:
    """``with recorded(engine) as statements``: what is sent meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
