"""README.md and docs/ are true: what they show runs, prints what it says, and is typed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import DOCUMENTS, ROOT, blocks, module_name, write_file
from tests.docs.diagram import diagram
from tests.docs.run_document import run

URLS = ("DATABASE_URL", "SYSTEM_DATABASE_URL", "MIGRATION_DATABASE_URL", "READ_DATABASE_URL", "TEST_DATABASE_URL")
SETTINGS = (*URLS, "DOMAIN_ENV")


@pytest.fixture
def environment() -> dict[str, str]:
    """No setting of the machine's own; the commands beside this Python come first."""
    found = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    path = os.pathsep.join((str(Path(sys.executable).parent), found.get("PATH", "")))
    return found | {"PATH": path, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_block_runs_and_prints_what_it_shows(document: Path, environment: dict[str, str], tmp_path: Path) -> None:
    assert any(block.info == "python" for block in blocks(document))
    command = [sys.executable, "-W", "error", "-m", "tests.docs.run_document", str(document)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("info", "code", "trouble"),
    [
        ("python", "print(1)\n#> 2", "prints\n1\nand says\n2"),
        ("python", "print(1)", "prints\n1\nand says\n"),
        ("python", "assert 1 == 2, 'not so'", "not so"),
        ("bash run", "false\ntrue", "wrong.md:2"),
    ],
)
def test_a_block_that_does_something_else_is_noticed(
    info: str, code: str, trouble: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    document = tmp_path / "wrong.md"
    document.write_text(f"```{info}\n{code}\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=re.escape(trouble)):
        run(document)


def test_every_python_block_runs_or_is_a_file_of_the_readers_own() -> None:
    infos = {block.info for document in DOCUMENTS for block in blocks(document) if block.language == "python"}
    assert "python" in infos
    assert all(info == "python" or info.startswith('python title="') for info in infos)


def test_every_python_block_is_typed_as_strictly_as_the_package(
    environment: dict[str, str], pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    folders = [_as_modules(document, tmp_path / document.stem) for document in DOCUMENTS]
    cache = pytestconfig.cache
    assert cache is not None
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "mypy.ini"), "--cache-dir"]
    command += [str(cache.mkdir("documentation-mypy")), *map(str, folders)]
    environment["MYPYPATH"] = os.pathsep.join(map(str, folders))
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _as_modules(document: Path, folder: Path) -> Path:
    """Write the document's Python to a folder: a module with its lines where they stand, and the reader's files."""
    folder.mkdir()
    lines = [""] * len(document.read_text(encoding="utf-8").splitlines())
    for block in blocks(document):
        if block.title and block.language == "python":
            write_file(block, folder)
        elif block.info == "python":
            code = block.code.splitlines()
            lines[block.line - 1 : block.line - 1 + len(code)] = code
    (folder / f"{module_name(document)}.py").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_the_entity_diagram_is_that_of_the_models() -> None:
    shown = [block.code for block in blocks(ROOT / "docs/reference.md") if block.info == "mermaid"]
    assert shown == [diagram() + "\n"], "put what `python -m tests.docs.diagram` prints into docs/reference.md"
