"""Plant faults in a copy of the package, one at a time, and report which of them the tests find.

    python tests/plant_faults.py NUMBER SEED SECONDS

A fault is a small change of an expression: an operator, a sign, a boundary, a constant, a dropped
term, condition or call, or the order of two arguments. The seed ranks all possible faults by a
hash, so a change of the package exchanges only the faults that it touches. A fault is found if an
example of its module or a test of its subpackage fails within the time limit, and passes without
the fault. Test files that name its module run first. Modules that use torch, command lines, pages,
plots and error messages are left out. The file `equivalent_faults.txt` lists faults that change no
behaviour: in each line a fault as printed, a tab, and the reason.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
SKIPPED_FILES = re.compile(r"nasmeta/((cli|pages|plotting|testing)/.*|\w+\.py|.*/commands\.py)")
SKIPPED_CODE = re.compile(r"^\s*(import|from) torch|cuda", re.MULTILINE)
SKIPPED_NODES = re.compile(
    r"(annotation|returns|decorator_list|type_params) .*|.* (Raise|Assert|JoinedStr|match_case)"
)
SEQUENCES = re.compile(r"Constant|JoinedStr|List|Tuple|ListComp|Dict|Set")
OPERATORS = "Add Sub Add, Mult Div Mult, FloorDiv Mult, BitAnd BitOr BitAnd, Lt LtE Lt, Gt GtE Gt, Eq NotEq Eq"
EXCHANGED = dict(re.findall(r"(?=\b(\w+) (\w+))", OPERATORS))
DROPPED = re.compile(
    r"abs|clip|exp|log|log1p|max|maximum|mean|min|minimum|round|sort|sorted|sqrt|square|sum|unique"
)
SYMMETRIC = re.compile(
    r"array_equal|gcd|intersect1d|isinstance|lcm|logaddexp|max|maximum|min|minimum"
)


class Fault(NamedTuple):
    """A replacement of an expression between two offsets of a file, in bytes."""

    path: str
    start: int
    end: int
    text: str  # owner at the top level of the module, kind of change, old and new expression, place

    def __str__(self) -> str:
        return f"{self.path} {self.text}"


def is_sequence(node: ast.AST) -> bool:
    return bool(SEQUENCES.fullmatch(type(node).__name__))


def changes(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield kinds of change, and the changed expressions."""
    op = node.ops[0] if isinstance(node, ast.Compare) else getattr(node, "op", None)
    other = getattr(ast, EXCHANGED.get(type(op).__name__, ""), None)
    match node:
        case ast.BinOp(left, _, right) if other and not is_sequence(left):
            yield "operator", ast.BinOp(left, other(), right)
            yield "dropped term", left
        case ast.UnaryOp(ast.USub(), operand):
            yield "sign", operand
        case ast.Compare(left, [_], right) if other:
            yield "boundary", ast.Compare(left, [other()], right)
        case ast.BoolOp(_, values):
            yield "dropped condition", ast.BoolOp(op, values[:-1])
        case ast.Constant(int(value)) if value is not True and value is not False:
            yield "constant", ast.Constant(value + 1)
        case ast.Constant(float(value)):
            yield "constant", ast.Constant(2 * value or 1.0)
        case ast.Call(ast.Name(name) | ast.Attribute(attr=name), [first, *others], keywords):
            if DROPPED.fullmatch(name):
                yield "dropped call", first
            alike = others and type(first) is type(others[0]) and not is_sequence(first)
            if alike and not SYMMETRIC.fullmatch(name):
                yield "order", ast.Call(node.func, [others[0], first, *others[1:]], keywords)


def expressions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below a node that may change."""
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not SKIPPED_NODES.fullmatch(
                f"{field} {type(child).__name__}"
            ):
                yield child
                yield from expressions(child)


def faults_of(path: str) -> Iterator[Fault]:
    """Yield all faults of a module."""
    source = (ROOT / path).read_bytes()
    lines = source.splitlines(keepends=True)
    seen = Counter()
    for top in ast.parse(source).body:
        for node in expressions(ast.Module([top], [])):
            for kind, new in changes(node):
                text = f"{getattr(top, 'name', 'module')} {kind}: {ast.unparse(node)} -> {ast.unparse(new)}"
                text = " ".join(text.split())
                seen[text] += 1
                start = len(b"".join(lines[: node.lineno - 1])) + node.col_offset
                end = len(b"".join(lines[: node.end_lineno - 1])) + node.end_col_offset
                yield Fault(path, start, end, f"{text} #{seen[text]}")


def draw(number: int, seed: int) -> list[Fault]:
    """Return the faults of the package with the lowest hashes."""
    paths = [path.relative_to(ROOT).as_posix() for path in (ROOT / "nasmeta").rglob("*.py")]
    kept = [
        p
        for p in paths
        if not SKIPPED_FILES.fullmatch(p) and not SKIPPED_CODE.search((ROOT / p).read_text())
    ]
    faults = [fault for path in kept for fault in faults_of(path)]
    return sorted(faults, key=lambda fault: sha256(f"{seed} {fault}".encode()).digest())[:number]


def failed_test(seconds: str, *tests: str) -> str:
    """Return the first test that fails, or "" if all pass or the time is over."""
    command = f"timeout -sKILL {seconds} {sys.executable} -m pytest --doctest-modules -xq -n0 -rfE --tb=no"
    done = subprocess.run(
        [*command.split(), *tests], stdout=subprocess.PIPE, text=True, check=False
    )
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", done.stdout, re.MULTILINE)
    unnamed = "" if done.returncode in (0, 5, -9, 137) else tests[0]
    return failed[1] if failed else unnamed


def verdict(fault: Fault, seconds: str) -> str:
    """Plant a fault in the current folder; return the test that finds it, or "" if none does."""
    module = Path(fault.path)
    source = module.read_bytes()
    files = sorted(Path("tests", module.parts[1]).rglob("test_*.py"))
    files.sort(key=lambda file: -file.read_text().count(module.stem.lstrip("_")))
    for tests in ([fault.path], [*map(str, files)]):
        new = fault.text.partition(" -> ")[2].rpartition(" #")[0]
        module.write_bytes(source[: fault.start] + f"({new})".encode() + source[fault.end :])
        failed = tests and failed_test(seconds, *tests)
        module.write_bytes(source)
        if failed and not failed_test(seconds, failed):
            return f"found: {failed}"
    return "not found"


def main() -> None:
    """Print each fault and its verdict, then the number of each verdict."""
    number, seed, seconds = sys.argv[1:]
    lines = (ROOT / "tests" / "equivalent_faults.txt").read_text().splitlines()
    equivalent = dict(line.split("\t") for line in lines)
    counts = Counter()
    with TemporaryDirectory() as copy:
        shutil.copytree(
            ROOT,
            copy,
            ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache"),
            dirs_exist_ok=True,
        )
        os.chdir(copy)
        os.environ["PYTHONPATH"] = copy
        for fault in draw(int(number), int(seed)):
            reason = equivalent.get(str(fault))
            result = f"equivalent: {reason}" if reason else verdict(fault, seconds)
            counts[result.partition(":")[0]] += 1
            print(f"{result}\n    {fault}", flush=True)
    print(dict(counts))


if __name__ == "__main__":
    main()
