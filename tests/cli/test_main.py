"""What every command shares: help, exit codes, and failures in one line."""

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from domain.cli import main
from domain.version import VERSION

Run = Callable[..., CompletedProcess[str]]

ESCAPE = "\x1b"
COMMANDS = [(), ("demo",), ("seed",), ("import",), ("stats",), ("db",), ("db", "upgrade"), ("db", "current")]
WITHOUT = "import sys; sys.modules[{0!r}] = None; from domain.cli import main; main(['--help'])"


@pytest.mark.parametrize("command", [*COMMANDS, ("db", "check")], ids=" ".join)
def test_every_help_tells_the_exit_codes(run: Run, command: tuple[str, ...]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0
    assert "Exit codes" in done.stdout
    assert "Example" in done.stdout or command == ("db",)


def test_help_in_a_pipe_has_no_escape_codes(run_process: Run) -> None:
    done = run_process("--help")
    assert done.returncode == 0
    assert "domain demo" in done.stdout
    assert ESCAPE not in done.stdout + done.stderr


def test_the_version_is_the_distribution_s(run: Run) -> None:
    assert run("--version").stdout == f"procurement-domain {VERSION}\n"


def test_an_unknown_command_is_a_usage_error(run: Run) -> None:
    done = run("imprt")
    assert done.returncode == 2
    assert "Did you mean 'import'?" in done.stderr


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_what_to_install(run_process: Run, missing: str) -> None:
    done = run_process(python=("-c", WITHOUT.format(missing)))
    assert done.returncode == 2
    assert done.stderr == 'domain: the command line needs typer and rich: pip install "procurement-domain[cli]"\n'


def test_a_missing_module_that_is_not_the_extra_s_is_no_matter_of_installing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "domain.cli.app", None)
    with pytest.raises(ModuleNotFoundError):
        main([])


def test_the_core_does_not_import_the_command_line(run_process: Run) -> None:
    loaded = run_process(
        python=("-c", "import sys, domain; print('typer' in sys.modules, 'domain.cli' in sys.modules)")
    )
    assert loaded.stdout == "False False\n"


def test_a_database_of_another_make_is_one_line_and_exit_2(run: Run) -> None:
    done = run("seed", "--database-url", "mysql://me:hidden@localhost/shop")
    assert done.returncode == 2
    assert done.stderr.startswith("domain: mysql:// is not supported")
    assert done.stderr.count("\n") == 1
    assert "hidden" not in done.stderr


def test_a_server_that_does_not_answer_is_exit_3_with_the_reason(run: Run) -> None:
    done = run("seed", "--database-url", "postgresql://me:hidden@127.0.0.1:1/shop")
    assert done.returncode == 3
    assert "Connection refused" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hidden" not in done.stderr


def test_a_database_without_tables_is_told_to_upgrade(run: Run) -> None:
    done = run("seed")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("run `domain db upgrade`")


def test_a_file_that_is_no_database_is_one_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("to do: buy milk\n" * 100)
    done = run("seed", "--database-url", f"sqlite:///{file}")
    assert done.returncode == 3
    assert "file is not a database" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_slug_that_no_organization_can_have_is_one_line(run: Run) -> None:
    run("db", "upgrade")
    done = run("seed", "--organization", "Not A Slug")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("domain: slug: ")
