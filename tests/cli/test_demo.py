"""``domain demo``."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[str]]


def _rows(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


def test_the_demo_tells_the_whole_story(run_process: Run, tmp_path: Path) -> None:
    done = run_process("demo")
    assert (done.returncode, done.stderr) == (0, "")
    rows = _rows(done.stdout)
    assert ["notices", "received", "22", "20"] in rows
    assert ["tenders", "they", "make", "20", "20"] in rows
    assert ["20", "of", "100", "15", "of", "15"] in [row[-6:] for row in rows if "metered" in row]
    assert ["bids", "drafted", "3", "3"] in rows
    assert "TenantScopeError: this session is bound to organization" in done.stdout
    assert done.stdout.count("not found") == 2
    assert done.stdout.count("no row changed") == 2
    assert "\x1b" not in done.stdout  # it went to a pipe
    assert not list(tmp_path.iterdir())


def test_it_fits_80_columns(run: Run) -> None:
    lines = run("demo").stdout.splitlines()
    assert lines
    assert max(len(line) for line in lines) <= 80


def test_on_a_narrow_terminal_no_figure_is_cut(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    output = run("demo").stdout
    assert "78,500,000  EUR  2027-04-12  draft" in output
    assert max(len(line) for line in output.splitlines()) <= 60


def test_an_exported_database_is_not_touched(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{mine}")
    run("db", "upgrade")
    before = hashlib.sha256(mine.read_bytes()).hexdigest()
    assert run("demo").returncode == 0
    assert hashlib.sha256(mine.read_bytes()).hexdigest() == before
