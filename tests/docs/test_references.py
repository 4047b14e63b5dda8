"""What README.md and docs/ name is there: commands, links, settings, errors, exit codes, fixtures."""

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.core import TyperGroup
from typer.main import get_command

from domain import Database, DomainError, Tender, errors, testing
from domain.cli.app import app
from domain.cli.failures import EXIT_CODES
from domain.config import Settings
from domain.fastapi import install_errors
from domain.limits import APPLICATION, SYSTEM
from tests.docs.blocks import PAGES, ROOT, blocks

OPERATIONS = ROOT / "docs" / "5-operations.md"
PROGRAMS = ("domain", "make")
_ASSIGNMENT = re.compile(r"\w+=")
_IN_TEXT = re.compile(r"`((?:domain|make)\s[^`]+)`")
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)]+))?\)")
_FILE = re.compile(r"`((?:[\w.]+/)+[\w.]+\.\w+)`")
_NAME_IN_FILE = re.compile(r"`(?:\w+\.)*(\w+)` in `([\w/.]+\.py)`")
_OPERATORS = {"|", "||", "&&", ";"}

ERRORS: dict[str, DomainError] = {
    "NotFoundError": errors.NotFoundError(Tender, 1),
    "DuplicateError": errors.DuplicateError("Tender", ["external_id"], constraint="ux"),
    "LegalHoldError": errors.LegalHoldError(1),
    "StaleVersionError": errors.StaleVersionError("Tender", 1, seen=1, current=2),
    "ConflictError": errors.ConflictError("conflict"),
    "TenantRequiredError": errors.TenantRequiredError(),
    "TenantScopeError": errors.TenantScopeError(bound=1, asked=2),
    "OrganizationDeletedError": errors.OrganizationDeletedError(1),
    "HardDeletionError": errors.HardDeletionError("Tender"),
    "ReadOnlySessionError": errors.ReadOnlySessionError(),
    "SessionClosedError": errors.SessionClosedError(),
    "ConstraintError": errors.ConstraintError("constraint"),
    "UnguardedStatementError": errors.UnguardedStatementError("text"),
    "InvalidRowsError": errors.InvalidRowsError("Tender", {3: "title: Field required"}),
    "MisuseError": errors.MisuseError("misuse"),
    "ArgumentError": errors.ArgumentError("argument"),
    "OutcomeUnknownError": errors.OutcomeUnknownError(),
    "UnavailableError": errors.UnavailableError("unavailable", retryable=True),
    "ConfigurationError": errors.ConfigurationError("configuration"),
}


def _commands(document: Path) -> Iterator[list[str]]:
    """The words of every command of ours, in the text and in the bash blocks."""
    lines = [" ".join(found.split()) for found in _IN_TEXT.findall(document.read_text(encoding="utf-8"))]
    for block in blocks(document):
        if block.language == "bash":
            lines += block.code.splitlines()
    for line in lines:
        words = shlex.split(line)
        while words and _ASSIGNMENT.match(words[0]):
            words.pop(0)
        if words and words[0] in PROGRAMS:
            end = next((number for number, word in enumerate(words) if word in _OPERATORS), len(words))
            yield words[:end]


def _path(words: list[str]) -> tuple[str, ...]:
    """The command that the words name, with its group. Raises AssertionError for what there is not."""
    path: list[str] = []
    command = get_command(app)
    for word in words[1:]:
        if word.startswith("--"):
            options = {option for parameter in command.params for option in parameter.opts}
            assert word in options | {"--help"}, f"{' '.join(words)}: no {word}"
        elif isinstance(command, TyperGroup):
            assert word in command.commands, f"{' '.join(words)}: no {word}"
            path.append(word)
            command = command.commands[word]
    return tuple(path)


def test_every_command_named_is_there() -> None:
    named = [words for document in PAGES for words in _commands(document)]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    made = {target for words in named if words[0] == "make" for target in words[1:] if "=" not in target}
    assert {"demo", "test"} <= made <= targets
    assert ("db", "upgrade") in {_path(words) for words in named if words[0] == "domain"}


def test_every_command_there_is_is_named_on_the_first_page() -> None:
    named = {_path(words) for words in _commands(ROOT / "docs" / "1-start.md") if words[0] == "domain"}
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        paths = {(name, inner) for inner in command.commands} if isinstance(command, TyperGroup) else {(name,)}
        assert paths <= named


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target, anchor in _LINK.findall(document.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        page = document.parent / target if target else document
        assert page.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def _rows(document: Path, *, heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is this one."""
    lines = iter(document.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith(f"| {heading} |"):
            next(lines)
            break
    cells: list[list[str]] = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells.append([cell.strip() for cell in line.strip("|").split("|")])
    assert cells, f"{document.name} has no table {heading!r}"
    return cells


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.stem)
def test_every_file_named_with_its_folder_is_there(document: Path) -> None:
    for name in _FILE.findall(document.read_text(encoding="utf-8")):
        assert _files_of(name), f"{document.name}: {name}"


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.stem)
def test_what_a_file_is_said_to_have_is_in_it(document: Path) -> None:
    for name, file in _NAME_IN_FILE.findall(document.read_text(encoding="utf-8")):
        texts = (found.read_text(encoding="utf-8") for found in _files_of(file))
        assert any(re.search(rf"\b{name}\b", text) for text in texts), f"{document.name}: {name} in {file}"


def _files_of(name: str) -> list[Path]:
    """The files of this name, from the root of the project or of the package, or in any folder of it."""
    found = [ROOT / name, *(ROOT / "domain").glob(f"**/{name}")]
    return [file for file in found if file.is_file()]


def test_the_table_of_settings_is_complete_and_has_the_defaults() -> None:
    rows = _rows(OPERATIONS, heading="argument")
    parameters = {name: p for name, p in inspect.signature(Database.__init__).parameters.items() if name != "self"}
    assert {row[0].strip("`") for row in rows if row[0]} == parameters.keys()
    variables = {str(f.validation_alias or f"DOMAIN_{name}").upper() for name, f in Settings.model_fields.items()}
    assert {row[1].strip("`") for row in rows if row[1]} == variables
    numbers = {row[0].strip("`"): row[2].split()[0] for row in rows if row[0] and row[2][0].isdigit()}
    assert numbers
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    defaults |= {name: Settings.model_fields[name].default for name in ("pool_size", "max_overflow")}
    assert all(float(shown) == defaults[name] for name, shown in numbers.items())
    limits = {row[1].strip("`"): float(row[2]) for row in rows if row[1].endswith("_SECONDS`")}
    held = {"DOMAIN_": APPLICATION, "DOMAIN_SYSTEM_": SYSTEM}
    assert limits == {f"{login}{name}".upper(): value for login, of in held.items() for name, value in of}


def test_the_table_of_errors_has_each_of_them_with_its_status() -> None:
    shown = {row[0].strip("`"): int(row[2]) for row in _rows(OPERATIONS, heading="error")}
    kinds = {name for name in vars(errors) if name.endswith("Error")}
    assert shown.keys() == ERRORS.keys() == kinds - {"DomainError"}
    service = FastAPI()
    install_errors(service)

    @service.get("/{name}")
    def fail(name: str) -> None:  # pyright: ignore[reportUnusedFunction]  # the application calls it
        raise ERRORS[name]

    with TestClient(service, raise_server_exceptions=False) as client:
        assert {name: client.get(f"/{name}").status_code for name in shown} == shown


def test_the_table_of_exit_codes_says_what_the_help_says() -> None:
    told = " ".join(EXIT_CODES.split())
    assert all(f"{code} {meaning}" in told for code, meaning in _rows(OPERATIONS, heading="code"))


def test_the_fixtures_named_are_there() -> None:
    names = {row[0].strip("`") for row in _rows(ROOT / "docs" / "4-testing.md", heading="fixture")}
    assert {"domain_db", "domain_organization"} <= names <= set(testing.__all__)
