"""``pytest --quick``: each test once, on SQLite, in this process; no state machine, no @given, nothing marked slow.

What a test asks for, or reaches for as it runs, leaves it out: there is no list of tests.
"""

import os
import sys
from typing import NoReturn

import pytest
from hypothesis.stateful import RuleBasedStateMachine

_PROCESSES = frozenset({"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="each test once, on SQLite, in this process")


@pytest.hookimpl(trylast=True)  # after hypothesis, which marks the tests that are its own
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the first case of each test that is quick."""
    if not config.getoption("quick"):
        return
    kept: dict[str, pytest.Item] = {}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if not (_asks_for_postgresql(item) or marks & {"hypothesis", "slow"}):
            kept.setdefault(item.nodeid.partition("[")[0], item)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept.values()])
    items[:] = kept.values()


def _asks_for_postgresql(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    cases = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return "domain_cluster" in item.fixturenames or "postgresql" in cases


@pytest.fixture(scope="session", autouse=True)
def quick(request: pytest.FixtureRequest) -> None:
    """Refuse processes and state machines for the rest of the run, where it is a quick one."""
    if request.config.getoption("quick"):
        os.environ.pop("TEST_DATABASE_URL", None)
        sys.addaudithook(_refuse_processes)
        RuleBasedStateMachine.__init__ = _refuse_machine  # type: ignore[method-assign]  # this run only


def _refuse_processes(event: str, _arguments: tuple[object, ...]) -> None:
    if event in _PROCESSES:
        _skip("other processes")


def _refuse_machine(self: RuleBasedStateMachine) -> None:
    _skip("state machines")


def _skip(what: str) -> NoReturn:
    pytest.skip(f"--quick leaves out {what}")
