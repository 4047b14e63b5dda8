"""The plans of what ours sends, made for the application's login under its organization's setting."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from domain.kit.schema.scope import ORGANIZATION_SETTING

from .contenders.ours import Ours
from .filling import content

ORGANIZATION = 3
PLANNED = ("SELECT", "INSERT", "UPDATE", "WITH")


def plans(ours: Any, depth: int) -> dict[str, str]:
    """By operation: the last statement's plan; nothing is left behind."""
    tender = ours.list_newest(ORGANIZATION)[0].id
    cursor = ours.cursor(ORGANIZATION, depth)
    calls: dict[str, Callable[[], object]] = {
        "get by id": lambda: ours.get(ORGANIZATION, tender),
        "list newest 50": lambda: ours.list_newest(ORGANIZATION),
        "page by keyset": lambda: ours.page_by_keyset(ORGANIZATION, cursor),
        "create one": lambda: ours.create(ORGANIZATION, content("planned")),
        "meter usage": lambda: ours.meter(ORGANIZATION),
    }
    return {name: _plan(ours, call) for name, call in calls.items()}


def _plan(ours: Ours, call: Callable[[], object]) -> str:
    return "\n".join(explained(ours, ORGANIZATION, call))


def explained(ours: Ours, organization: int, call: Callable[[], object], options: str = "") -> list[Any]:
    """What EXPLAIN answers to the last statement of the call, as the application's login."""
    sent: list[tuple[str, Any]] = []

    def record(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        sent.append((statement.rpartition("; ")[2], parameters))  # without the setting that travels in front of it

    engine = ours.database.engine
    event.listen(engine, "before_cursor_execute", record)
    try:
        call()
    finally:
        event.remove(engine, "before_cursor_execute", record)
    statement, parameters = next(one for one in reversed(sent) if one[0].startswith(PLANNED))
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT set_config(%s, %s, true)", (ORGANIZATION_SETTING, str(organization)))
        return list(connection.exec_driver_sql(f"EXPLAIN {options} {statement}", parameters).scalars())
