"""Random single mutants of the sources: the tests should go red for each.

Each is made in a temporary copy of the project. What survives `make quick` meets all tests of its subject's folders,
PostgreSQL's included (--quick: it does not). Docstrings, types, __repr__ and the texts of errors are left as they are.

    PYTHONPATH=. python benchmarks/mutants.py [--seed 1] [--count 100] [--quick] domain/kit domain/tenders ...
"""

import argparse
import ast
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FLIPPED = {"Eq": "NotEq", "Lt": "LtE", "Gt": "GtE", "Is": "IsNot", "In": "NotIn"}
FLIPPED |= {new: old for old, new in FLIPPED.items()}
FOLDERS = {  # of tests, by what a source's path begins with: the first that fits
    "domain/kit/model": ("models", "repositories"),
    "domain/kit/schema": ("audit", "migrations", "isolation"),
    "domain/kit/session": ("database", "isolation", "repositories"),
    "domain/kit/database": ("database", "isolation", "faults", "forks"),
    **{
        f"domain/{edge}/": (edge,)
        for edge in ("cli", "deployment", "fastapi", "ingest", "metrics", "migrations", "retention")
    },
    "domain": ("repositories", "audit", "isolation", "attack"),
}


class Mutant(NamedTuple):
    file: Path
    node: ast.expr | ast.stmt
    new: str

    def apply(self) -> None:
        lines = self.file.read_bytes().splitlines(keepends=True)
        first, last = self.node.lineno - 1, (self.node.end_lineno or 1) - 1
        head, tail = lines[first][: self.node.col_offset], lines[last][self.node.end_col_offset :]
        self.file.write_bytes(b"".join((*lines[:first], head, self.new.encode(), tail, *lines[last + 1 :])))


def mutants(file: Path) -> Iterator[Mutant]:
    def below(node: ast.AST, in_function: bool, in_error: bool) -> Iterator[Mutant]:
        in_function |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        in_error |= isinstance(node, ast.Raise | ast.Call) and "Error" in ast.unparse(node).partition("(")[0]
        for name, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if name in {"annotation", "returns"} or not isinstance(child, ast.AST) or _is_left_alone(child):
                    continue
                if isinstance(child, ast.expr) and name in {"test", "ifs"} and not isinstance(node, ast.Assert):
                    yield Mutant(file, child, f"(not ({ast.unparse(child)}))")
                if in_function and isinstance(child, ast.Assign | ast.AugAssign | ast.Expr | ast.Raise | ast.Return):
                    yield Mutant(file, child, "pass")
                if isinstance(child, ast.expr):
                    yield from (Mutant(file, child, f"({ast.unparse(new)})") for new in _changed(child, in_error))
                yield from below(child, in_function, in_error)

    return below(ast.parse(file.read_bytes()), False, False)


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.Expr(value=ast.Constant()):
            return True
        case ast.FunctionDef(name="__repr__") | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
            return True
    return isinstance(node, ast.keyword) and node.arg in {"description", "schema_extra"}


def _changed(node: ast.expr, in_error: bool) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(ops=[operator]):
            flipped = getattr(ast, FLIPPED[type(operator).__name__])()
            yield ast.Compare(node.left, [flipped], node.comparators)
        case ast.UnaryOp(op=ast.Not() | ast.Invert()):
            yield node.operand
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.BinOp(op=ast.BitAnd()):
            yield ast.BinOp(node.left, ast.BitOr(), node.right)
        case ast.Constant(value=bool() | int() as value):
            yield ast.Constant(not value if isinstance(value, bool) else value + 1)
        case ast.Constant(value=str(value)) if not in_error:
            yield ast.Constant(value + "_")
        case ast.Call():
            for dropped in itertools.filterfalse(_is_left_alone, node.keywords):
                yield ast.Call(node.func, node.args, [keyword for keyword in node.keywords if keyword is not dropped])


def goes_red(project: Path, *arguments: str, seconds: int = 600) -> bool:
    """Whether the tests fail in the copy, or take too long."""
    command, none = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "2", *arguments], subprocess.DEVNULL
    env = os.environ | {"PYTHONPATH": str(project)}
    tests = subprocess.Popen(command, cwd=project, env=env, stdout=none, stderr=none, start_new_session=True)
    try:
        return tests.wait(seconds) not in (0, 5)  # 5: there were none
    except subprocess.TimeoutExpired:
        return True
    finally:
        if tests.poll() is None:
            os.killpg(tests.pid, signal.SIGKILL)


def survives(mutant: Mutant, project: Path, *, quick: bool) -> bool:
    name, before = str(mutant.file.relative_to(project)), mutant.file.read_bytes()
    folders = [f"tests/{one}" for one in next(found for start, found in FOLDERS.items() if name.startswith(start))]
    mutant.apply()
    is_red = goes_red(project, "--quick", *folders) or goes_red(project, "--quick")  # most in the first, soon
    is_red = is_red or (not quick and goes_red(project, *folders, seconds=3600))
    mutant.file.write_bytes(before)
    return not is_red


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutants that the tests should find.")
    parser.add_argument("sources", nargs="+", help="files and folders, by their paths in the project")
    for name, default in (("--seed", 1), ("--count", 100)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--quick", action="store_true", help="run make quick's tests alone")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns(".venv*", ".git", "__pycache__", ".*_cache"))
        if goes_red(project, "--quick"):
            parser.error("the tests are red before anything is changed")
        found = [file for source in given.sources for file in (project / source, *(project / source).rglob("*.py"))]
        every = [mutant for file in sorted(set(found)) if file.is_file() for mutant in mutants(file)]
        chosen = random.Random(given.seed).sample(every, min(given.count, len(every)))
        living = 0
        for number, mutant in enumerate(chosen, 1):
            lives = survives(mutant, project, quick=given.quick)
            living += lives
            print(f"{number} {'SURVIVES' if lives else 'red'}: {mutant.file.relative_to(project)}:{mutant.node.lineno}")
            print(f"  - {ast.unparse(mutant.node)}\n  + {mutant.new}", flush=True)
    print(f"{len(chosen) - living} of {len(chosen)} mutants went red, of {len(every)} that can be made")
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main())
