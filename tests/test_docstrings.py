"""A docstring begins with a verb or a noun, as does one below a constant; in the kit none names a subject."""

import ast
import re
from pathlib import Path

import domain

PACKAGE = Path(domain.__file__).parent
CLAUSE = re.compile(r"\s*(What|Which|Whether|Where|Who|Whose|As)\b")


# The kit scopes by organizations, and a cost is one of its types.
SUBJECTS = {model.parent.name: model for model in PACKAGE.glob("*/model.py")} | {"organizations": None, "costs": None}
TABLE = re.compile(r"^class (\w+)\(.*table=True", re.MULTILINE)


def texts(file: Path) -> list[str]:
    statements = (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Expr))
    return [str(node.value.value) for node in statements if isinstance(node.value, ast.Constant)]


def test_no_docstring_begins_with_a_clause() -> None:
    found = {file.relative_to(PACKAGE).as_posix(): texts(file) for file in PACKAGE.rglob("*.py")}
    assert "How many rows meet every condition." in found["kit/repository/repository.py"]
    assert [(name, text) for name, several in found.items() for text in several if CLAUSE.match(text)] == []


def test_the_kit_names_no_subject() -> None:
    models = {folder: model.read_text("utf-8") for folder, model in SUBJECTS.items() if model}
    names = {*models, *(name for text in models.values() for name in TABLE.findall(text))}
    assert {"Tender", "BidDocument", "analyses", "users"} <= names
    words = {file.name: set(re.findall(r"\w+", file.read_text("utf-8"))) for file in (PACKAGE / "kit").rglob("*.py")}
    assert {file: found & names for file, found in words.items() if found & names} == {}
