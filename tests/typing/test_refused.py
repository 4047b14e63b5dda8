"""Four type checkers refuse what they should: the lines of ``negative/*.txt`` that end in "# refused", and no other.

Beside those, the modules of this folder hold no error.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MARK = "# refused"
BUT_PYREFLY = "# refused, but by pyrefly"  # to which every field specifier but pydantic's has a default, and is init
Lines = set[tuple[str, int]]


@pytest.fixture(scope="module")
def snippets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each snippet as a module, beside the modules that hold no error."""
    folder = tmp_path_factory.mktemp("snippets")
    for snippet in HERE.glob("negative/*.txt"):
        shutil.copy(snippet, folder / f"refused_{snippet.stem}.py")
    for module in HERE.glob("*.py"):
        if not module.name.startswith("test_"):
            shutil.copy(module, folder / f"accepted_{module.stem}.py")
    return folder


def ending(folder: Path, *marks: str) -> Lines:
    """The lines that end in one of the marks."""
    return {
        (module.name, number)
        for module in folder.glob("*.py")
        for number, line in enumerate(module.read_text().splitlines(), 1)
        if line.endswith(marks)
    }


@pytest.fixture(scope="module")
def marked(snippets: Path) -> Lines:
    """The lines that must be refused."""
    lines = ending(snippets, MARK, BUT_PYREFLY)
    assert len(lines) > 100
    return lines


def run(*command: str, folder: Path) -> str:
    """What a checker says."""
    ended = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, cwd=folder, check=False, timeout=600
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    return ended.stdout


def told(found: Lines, marked: Lines) -> str:
    """The difference, line by line."""
    accepted = [f"not refused: {name}:{number}" for name, number in sorted(marked - found)]
    return "\n".join([*accepted, *(f"refused: {name}:{number}" for name, number in sorted(found - marked))])


def test_mypy_refuses_the_marked_lines_and_no_other(snippets: Path, marked: Lines) -> None:
    (snippets / "mypy.ini").write_text(f"[mypy]\nstrict = True\nmypy_path = {ROOT}\nexplicit_package_bases = True\n")
    cache = str(snippets / "cache")
    said = run("mypy", "--config-file=mypy.ini", f"--cache-dir={cache}", "--no-error-summary", ".", folder=snippets)
    found = {(match[1], int(match[2])) for match in re.finditer(r"^(\w+\.py):(\d+): error", said, re.MULTILINE)}
    assert found == marked, f"{told(found, marked)}\n{said}"


def test_pyright_refuses_the_marked_lines_and_no_other(snippets: Path, marked: Lines) -> None:
    configuration = {
        "typeCheckingMode": "strict",
        "extraPaths": [str(ROOT)],
        "pythonVersion": f"3.{sys.version_info.minor}",
        "reportUnusedExpression": False,  # a line such as `tender.titel` does nothing else
    }
    (snippets / "pyrightconfig.json").write_text(json.dumps(configuration))
    said = run("pyright", f"--pythonpath={sys.executable}", "--outputjson", folder=snippets)
    found: Lines = set()
    for problem in json.loads(said)["generalDiagnostics"]:
        if problem["severity"] == "error":
            found.add((Path(problem["file"]).name, problem["range"]["start"]["line"] + 1))
    assert found == marked, f"{told(found, marked)}\n{said[:20_000]}"


def test_ty_refuses_the_marked_lines_and_no_other(snippets: Path, marked: Lines) -> None:
    where = (f"--python={sys.executable}", f"--extra-search-path={ROOT}")
    said = run("ty", "check", *where, "--output-format=concise", "--no-progress", folder=snippets)
    found = {(match[1], int(match[2])) for match in re.finditer(r"^(\w+\.py):(\d+):\d+: error", said, re.MULTILINE)}
    assert found == marked, f"{told(found, marked)}\n{said}"


def test_pyrefly_refuses_the_marked_lines_and_no_other(snippets: Path) -> None:
    marked = ending(snippets, MARK)
    (snippets / "pyrefly.toml").write_text(f'search-path = ["{ROOT}"]\npython-interpreter-path = "{sys.executable}"\n')
    said = run("pyrefly", "check", "--output-format=json", folder=snippets)
    found = {(Path(problem["path"]).name, problem["line"]) for problem in json.loads(said)["errors"]}
    assert found == marked, f"{told(found, marked)}\n{said[:20_000]}"
