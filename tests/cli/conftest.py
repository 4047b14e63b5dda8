"""Running commands, in this process and in one of their own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from domain import Database
from domain.cli import main
from domain.testing.cluster import APPLICATION, OWNER, SYSTEM

LOGINS = {"DATABASE_URL": APPLICATION, "SYSTEM_DATABASE_URL": SYSTEM, "MIGRATION_DATABASE_URL": OWNER}
STYLING = ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS")  # what makes rich and typer style a pipe

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine's own, and a folder of its own for the default database."""
    for name in (*LOGINS, "DOMAIN_ENV", *STYLING):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """``run("db", "current")`` in this process."""

    def run(*arguments: object) -> CompletedProcess[str]:
        capfd.readouterr()
        words = [str(argument) for argument in arguments]
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert isinstance(stop.value.code, int | None)
        return CompletedProcess(words, stop.value.code or 0, *capfd.readouterr())

    return run


@pytest.fixture
def run_process() -> Run:
    """The same in a process of its own, its output going into pipes; ``python``: what Python is to run."""

    def run(*arguments: object, python: tuple[str, ...] = ("-m", "domain")) -> CompletedProcess[str]:
        command = [sys.executable, *python, *(str(argument) for argument in arguments)]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=60)

    return run


@pytest.fixture
def exported(domain_db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with the organizations first and second, which the environment names; on each engine."""
    export(domain_db, monkeypatch)
    return domain_db


@pytest.fixture
def exported_postgresql(domain_postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The same on PostgreSQL alone, with the application's login and no other."""
    export(domain_postgresql, monkeypatch)
    for name in ("SYSTEM_DATABASE_URL", "MIGRATION_DATABASE_URL"):
        monkeypatch.delenv(name)
    return domain_postgresql


def export(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the database in the environment, with a URL for each login."""
    url = database.engine.url
    if database.is_sqlite:
        monkeypatch.setenv("DATABASE_URL", url.render_as_string())
        return
    for variable, login in LOGINS.items():
        monkeypatch.setenv(variable, url.set(username=login).render_as_string(hide_password=False))
