"""Files and folders: which of them are read."""

import os
from collections.abc import Iterator
from pathlib import Path

from .items import Refusal

STDIN = Path("-")
"""The path that stands for standard input."""
LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})
SUFFIXES = LINES_SUFFIXES | {".json", ".gz"}


def shown(path: Path) -> str:
    """The path as text that can be printed and stored, whatever bytes the name is made of."""
    if path == STDIN:
        return "standard input"
    return os.fsencode(path).decode("utf-8", "replace").replace("\n", "?").replace("\r", "?")


def files_at(path: Path) -> Iterator[Path | Refusal]:
    """The file itself, or every .json, .jsonl, .ndjson and .gz file below a folder, sorted; other files as skipped.

    Hidden files and folders (".git") are left out in silence; links that lead out of the folder are not followed.
    """
    if not os.path.isdir(path):
        yield path
        return
    trouble: list[OSError] = []
    found: list[Path] = []
    for parent, folders, names in os.walk(path, onerror=trouble.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        found += [Path(parent, name) for name in (*names, *links) if not name.startswith(".")]
    inside = os.path.realpath(path)
    judged = [(file, _why_skipped(file, inside)) for file in sorted(found)]
    if not trouble and all(reason for _, reason in judged):
        yield Refusal(shown(path), f"the folder holds no {'file that can be read' if judged else 'file'}")
    for error in trouble:
        yield Refusal(shown(Path(error.filename)), f"cannot be read: {error.strerror}")
    for file, reason in judged:
        yield Refusal(shown(file), f"skipped: {reason}", skipped=True) if reason else file


def _why_skipped(path: Path, inside: str) -> str | None:
    if path.suffix.lower() not in SUFFIXES:
        return "not a .json, .jsonl, .ndjson or .gz file"
    if os.path.exists(path) and not os.path.isfile(path):  # these don't raise
        return "not a regular file"
    if os.path.exists(path) and os.path.commonpath([os.path.realpath(path), inside]) != inside:
        return "a link that leads out of the folder"
    return None
