"""What an installation brings: versions that are tested, types, and the name ``domain``."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SHADOWED = "import domain; print(domain.__file__); from domain import Database"


def pins(name: str) -> dict[str, str]:
    """The versions in a file of constraints."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / name).read_text().lower(), re.MULTILINE))


def python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run this Python in a folder, as an application is run: with nothing but what is installed."""
    settings = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False)


def test_the_lowest_versions_that_are_tested_are_the_lowest_that_are_allowed() -> None:
    extras = PROJECT["optional-dependencies"]
    names = ("cli", "fastapi", "metrics", "passwords", "testing")
    required = [*PROJECT["dependencies"], *(each for name in names for each in extras[name])]
    allowed = dict(re.findall(r"^([\w-]+)(?:\[\w+\])?[>=]=([\d.]+)", "\n".join(required), re.MULTILINE))
    assert len(allowed) == len(required)
    assert allowed.items() <= pins("constraints-lowest.txt").items()
    assert allowed.keys() <= pins("constraints.txt").keys()


def test_the_types_of_an_editable_install_are_found(tmp_path: Path) -> None:
    (tmp_path / "application.py").write_text("from domain import Tender\nreveal_type(Tender(title='x').title)\n")
    done = python("-m", "mypy", "--strict", "application.py", folder=tmp_path)
    assert (done.returncode, 'Revealed type is "str"' in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize("own", ["domain/__init__.py", "domain.py"])
def test_an_applications_own_domain_is_found_first_and_says_where_it_is(own: str, tmp_path: Path) -> None:
    (tmp_path / own).parent.mkdir(exist_ok=True)
    (tmp_path / own).touch()
    done = python("-c", SHADOWED, folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout.strip() == str(tmp_path / own)
    assert f"ImportError: cannot import name 'Database' from 'domain' ({tmp_path / own})" in done.stderr


@pytest.mark.parametrize("own", ["domain/models.py", "shop/domain/__init__.py"])
def test_a_folder_without_init_and_a_package_in_another_do_no_harm(own: str, tmp_path: Path) -> None:
    (tmp_path / own).parent.mkdir(parents=True)
    (tmp_path / own).touch()
    done = python("-c", SHADOWED, folder=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, str(ROOT / "domain/__init__.py")), done.stderr
