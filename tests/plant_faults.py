"""Plant faults in a copy of the package, one at a time, and report which of them the tests find.

    python tests/plant_faults.py --number 60 --seed 0 --seconds 90

A fault is a small change of an expression: an operator, a sign, a boundary, a constant, a dropped term, condition or
call, or the order of two arguments. The seed ranks all possible faults by a hash, so a change of the package exchanges
only the faults that it touches. A fault is found if an example of its module or a test of its subpackage fails within
the time limit, and passes without the fault. Test files that name the changed code run first. Modules that use torch,
command lines, pages, plots and error messages are left out. The file `equivalent_faults.txt` lists faults that change
no behaviour: in each line a fault as printed, a tab, and the reason.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]
SKIPPED_FILES = re.compile(r"nasmeta/((cli|pages|plotting|testing)/.*|\w+\.py|.*/commands\.py)")
SKIPPED_CODE = re.compile(r"^\s*(import|from) torch|cuda", re.MULTILINE)
SKIPPED_NODES = ast.Raise | ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.match_case
SKIPPED_FIELDS = {"annotation", "returns", "decorator_list", "type_params"}
SEQUENCES = ast.Constant | ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp | ast.Dict | ast.Set
OPERATORS = "Add Sub Add, Mult Div Mult, FloorDiv Mult, BitAnd BitOr BitAnd, Lt LtE Lt, Gt GtE Gt, Eq NotEq Eq"
EXCHANGED = dict(re.findall(r"(?=\b(\w+) (\w+))", OPERATORS))
DROPPED = re.compile(r"abs|clip|exp|log|log1p|max|maximum|mean|min|minimum|round|sort|sorted|sqrt|square|sum|unique")
SYMMETRIC = re.compile(r"array_equal|gcd|intersect1d|isinstance|lcm|logaddexp|max|maximum|min|minimum")


@dataclass(frozen=True)
class Fault:
    """A replacement of an expression between two offsets of a file, in bytes."""

    path: str
    start: int
    end: int
    text: str  # owner at the top level of the module, kind of change, old and new expression, place

    def __str__(self) -> str:
        return f"{self.path} {self.text}"

    def planted(self, source: bytes) -> bytes:
        """Return the source with the fault."""
        new = self.text.partition(" -> ")[2].rpartition(" #")[0]
        return source[: self.start] + f"({new})".encode() + source[self.end :]


def changes(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield kinds of change, and the changed expressions."""
    op = node.ops[0] if isinstance(node, ast.Compare) else getattr(node, "op", None)
    other = getattr(ast, EXCHANGED.get(type(op).__name__, ""), None)
    match node:
        case ast.BinOp(left, _, right) if other and not isinstance(left, SEQUENCES):
            yield "operator", ast.BinOp(left, other(), right)
            yield "dropped term", left
        case ast.UnaryOp(ast.USub(), operand):
            yield "sign", operand
        case ast.Compare(left, [_], right) if other:
            yield "boundary", ast.Compare(left, [other()], right)
        case ast.BoolOp(_, values):
            yield "dropped condition", ast.BoolOp(op, values[:-1])
        case ast.Constant(value) if type(value) is int or type(value) is float:
            yield "constant", ast.Constant(value + 1 if isinstance(value, int) else 2 * value or 1.0)
        case ast.Call(ast.Name(name) | ast.Attribute(attr=name), [first, *others], keywords):
            if DROPPED.fullmatch(name):
                yield "dropped call", first
            alike = others and type(first) is type(others[0]) and not isinstance(first, SEQUENCES)
            if alike and not SYMMETRIC.fullmatch(name):
                yield "order", ast.Call(node.func, [others[0], first, *others[1:]], keywords)


def expressions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below a node that may change."""
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            guarded = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            skipped = field in SKIPPED_FIELDS or isinstance(child, SKIPPED_NODES) or guarded
            if isinstance(child, ast.AST) and not skipped:
                yield child
                yield from expressions(child)


def faults_of(path: str) -> Iterator[Fault]:
    """Yield all faults of a module."""
    source = (ROOT / path).read_bytes()
    lengths = [len(line) for line in source.splitlines(keepends=True)]
    seen: Counter[str] = Counter()
    for top in ast.parse(source).body:
        for node in expressions(ast.Module([top], [])):
            for kind, new in changes(node):
                text = f"{getattr(top, 'name', 'module')} {kind}: {ast.unparse(node)} -> {ast.unparse(new)}"
                text = " ".join(text.split())
                seen[text] += 1
                start = sum(lengths[: node.lineno - 1]) + node.col_offset
                end = sum(lengths[: node.end_lineno - 1]) + node.end_col_offset
                yield Fault(path, start, end, f"{text} #{seen[text]}")


def draw(number: int, seed: int) -> list[Fault]:
    """Return the faults of the package with the lowest hashes."""
    paths = [path.relative_to(ROOT).as_posix() for path in (ROOT / "nasmeta").rglob("*.py")]
    kept = [p for p in paths if not SKIPPED_FILES.fullmatch(p) and not SKIPPED_CODE.search((ROOT / p).read_text())]
    faults = [fault for path in kept for fault in faults_of(path)]
    return sorted(faults, key=lambda fault: sha256(f"{seed} {fault}".encode()).digest())[:number]


def test_files(path: str) -> list[str]:
    """Return the test files of a module's subpackage, first those that name its code most often."""
    stem = Path(path).stem.lstrip("_")
    names = [stem, *re.findall(r"^(?:class|def) (\w+)", (ROOT / path).read_text(), re.MULTILINE)]
    pattern = re.compile(rf"\b({'|'.join(names)})\b")
    files = sorted((ROOT / "tests" / Path(path).parts[1]).rglob("test_*.py"))
    files.sort(key=lambda file: (stem not in file.stem, -len(pattern.findall(file.read_text()))))
    return [str(file.relative_to(ROOT)) for file in files]


def pytest(copy: Path, seconds: float, *arguments: str) -> str:
    """Return the first failed test, "error" if none can be named, "" if all pass, or "time"."""
    limited = ["timeout", "-sKILL", str(seconds), sys.executable, "-m", "pytest"]
    command = [*limited, "-xq", "-n0", "-rfE", "--tb=no", "-pno:cacheprovider", *arguments]
    done = subprocess.run(
        command, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, stdout=subprocess.PIPE, text=True, check=False
    )
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return failed[1] if failed else {0: "", 5: "", -9: "time", 137: "time"}.get(done.returncode, "error")


def verdict(copy: Path, fault: Fault, seconds: float) -> str:
    """Plant a fault; return "found" and the test that finds it, or why none does."""
    source = (ROOT / fault.path).read_bytes()
    late = ""
    for options in (["--doctest-modules", fault.path], test_files(fault.path)):
        (copy / fault.path).write_bytes(fault.planted(source))
        failed = pytest(copy, seconds, *options) if options else ""
        (copy / fault.path).write_bytes(source)
        again = [options[0], failed] if options[:1] == ["--doctest-modules"] else [failed]
        if failed and failed != "time" and not pytest(copy, seconds, *(options if failed == "error" else again)):
            return f"found: {failed}"
        late = " in time" if failed == "time" else late
    return f"not found{late}"


def main() -> None:
    """Print each fault and its verdict, then the number of each verdict."""
    parser = ArgumentParser(description=__doc__)
    for name, default in (("number", 60), ("seed", 0), ("seconds", 90)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    lines = (ROOT / "tests" / "equivalent_faults.txt").read_text().splitlines()
    equivalent = dict(line.split("\t") for line in lines)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache"))
        for fault in draw(options.number, options.seed):
            reason = equivalent.get(str(fault))
            result = f"equivalent: {reason}" if reason else verdict(copy, fault, options.seconds)
            counts[result.partition(":")[0]] += 1
            print(f"{result}\n    {fault}", flush=True)
    print(dict(counts))


if __name__ == "__main__":
    main()
