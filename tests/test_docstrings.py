"""A docstring begins with a verb or a noun, as does one below a constant."""

import ast
import re
from pathlib import Path

import domain

PACKAGE = Path(domain.__file__).parent
CLAUSE = re.compile(r"\s*(What|Which|Whether|Where|Who|Whose|As)\b")


def texts(file: Path) -> list[str]:
    statements = (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Expr))
    return [str(node.value.value) for node in statements if isinstance(node.value, ast.Constant)]


def test_no_docstring_begins_with_a_clause() -> None:
    found = {file.relative_to(PACKAGE).as_posix(): texts(file) for file in PACKAGE.rglob("*.py")}
    assert "How many rows meet every condition." in found["kit/repository/repository.py"]
    assert [(name, text) for name, several in found.items() for text in several if CLAUSE.match(text)] == []
