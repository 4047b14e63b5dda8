"""README.md and docs/ are true: what they show runs, and what they name is there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import DOCUMENTS, ROOT, blocks, write_file

SETTINGS = ("DATABASE_URL", "SYSTEM_DATABASE_URL", "MIGRATION_DATABASE_URL", "DOMAIN_ENV", "PYTHONSAFEPATH")


@pytest.fixture
def environment() -> dict[str, str]:
    """No setting of the machine's own; the commands beside this Python come first."""
    found = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    path = os.pathsep.join((str(Path(sys.executable).parent), found.get("PATH", "")))
    return found | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_block_runs_and_prints_what_it_shows(
    document: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    assert any(block.info == "python" for block in blocks(document))
    command = [sys.executable, "-W", "error", "-m", "tests.docs.run_document", str(document)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_block_is_typed_as_strictly_as_the_package(
    environment: dict[str, str], pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    bases = [_as_modules(document, tmp_path / document.stem) for document in DOCUMENTS]
    cache = pytestconfig.cache
    assert cache is not None
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "mypy.ini"), "--cache-dir"]
    command += [str(cache.mkdir("documentation-mypy")), *map(str, bases)]
    path = os.pathsep.join(map(str, bases))
    done = subprocess.run(
        command, cwd=tmp_path, env=environment | {"MYPYPATH": path}, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _as_modules(document: Path, folder: Path) -> Path:
    """Write the document's Python to a folder: a module with its lines where they stand, and the reader's files."""
    folder.mkdir()
    lines = [""] * len(document.read_text(encoding="utf-8").splitlines())
    for block in blocks(document):
        if block.title and block.language == "python":
            write_file(block, folder)
        elif block.info == "python":
            lines[block.line - 1 : block.line - 1 + len(block.code.splitlines())] = block.code.splitlines()
    (folder / f"{document.stem.replace('-', '_').lower()}.py").write_text("\n".join(lines), encoding="utf-8")
    return folder
