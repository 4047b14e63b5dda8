"""The fenced blocks of the documents, and what their first lines say.

```python                   runs; it prints exactly its ``#>`` lines
```python title="a/b.py"    a file of the reader's own: written there, for what runs after it
```bash run                 runs, in the same folder
```bash                     is read: its commands must exist
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SKILL = ROOT / "domain/.agents/skills/procurement-domain/SKILL.md"
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), SKILL)
DECISIONS = tuple(sorted((ROOT / "docs/decisions").glob("*.md")))
PAGES = (*DOCUMENTS, *DECISIONS, *(ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")))

_FENCE = re.compile(r"^ {0,3}```(.*)$")
_TITLE = re.compile(r'title="([^"]+)"')
_OUTPUT = "#>"


class Block(NamedTuple):
    """``line`` is the number of the code's first line in its document."""

    document: Path
    line: int
    info: str
    code: str

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def title(self) -> str | None:
        """The path of the file that it is."""
        found = _TITLE.search(self.info)
        return found and found[1]

    @property
    def in_place(self) -> str:
        """The code with its line numbers in the document."""
        return "\n" * (self.line - 1) + self.code

    @property
    def printed(self) -> str:
        """What its ``#>`` lines say that it prints."""
        lines = (line.strip() for line in self.code.splitlines())
        return "".join(
            line.removeprefix(_OUTPUT).removeprefix(" ") + "\n" for line in lines if line.startswith(_OUTPUT)
        )


def blocks(document: Path) -> list[Block]:
    """Every fenced block, in order."""
    return list(_blocks(document))


def _blocks(document: Path) -> Iterator[Block]:
    info: str | None = None
    code: list[str] = []
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if fence is None:
            code.append(line)
        elif info is None:
            info, code = fence[1].strip(), []
        else:
            yield Block(document, number - len(code), info, "".join(f"{line}\n" for line in code))
            info = None
    assert info is None, f"{document.name}: a block is not closed"


def write_file(block: Block, folder: Path) -> None:
    """Write a titled block to its path below the folder."""
    assert block.title is not None
    path = folder / block.title
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.code, encoding="utf-8")


def module_name(document: Path) -> str:
    """``document_1_start`` for ``1-start.md``."""
    return f"document_{document.stem.replace('-', '_').lower()}"
