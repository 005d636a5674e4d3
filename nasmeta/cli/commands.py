"""``nasmeta list`` and ``nasmeta doctor``."""

from __future__ import annotations

import inspect
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd

import nasmeta as nm
from nasmeta.code_identity import versions_of
from nasmeta.errors import EXTRAS, NasmetaError, UnknownNameError
from nasmeta.terminal import print_facts, print_listing

_KINDS = {
    "searchers": "for nasmeta search and compare",
    "tasks": "families of tasks; with the name of a family, its tasks",
    "tables": "tables of trained networks, including yours",
    "specifications": "comparisons to run by name, such as those of papers",
    "predictors": "for nasmeta predict, and as searchers",
    "encoders": "inputs of predictors, by --space",
    "evaluators": "sources of the values of a search",
    "recipes": "settings of real trainings",
    "images": "datasets for real trainings",
    "proxies": "zero-cost proxies",
}
_LISTED_COLUMNS = {  # others have a name and a summary
    "tables": ["table", "topic", "here", "holds"],
    "specifications": ["specification", "title"],
}
_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "xgboost", "matplotlib")


def list_command(
    kind: str | None = None, name: str | None = None, *, space: str = "nb201"
) -> pd.DataFrame:
    """List all names of a kind: searchers, tasks, tables, specifications, and so on.

    Parameters
    ----------
    kind : str, optional
        One of searchers, tasks, tables, specifications, predictors, encoders, evaluators, recipes,
        images, proxies. Without it, these kinds are listed.
    name : str, optional
        Show the details of this name, or the tasks of this family.
    space : str
        Space of the encoders.

    Examples
    --------
    nasmeta list searchers
    nasmeta list searchers evolution
    nasmeta list tasks nb201
    """
    if kind is None:
        kinds = pd.DataFrame(_KINDS.items(), columns=["kind", "summary"])
        return print_listing("list", kinds, ["kind", "summary"])
    if kind not in _KINDS:
        raise UnknownNameError.of("kind of names", kind, _KINDS)
    names: pd.DataFrame
    if kind == "encoders":
        names = nm.list_encoders(space)
    else:
        names = getattr(nm, f"list_{kind}")()
    if kind == "tasks" and name is not None and name not in set(names["task"]):
        tasks_of_family = nm.list_tasks(name)
        return print_listing("list tasks", tasks_of_family, ["task", "dataset", "metric", "here"])
    if kind == "specifications" and name is not None:
        text = nm.experiments.read_specification(name).text
        print(text, end="")
        return names[names["specification"] == name].assign(text=text)
    if kind == "searchers" and name is not None and name in nm.searchers.SEARCHERS:
        parameters = inspect.signature(nm.searchers.SEARCHERS[name]).parameters.values()
        settings = list(parameters)[2:]  # without the space and the generator
        texts = [str(setting.replace(annotation=setting.empty)) for setting in settings]
        names["settings"] = ", ".join(texts)
    if kind == "tasks" and name is None:
        groups = names.groupby("family", sort=False)
        families = groups.agg(tasks=("task", "size"), here=("here", "sum"), first=("task", "first"))
        families = families.reset_index()
        print_listing("list tasks", families, ["family", "tasks", "here", "first"])
        return names
    columns = _LISTED_COLUMNS.get(kind, [names.columns[0], "summary"])
    return print_listing(f"list {kind}", names, columns, name)


@dataclass
class State:
    """The state of this machine; the exit status is 1 if something is broken."""

    facts: dict[str, str]
    missing: dict[str, list[str]]  # packages by extra
    # of added tables: datasets, metrics, and messages about odd values
    tables: dict[str, dict[str, list[str]]]
    broken: list[str]

    @property
    def status(self) -> int:
        """The exit status."""
        return int(bool(self.broken))


def doctor_command() -> State:
    """Show versions, cache, extras, device and the tables that you added; exit code 1 if something is broken.

    For each table it shows datasets and metrics, and suspicious values: accuracies that look like
    fractions among percents, and test values without validation values.

    Examples
    --------
    nasmeta doctor
    """
    from nasmeta.settings import mirror_address

    broken: list[str] = []
    extras = {extra: packages.split() for extra, packages in EXTRAS.items()}
    installed = versions_of([*_PACKAGES, *chain.from_iterable(extras.values())])
    versions = [f"{package} {installed.get(package, 'missing')}" for package in _PACKAGES]
    facts = {
        "nasmeta": f"{nm.__version__}, in {Path(nm.__file__).parent}",
        "Python": f"{platform.python_version()}, {sys.executable}",
        "platform": f"{platform.platform()}, {os.cpu_count()} processors",
        "packages": ", ".join(versions),
        "cache": _cache(broken),
        "mirror": mirror_address() or "none (NASMETA_MIRROR)",
        "device": _device(),
    }
    print_facts(facts)
    missing: dict[str, list[str]] = {}
    for extra, packages in extras.items():
        missing[extra] = [package for package in packages if package not in installed]
        state = "installed"
        if missing[extra]:
            state = f"pip install {' '.join(missing[extra])}"
        print_facts({"extra": f"{extra}: {state}"})
    tables = dict(_tables(broken))
    for name, table in tables.items():
        listed = f"{name}: opens; datasets {', '.join(table['datasets'])}; metrics {', '.join(table['metrics'])}"
        print_facts({"table": listed})
        for text in table["odd"]:
            print_facts({"odd": f"{name}: {text}"})
    for problem in broken:
        print_facts({"BROKEN": problem})
    if not broken:
        print("Nothing is broken.")
    return State(facts=facts, missing=missing, tables=tables, broken=broken)


def _cache(broken: list[str]) -> str:
    from nasmeta.settings import cache_folder

    folder = cache_folder()
    if not folder.is_dir():
        return f"{folder} (does not exist yet)"
    if not os.access(folder, os.W_OK):
        broken.append(f"{folder} is not writable: set NASMETA_CACHE to another folder.")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{folder} ({size / 1e6:,.1f} MB)"


def _tables(broken: list[str]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield the name of each added table and the facts about it; tables that do not open are broken."""
    from nasmeta.tables import added_tables, odd_values

    for name in added_tables():
        try:
            table = nm.load_table(name)
            odd = odd_values(table)
        except NasmetaError as reason:
            broken.append(f"{name} does not open: {' '.join(str(reason).split())}")
            continue
        metrics: dict[str, None] = {}  # an ordered set
        for column in table.columns:
            metrics[f"{column.metric} ({column.unit}, {column.direction})"] = None
        yield name, {"datasets": list(table.datasets), "metrics": list(metrics), "odd": odd}


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "CPU; training and neural models need the extra torch"
    if not torch.cuda.is_available():
        return f"CPU, {torch.get_num_threads()} threads"
    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f"CUDA: {', '.join(cards)}"
