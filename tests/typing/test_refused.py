"""Four type checkers refuse what they should: the lines of ``negative/*.txt`` that end in "# refused", and no other.

Beside those, the modules of this folder hold no error. A gap that closes is red as well: take it out of ``GAPS`` then.
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
MARK = "  # refused"
GAPS: dict[str, set[str]] = {
    "mypy": set(),
    "pyright": set(),
    "ty": set(),
    # What a field specifier of pydantic's is given by position is a default to it: tenant_key(target=...) has none.
    "pyrefly": {"ByPosition()", "Invoice(amount_cents=5)", "invoices.create(amount_cents=5)"},
}
"""Marked lines that a checker accepts, until it learns: ``limits.txt`` shows why with no code of ours."""
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


def marked(folder: Path, checker: str) -> Lines:
    """The lines that this checker must refuse."""
    lines = {
        (module.name, number): line.removesuffix(MARK).strip()
        for module in folder.glob("*.py")
        for number, line in enumerate(module.read_text().splitlines(), 1)
        if line.endswith(MARK)
    }
    assert len(lines) > 130
    assert GAPS[checker] <= set(lines.values())
    return {place for place, line in lines.items() if line not in GAPS[checker]}


def run(*command: str, folder: Path) -> str:
    """What a checker says."""
    ended = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, cwd=folder, check=False, timeout=600
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    return ended.stdout


def compare(found: Lines, folder: Path, checker: str, said: str) -> None:
    """Raise AssertionError with the difference, line by line, where a checker refuses other lines than it must."""
    must = marked(folder, checker)
    accepted = [f"not refused: {name}:{number}" for name, number in sorted(must - found)]
    refused = [f"refused: {name}:{number}" for name, number in sorted(found - must)]
    assert not accepted + refused, "\n".join([*accepted, *refused, said[:20_000]])


def test_mypy_refuses_the_marked_lines_and_no_other(snippets: Path) -> None:
    (snippets / "mypy.ini").write_text(f"[mypy]\nstrict = True\nmypy_path = {ROOT}\nexplicit_package_bases = True\n")
    cache = str(snippets / "cache")
    said = run("mypy", "--config-file=mypy.ini", f"--cache-dir={cache}", "--no-error-summary", ".", folder=snippets)
    found = {(match[1], int(match[2])) for match in re.finditer(r"^(\w+\.py):(\d+): error", said, re.MULTILINE)}
    compare(found, snippets, "mypy", said)


def test_pyright_refuses_the_marked_lines_and_no_other(snippets: Path) -> None:
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
    compare(found, snippets, "pyright", said)


def test_ty_refuses_the_marked_lines_and_no_other(snippets: Path) -> None:
    where = (f"--python={sys.executable}", f"--extra-search-path={ROOT}")
    said = run("ty", "check", *where, "--output-format=concise", "--no-progress", folder=snippets)
    found = {(match[1], int(match[2])) for match in re.finditer(r"^(\w+\.py):(\d+):\d+: error", said, re.MULTILINE)}
    compare(found, snippets, "ty", said)


def test_pyrefly_refuses_the_marked_lines_and_no_other(snippets: Path) -> None:
    (snippets / "pyrefly.toml").write_text(f'search-path = ["{ROOT}"]\npython-interpreter-path = "{sys.executable}"\n')
    said = run("pyrefly", "check", "--output-format=json", folder=snippets)
    found = {(Path(problem["path"]).name, problem["line"]) for problem in json.loads(said)["errors"]}
    compare(found, snippets, "pyrefly", said)
