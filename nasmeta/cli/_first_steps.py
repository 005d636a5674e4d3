"""``nasmeta demo``, ``list`` and ``doctor``."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import nasmeta as nm
from nasmeta.cli._cli_utils import cli_command, echo_written, print_table, takes
from nasmeta.cli._own_table import FILE_OPTIONS
from nasmeta.errors import SettingError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

DEMO_SEARCHERS = ("random", "local-search", "evolution", "gp", "source-order", "meta-gp")
_KINDS = (
    "searchers", "tasks", "tables", "specifications",
    "predictors", "encoders", "evaluators", "recipes", "images", "proxies",
)  # fmt: skip
_FOR_DEVELOPERS = ("bench", "browser", "cluster", "dev", "docs", "nb201", "test")


@cli_command
def demo(
    folder: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("nasmeta-demo"),
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 2,
    repeats: Annotated[int, typer.Option(help="Number of runs of each searcher on each task.")] = 10,
    evaluations: Annotated[int, typer.Option(help="Budget of a run, in distinct cells evaluated.")] = 200,
) -> None:
    """Compare six searchers on the real NAS-Bench-201 tables of three data sets."""
    from nasmeta.analysis import summarise_comparison, write_summary
    from nasmeta.cli._print_run import print_summary

    typer.echo(
        f"Comparing {', '.join(DEMO_SEARCHERS)} on NAS-Bench-201 (CIFAR-10, CIFAR-100, ImageNet16-120): "
        f"{repeats} runs each, {evaluations} evaluations a run.\n"
        "source-order and meta-gp learn from two data sets and search on the third, which they have never seen.\n"
    )
    frame = nm.compare(
        DEMO_SEARCHERS, "nb201", repeats=repeats, evaluations=evaluations, folder=folder, workers=workers, progress=True
    )
    typer.echo()
    print_summary(summarise_comparison(frame, evaluations))
    echo_written(write_summary(frame, folder, evaluations))


@cli_command
def list_names(
    kind: Annotated[
        str, typer.Argument(metavar="|".join(_KINDS), help="What to list.", autocompletion=lambda: list(_KINDS))
    ],
    family: Annotated[
        str | None, typer.Option(help="List the tasks of this family. Default: one line per family.")
    ] = None,
    space: Annotated[
        str | None, typer.Option(help="Space whose architectures encoders encode. Default: nb201.")
    ] = None,
) -> None:
    """List all names of a kind, with what to choose by: searchers, tasks, tables, ready comparisons, and so on."""
    if kind not in _KINDS:
        raise UnknownNameError.of("list", kind, _KINDS)
    if family is not None and kind != "tasks":
        raise SettingError(f"Tasks have families, {kind} have none: leave out --family.")
    if space is not None and kind != "encoders":
        raise SettingError(f"Encoders are of a space, {kind} are not: leave out --space.")
    asked = {"tasks": (family,), "encoders": (space or "nb201",)}
    found: pd.DataFrame = getattr(nm, f"list_{kind}")(*asked.get(kind, ()))
    if kind == "tasks" and family is None:
        groups = found.groupby("family", sort=False)
        found = groups.agg(tasks=("task", "size"), first=("task", "first"), here=("here", "sum")).reset_index()
    print_table(list(found.columns), [[_shown(value) for value in row] for row in found.itertuples(index=False)])


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value != value else f"{value:,.0f}" if isinstance(value, int | float) else str(value)


@cli_command
@takes(FILE_OPTIONS)
def doctor(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLE]...",
            help="Your tables to look at: names, files or folders of files. Default: all that were added.",
        ),
    ] = None,
    *,
    options: dict[str, Any],
) -> None:
    """Show versions, cache, extras, device and your own tables; exit code 1 if something is broken.

    Of each table it says whether it opens, its datasets and metrics, and what is odd: accuracies that look like
    fractions among percents, means that are not those of their seeds, tasks that hold few of the architectures, and
    test values without validation values. The options say how .csv, .tsv and .parquet files are read, as for
    `nasmeta data add`.
    """
    broken: list[str] = []
    needs, extras = _requirements()
    lines = {
        "nasmeta": f"{nm.__version__}, in {Path(nm.__file__).parent}",
        "Python": f"{platform.python_version()}, {sys.executable}",
        "platform": f"{platform.platform()}, {os.cpu_count()} processors",
        "packages": ", ".join(_states(needs, broken)) or "unknown: nasmeta runs from its folder, not installed",
        "cache": _cache(broken),
        "mirror": _mirror(broken),
        "device": _device(),
    }
    for name, text in lines.items():
        typer.echo(f"{name:<10}{text}")
    for extra, packages in extras.items():
        missing = [package for package in packages if _installed(package) is None]
        hint = f"pip install {' '.join(missing)}"
        typer.echo(f"{'extra':<10}{extra}: {hint if missing else 'installed'}")
    n_odd = 0
    for line in _tables(tables, options, broken):
        typer.echo(line)
        n_odd += line.startswith("odd ")
    for problem in broken:
        typer.echo(f"BROKEN: {problem}")
    if broken:
        raise typer.Exit(1)
    found = f"{n_odd} odd thing{'s' if n_odd > 1 else ''}"
    typer.echo(f"Nothing is broken; {found} above to look at." if n_odd else "All is well.")


def _requirements() -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the lower bounds of what is needed, by package, and the packages of each extra that a user may want."""
    needs: dict[str, str] = {}
    extras: dict[str, list[str]] = {}
    with suppress(PackageNotFoundError):
        for line in requires("nasmeta") or ():
            package, bound, extra = re.fullmatch(  # type: ignore[union-attr]
                r"""([\w.-]+)(?:\[[^]]*\])?(?:>=([\w.]+))?(?:\s*;\s*extra == ['"]([\w-]+)['"])?""", line
            ).groups()
            if extra is None:
                needs[package] = bound
            elif extra not in _FOR_DEVELOPERS and package != "nasmeta":
                extras.setdefault(extra, []).append(package)
    return needs, extras


def _states(needs: dict[str, str], broken: list[str]) -> Iterator[str]:
    for package, bound in needs.items():
        found = _installed(package)
        yield f"{package} {found or 'missing'}"
        if found is None or _release(found) < _release(bound or "0"):
            broken.append(
                f"nasmeta needs {package}>={bound}, here it is {found or 'missing'}: pip install -U {package}"
            )


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", re.match(r"[\d.]*", text)[0]))  # type: ignore[index]


def _cache(broken: list[str]) -> str:
    from nasmeta.settings import cache_folder

    try:
        folder = cache_folder()
    except SettingError as reason:
        broken.append(str(reason))
        return "cannot be used"
    if not folder.is_dir():
        return f"{folder} (not there yet)"
    if not os.access(folder, os.W_OK):
        broken.append(f"{folder} cannot be written to: set NASMETA_CACHE to a folder that can.")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{folder} ({size / 1e6:,.1f} MB)"


def _mirror(broken: list[str]) -> str:
    from nasmeta.settings import mirror_address

    mirror = mirror_address()
    if mirror is not None and "://" not in mirror and not Path(mirror).expanduser().is_dir():
        broken.append(f"NASMETA_MIRROR is {mirror}, and there is no such folder.")
    return mirror or "none (NASMETA_MIRROR)"


def _tables(names: list[str] | None, options: dict[str, Any], broken: list[str]) -> Iterator[str]:
    """Yield what is found of each table in lines; those that do not open are broken."""
    from nasmeta.tables import added_tables, examine

    if names is None:
        try:
            names = list(added_tables())
        except SettingError:  # the cache cannot be used, which is told
            return
    for found in (one for name in names for one in examine(name, **options)):
        if found.table is None:
            broken.append(f"{found.name} does not open: {' '.join(found.why.split())}")
            continue
        infos, size = found.table.columns, found.table.space.size
        metrics = ", ".join(dict.fromkeys(f"{i.metric} ({i.unit}, {i.direction})" for i in infos))
        datasets = ", ".join(found.table.datasets)
        share = f"{found.n_measured:,} of " if found.n_measured < size else ""
        yield f"{'table':<10}{found.name}: opens; {share}{size:,} architectures; datasets {datasets}; metrics {metrics}"
        yield from (f"{'odd':<10}{found.name}: {' '.join(odd.split())}" for odd in found.odd)


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "CPU; training and neural models need the extra torch"
    if not torch.cuda.is_available():
        threads = torch.get_num_threads()
        return f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return f"CUDA: {', '.join(names)}"
