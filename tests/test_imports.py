"""Tests import what is public; what they need of private modules is named here, with the reason."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "nasmeta"
EXCEPTIONS = {
    "The command line, called in this process": {
        "nasmeta.cli._app",
    },
    "Formulas, held against their definition or another library": {
        "nasmeta.analysis._paired_tests", "nasmeta.analysis._power", "nasmeta.meta._network_inputs",
        "nasmeta.meta._rgpe", "nasmeta.meta._joint_process", "nasmeta.meta.in_context._reading",
        "nasmeta.predictors._estimators", "nasmeta.predictors._metrics",
        "nasmeta.searchers._bananas", "nasmeta.searchers._bohb", "nasmeta.searchers._ehvi",
        "nasmeta.searchers._reinforce", "nasmeta.searchers._tpe",
        "nasmeta.surrogates._noise", "nasmeta.surrogates._process_fit", "nasmeta.tables._value_checks",
        "nasmeta.tasks._objectives", "nasmeta.tasks._signal", "nasmeta.verification._frames",
    },
    "Networks, and the loops that train them": {
        "nasmeta.meta.in_context._searcher", "nasmeta.meta.bilevel._maml",
        "nasmeta.training._device", "nasmeta.training._network",
    },
    "Searchers with sources, whose parts are examined": {
        "nasmeta.meta._default_searcher", "nasmeta.meta._learned_space", "nasmeta.meta._mean_score_search",
        "nasmeta.meta._meta_gp", "nasmeta.meta._multi_task_gp",
        "nasmeta.meta._predictor_search", "nasmeta.meta._quantile_matching",
    },
    "Formats of files, which are damaged, altered or written as before": {
        "nasmeta.meta._saved_model",
        "nasmeta.experiments._folder",
        "nasmeta.publishing._fresh_runs", "nasmeta.publishing._publish", "nasmeta.publishing._repeat",
        "nasmeta.tables._arrow_file",
        "nasmeta.tables.official._unpickle",
    },
    "What is made to fail, to hurry, or to find other files": {
        "nasmeta.tables._store",
        "nasmeta.tables.sources._registry",
    },
    "Parts of features, called one by one": {
        "nasmeta.analysis.report._write", "nasmeta.prediction._models", "nasmeta.prediction._predict",
        "nasmeta.verification._chosen", "nasmeta.verification._look_up", "nasmeta.verification.commands._print",
    },
    "Workers, and what they are handed": {
        "nasmeta.experiments._jobs",
    },
}  # fmt: skip


@cache
def imported(file: Path) -> tuple[str, ...]:
    """Return the modules of this package that a file imports, and what it imports of them."""
    names = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names if node.module]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return tuple(names)


def private_module(name: str) -> str | None:
    """Return the first private module in a dotted name of this package."""
    parts = name.split(".")
    for i, part in enumerate(parts):
        if parts[0] == "nasmeta" and part.startswith("_") and not part.startswith("__"):
            return ".".join(parts[: i + 1])
    return None


def test_private_modules_are_named_exceptions() -> None:
    named = {module for modules in EXCEPTIONS.values() for module in modules}
    found = {}
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        for name in imported(file):
            if module := private_module(name):
                found.setdefault(module, file.name)
    new = {module: file for module, file in found.items() if module not in named}
    assert not new, "Import what is public, or name the exception here"
    assert named <= set(found), "No test needs these any more"


def test_no_subpackage_imports_a_private_module_of_another() -> None:
    reached = []
    for file in sorted(PACKAGE.rglob("*.py")):
        own = file.relative_to(PACKAGE).parts[0]
        modules = filter(None, map(private_module, imported(file)))
        reached += [f"{file.name}: {module}" for module in modules if module.split(".")[1] != own]
    assert not reached, "Import the name from the other subpackage, which exports what others need"


def test_tables_do_not_import_tasks() -> None:
    """Imports inside functions and under TYPE_CHECKING are included."""
    names = [name for file in (PACKAGE / "tables").rglob("*.py") for name in imported(file)]
    assert "nasmeta.errors.ColumnError" in names
    assert not [name for name in names if name.startswith("nasmeta.tasks")]


def test_no_import_cycles() -> None:
    """Imports inside functions and under TYPE_CHECKING are included."""
    modules = {}
    for file in PACKAGE.rglob("*.py"):
        path = file.relative_to(PACKAGE.parent).with_suffix("")
        modules[".".join(path.parts).removesuffix(".__init__")] = file
    del modules["nasmeta"]
    graph = {}
    for module, file in modules.items():
        reached = {
            name if name in modules else name.rpartition(".")[0] for name in imported(file)
        } & set(modules)
        graph[module] = reached - {module}
    TopologicalSorter(graph).prepare()  # a CycleError lists the modules of the cycle
