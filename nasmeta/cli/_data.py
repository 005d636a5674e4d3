"""``nasmeta data``, ``query``, ``list`` and ``doctor``."""

from __future__ import annotations

import inspect
import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import typer

import nasmeta as nm
from nasmeta.cli._command import (
    REQUIRED,
    Option,
    app,
    architecture_in,
    command,
    echo_facts,
    echo_written,
    names_in,
    new_app,
    pairs_in,
    print_frame,
)
from nasmeta.errors import EXTRAS, ColumnError, NasmetaError, UnknownNameError
from nasmeta.progress import progress_bar

if TYPE_CHECKING:
    import pandas as pd

_MOST = 20  # columns of a new table to print
_KINDS = (
    "searchers", "tasks", "tables", "specifications",
    "predictors", "encoders", "evaluators", "recipes", "images", "proxies",
)  # fmt: skip
_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "xgboost", "matplotlib")

data_app = new_app("List, fetch, add and import tables.")
FILE = {  # keyword arguments of `nasmeta.tables.add_frame`
    "space": Option("Name of the space, such as nb201, or package.module:Name."),
    "columns": Option(
        "Instead of --space: the columns that describe an architecture. The rows then form the space.", read=names_in
    ),
    "dataset": Option("Dataset on which the networks were trained. Default: the name of the table."),
    "architecture": Option("Name of the column that holds the architectures."),
    "metrics": Option("Columns of values, separated by commas, if the file has other columns too.", read=names_in),
    "split": Option("Split on which the values were measured: train, valid or test."),
    "epochs": Option("Length of the trainings, in epochs.", int),
    "release": Option("Release of the data."),
    "direction": Option(
        "Whether higher (max) or lower (min) is better, unless the name is well known (val_acc). Repeatable.",
        list[str],
        read=pairs_in,
        metavar="METRIC=max|min",
    ),
    "unit": Option("Unit of a metric.", list[str], read=pairs_in, metavar="METRIC=UNIT"),
    "kind": Option(
        "Kind of a metric: performance, size, seconds, latency, energy or proxy.",
        list[str],
        read=pairs_in,
        metavar="METRIC=KIND",
    ),
    "device": Option("Device on which latency or energy was measured."),
}


@command(
    data_app,
    FILE,
    file=Option(
        "A .csv, .tsv or .parquet file with one row per measurement.", Path, REQUIRED, argument=True, metavar="FILE"
    ),
    name=Option("Name of the table. Default: the name of the file."),
    licence=Option("Licence of the data.", default="not stated"),
    citation=Option("The paper to cite.", default=""),
    replace=Option("Replace a table of the same name.", bool, False),
    examples=[
        "nasmeta data add pets.csv --space nb201 --dataset pets",
        "nasmeta data add sweep.csv --columns width,depth,act --direction rmse=min",
    ],
)
def add(file: Path, name: str | None, **options: Any) -> None:
    """Add your own table to the store, where every command and process finds it by name.

    Columns named dataset, split, epochs, seed or release describe each row. One column has the architectures as strings
    or indices, or one column per position of the space has the choices. Search the table with `nasmeta search gp
    NAME/DATASET`.
    """
    from nasmeta.tables import add_frame, read_frame

    name = name or re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._") or "table"
    frame = read_frame(file)
    table = add_frame(frame, name=name, **options)
    typer.echo(f"{name}: {len(table.columns)} columns over {table.space.size:,} architectures")
    for info in table.columns[:_MOST]:
        better = f"{'higher' if info.direction == 'max' else 'lower'} is better"
        typer.echo(f"  {info.address} ({better if info.unit == '1' else f'{info.unit}, {better}'})")
    missing = [f"{column} {n:,}" for column, n in frame.isna().sum().items() if n]
    if missing:
        typer.echo(f"Missing values in {len(frame):,} rows: {', '.join(missing)}")
    try:
        task = next(iter(table.tasks()))
    except ColumnError as reason:  # for example if there are two releases; a task must name one
        typer.echo(f"The table has no default task. {reason}")
        return
    share = len(task.measured) / table.space.size
    typer.echo(f"{100 * share:.3g} % of the architectures are measured. Tasks: `nasmeta list tasks {name}`")
    typer.echo(f"Try: nasmeta search gp {quote(task.name)} --evaluations 50")


@command(
    data_app,
    name=Option("Name of a table that was added.", default=REQUIRED, argument=True, metavar="NAME"),
    examples=["nasmeta data remove pets"],
)
def remove(name: str) -> None:
    """Remove a table that `nasmeta data add` added."""
    from nasmeta.tables import remove_added

    remove_added(name)
    typer.echo(f"Removed {name}.")


@command(
    data_app,
    path=Option(
        "An official file, or a folder with the files of an archive.", Path, REQUIRED, argument=True, metavar="PATH"
    ),
    called="import",
    examples=["nasmeta data import NATS-tss-v1_0-3ffb9-simple"],
)
def import_data(path: Path) -> None:
    """Import an official file of NAS-Bench-201 or NATS-Bench and add its columns to the table.

    The file is recognised by its content: NAS-Bench-201-v1_0-e61699.pth, NAS-Bench-201-v1_1-096897.pth,
    NATS-tss-v1_0-3ffb9.pickle.pbz2, and the folders NATS-tss-v1_0-3ffb9-simple and -full.
    """
    from nasmeta.spaces import get_space
    from nasmeta.tables import import_official

    with progress_bar("cells") as bar:
        found = import_official(path, progress=bar.update)
    typer.echo(
        f"{found.source} ({found.release}): {found.n_columns:,} columns and {found.n_curves:,} kinds of learning "
        f"curves of {found.n_cells:,} of {get_space('nb201').size:,} cells; in nb201"
    )


@command(
    data_app,
    name=Option("Show the details of this source.", argument=True, metavar="NAME"),
    called="list",
    examples=["nasmeta data list", "nasmeta data list meco"],
)
def list_data(name: str | None) -> pd.DataFrame:
    """List all sources of tables, or show the release, licence, citation and size of one."""
    import pandas as pd

    found = pd.DataFrame(map(vars, nm.tables.list_sources())).rename(columns={"name": "source"})
    found["here"] = found["built"] | found["available"]
    return _shown("data list", found, ["source", "table", "here", "holds"], name)


@command(
    data_app,
    names=Option(
        "Names of sources; the name of a table for all its sources; or all.", list[str], REQUIRED, argument=True,
        metavar="NAME",
    ),
    examples=["nasmeta data fetch nasgraph-nb201 meco"],
)  # fmt: skip
def fetch(names: list[str]) -> None:
    """Download sources, verify their checksums and add their columns to their tables.

    Set NASMETA_MIRROR to a folder or a base address to fetch the files from there instead.
    """
    for state in nm.tables.fetch(names, progress=True):
        typer.echo(f"{state.name}: {state.holds} ({state.release}); in {state.table}")


@command(
    app,
    architectures=Option("Indices or strings of architectures.", list[str], REQUIRED, argument=True, metavar="CELL"),
    dataset=Option("Dataset, such as cifar10; without it, the table's columns are listed."),
    metric=Option("Metric, such as accuracy or train_seconds.", default="accuracy"),
    split=Option("Split, such as valid."),
    epochs=Option("Length of the training, in epochs.", int),
    seed=Option("A training seed, or mean for the mean of all measured seeds."),
    release=Option("Release of the benchmark, if the table holds several."),
    table=Option("Name of the table.", default="nb201"),
    examples=["nasmeta query 6111 --dataset cifar10 --split valid --epochs 200 --seed mean"],
)
def query(architectures: list[str], seed: str | None, **options: Any) -> pd.DataFrame:
    """Look up measured values of architectures."""
    if options["dataset"] is None:
        return _columns(architectures, options["table"])
    number = int(seed) if seed is not None and seed.isdecimal() else seed
    found = nm.query([architecture_in(architecture) for architecture in architectures], seed=number, **options)
    for row in found.to_dict("records"):
        typer.echo(f"{row['cell']:>6}  {row['value']:<11.10g} {row['architecture']}")
    facts = ("dataset", "metric", "unit", "split", "epochs", "seed", "release", "source")
    typer.echo(", ".join(f"{fact} {found.iloc[0][fact]}" for fact in facts), err=True)
    return found


def _columns(architectures: list[str], table: str) -> pd.DataFrame:
    """Print the values of architectures in all columns of a table."""
    opened = nm.load_table(table)
    at = [opened.space.index_of(architecture_in(architecture)) for architecture in architectures]
    values = opened.to_frame().iloc[at, opened.space.n_positions :]
    found = values.set_axis([str(architecture) for architecture in at]).T.reset_index(names="column")
    found.insert(1, "unit", [info.unit for info in opened.columns])
    print_frame(found)
    typer.echo(
        "\nA column is DATASET/METRIC/SPLIT/EPOCHS/SEED. One column: nasmeta query CELL --dataset DATASET …", err=True
    )
    return found


@command(
    app,
    kind=Option(f"One of {', '.join(_KINDS)}.", default=REQUIRED, argument=True, metavar="KIND"),
    name=Option("Show the details of this name, or the tasks of this family.", argument=True, metavar="NAME"),
    space=Option("Space of the encoders.", default="nb201"),
    called="list",
    examples=["nasmeta list searchers", "nasmeta list searchers evolution", "nasmeta list tasks nb201"],
)
def list_names(kind: str, name: str | None, space: str) -> pd.DataFrame:
    """List all names of a kind: searchers, tasks, tables, specifications, and so on."""
    if kind not in _KINDS:
        raise UnknownNameError.of("kind of names", kind, _KINDS)
    found: pd.DataFrame = getattr(nm, f"list_{kind}")(*([space] if kind == "encoders" else []))
    if kind == "tasks" and name is not None and name not in {*found["task"]}:
        return _shown(f"list {kind}", nm.list_tasks(name), ["task", "dataset", "metric", "here"])
    if kind == "specifications" and name is not None:
        text = nm.experiments.read_specification(name).text
        typer.echo(text, nl=False)
        return found[found[kind.removesuffix("s")] == name].assign(text=text)
    if kind == "searchers" and name is not None and name in nm.searchers.SEARCHERS:
        parameters = [*inspect.signature(nm.searchers.SEARCHERS[name]).parameters.values()][2:]  # after space and rng
        found["settings"] = ", ".join(map(str, (one.replace(annotation=one.empty) for one in parameters)))
    brief = {"tables": ["table", "sources", "here", "holds"], "specifications": ["specification", "title"]}
    if kind == "tasks" and name is None:
        groups = found.groupby("family", sort=False)
        families = groups.agg(tasks=("task", "size"), here=("here", "sum"), first=("task", "first")).reset_index()
        _shown(f"list {kind}", families, [*families])
        return found
    return _shown(f"list {kind}", found, brief.get(kind, [found.columns[0], "summary"]), name)


def _shown(how: str, found: pd.DataFrame, brief: list[str], name: str | None = None) -> pd.DataFrame:
    """Print some columns with one line per name, or all about one name; return the rows."""
    if name is None:
        print_frame(found[brief], lines=True)
        typer.echo(f"\nDetails: nasmeta {how} NAME", err=True)
        return found
    noun = str(found.columns[0])
    one = found[found[noun] == name]
    if one.empty:
        raise UnknownNameError.of(noun, name, found[noun])
    echo_facts({str(key): fact for key, fact in one.iloc[0].to_dict().items() if fact not in ("", False)})
    return one


@command(
    app,
    tables=Option(
        "Names of tables. Default: all on this machine.", list[str], argument=True, metavar="TABLE", noun="table"
    ),
    output=Option("File of the page.", Path, Path("explore.html")),
    searcher=Option("The searcher whose run is replayed on each task.", default="evolution", noun="searcher"),
    evaluations=Option("Length of the run.", int, 100),
    examples=["nasmeta explore", "nasmeta explore nb201 --searcher local-search"],
)
def explore(tables: list[str] | None, **options: Any) -> None:
    """Write one HTML page that shows the tables on this machine, including yours, offline in a browser.

    For each task: distribution of values, best architectures, Pareto fronts, rank correlations, noise, and a search.
    """
    echo_written([nm.explore(tables or None, progress=True, **options)])


@command(app, examples=["nasmeta doctor"])
def doctor() -> None:
    """Show versions, cache, extras, device and the tables that you added; exit code 1 if something is broken.

    For each table it shows datasets and metrics, and suspicious values: accuracies that look like fractions among
    percents, and test values without validation values.
    """
    from nasmeta.settings import mirror_address

    broken: list[str] = []
    echo_facts(
        {
            "nasmeta": f"{nm.__version__}, in {Path(nm.__file__).parent}",
            "Python": f"{platform.python_version()}, {sys.executable}",
            "platform": f"{platform.platform()}, {os.cpu_count()} processors",
            "packages": ", ".join(f"{package} {_installed(package) or 'missing'}" for package in _PACKAGES),
            "cache": _cache(broken),
            "mirror": mirror_address() or "none (NASMETA_MIRROR)",
            "device": _device(),
        }
    )
    for extra, packages in EXTRAS.items():
        missing = [package for package in packages.split() if _installed(package) is None]
        echo_facts({"extra": f"{extra}: {f'pip install {chr(32).join(missing)}' if missing else 'installed'}"})
    for line in _tables(broken):
        typer.echo(line)
    for problem in broken:
        typer.echo(f"BROKEN: {problem}")
    if broken:
        raise typer.Exit(1)
    typer.echo("Nothing is broken.")


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cache(broken: list[str]) -> str:
    from nasmeta.settings import cache_folder

    folder = cache_folder()
    if not folder.is_dir():
        return f"{folder} (does not exist yet)"
    if not os.access(folder, os.W_OK):
        broken.append(f"{folder} is not writable: set NASMETA_CACHE to another folder.")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{folder} ({size / 1e6:,.1f} MB)"


def _tables(broken: list[str]) -> Iterator[str]:
    """Yield lines about each added table; tables that do not open are broken."""
    from nasmeta.tables import added_tables, odd_values

    for name in added_tables():
        try:
            table = nm.load_table(name)
            odd = odd_values(table)
        except NasmetaError as reason:
            broken.append(f"{name} does not open: {' '.join(str(reason).split())}")
            continue
        metrics = ", ".join(dict.fromkeys(f"{i.metric} ({i.unit}, {i.direction})" for i in table.columns))
        yield f"table     {name}: opens; datasets {', '.join(table.datasets)}; metrics {metrics}"
        yield from (f"odd       {name}: {' '.join(one.split())}" for one in odd)


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "CPU; training and neural models need the extra torch"
    if not torch.cuda.is_available():
        return f"CPU, {torch.get_num_threads()} threads"
    return f"CUDA: {', '.join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))}"
