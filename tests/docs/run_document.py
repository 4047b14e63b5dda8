"""``python -m tests.docs.run_document FILE``: run a document's blocks in the current folder, in one namespace."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType

from domain import Database
from tests.docs.blocks import Block, blocks, module_name, write_file


def run(document: Path) -> None:
    """Raises AssertionError where a block prints something else than it says, and what a block raises."""
    module = ModuleType(module_name(document))
    sys.modules[module.__name__] = module  # where pydantic and FastAPI look up the names in annotations
    for block in blocks(document):
        if block.title:
            write_file(block, Path())
        elif block.info == "python":
            _run_python(block, module)
        elif block.info == "bash run":
            _run_bash(block)
    for value in vars(module).values():
        if isinstance(value, Database):
            value.close()


def _run_python(block: Block, module: ModuleType) -> None:
    output = io.StringIO()
    with redirect_stdout(output):
        exec(compile(block.in_place, block.document, "exec"), vars(module))
    _compare(block, output.getvalue())


def _run_bash(block: Block) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=block.code,
        capture_output=True,
        encoding="utf-8",
        check=False,
        env=environment,
    )
    assert done.returncode == 0, f"{block.document.name}:{block.line}\n{done.stdout}{done.stderr}"


def _compare(block: Block, output: str) -> None:
    assert output == block.printed, f"{block.document.name}:{block.line} prints\n{output}and says\n{block.printed}"


if __name__ == "__main__":
    run(Path(sys.argv[1]))
