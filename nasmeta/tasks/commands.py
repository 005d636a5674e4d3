"""``nasmeta data`` and ``nasmeta query``."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import pandas as pd

from nasmeta.errors import ColumnError, short
from nasmeta.progress import progress_bar
from nasmeta.spaces import Architecture, get_space
from nasmeta.tables import (
    SourceState,
    add_frame,
    fetch,
    list_sources,
    query,
    read_frame,
    remove_added,
)
from nasmeta.tables.official import Imported, import_official
from nasmeta.tasks._table import Table, load_table
from nasmeta.terminal import options_from, print_frame, print_listing

_MOST = 20  # columns of a new table to print


@options_from(add_frame, Table.from_frame, without="frame seed")
def data_add_command(file: Path, *, name: str | None = None, **options: Any) -> dict[str, Any]:
    """Add your own table to the store, where every command and process finds it by name.

    Columns named dataset, split, epochs, seed or release describe each row. One column has the
    architectures as strings or indices, or one column per position of the space has the choices.
    Search the table with `nasmeta search gp NAME/DATASET`.

    Parameters
    ----------
    file : path
        A .csv, .tsv or .parquet file with one row per measurement.
    name : str
        Name of the table. Default: the name of the file.
    space : str
        Name of the space, such as nb201, or package.module:Name.
    columns : sequence of str
        Instead of --space: the columns that describe an architecture. The rows then form the space.
    scales : dict
        The scale of a column of numbers: linear, log, or none for single choices, such as lr=log.
        By default, a column with more than 32 values is a range.
    conditions : dict
        For a column that applies only to some choices of another column: these choices, such as
        momentum=optimiser:sgd. Its value may be missing in all other rows.
    metrics : sequence of str
        Columns of values, separated by commas, if the file has other columns too.
    split : str
        Split on which the values were measured: train, valid or test.
    epochs : int
        Length of the trainings, in epochs.
    release : str
        Release of the data.
    direction : dict
        Whether higher (max) or lower (min) is better, unless the name is well known (val_acc), such
        as rmse=min.
    unit : dict
        Unit of a metric.
    kind : dict
        Kind of a metric: performance, size, seconds, latency, energy or proxy.
    replace : bool
        Replace a table of the same name.

    Examples
    --------
    nasmeta data add pets.csv --space nb201 --dataset pets
    nasmeta data add sweep.csv --columns width,depth,act --direction rmse=min
    """
    name = name or re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem).strip("-._") or "table"
    frame = read_frame(file)
    table = Table._of(add_frame(frame, name=name, **options))
    print(f"{name}: {len(table.columns)} columns over {table.space.size:,} architectures")
    for position in table.space.positions:
        if position.scale:
            bounds = f"{position.choices[0]:g} to {position.choices[-1]:g}"
            other = "linear" if position.scale == "log" else "log"
            print(
                f"  {position.name}: a range from {bounds}, {len(position.choices):,} values, {position.scale} scale "
                f"(--scales {quote(f'{position.name}={other}')} changes it)"
            )
    for info in table.columns[:_MOST]:
        better = f"{'higher' if info.direction == 'max' else 'lower'} is better"
        print(f"  {info.address} ({better if info.unit == '1' else f'{info.unit}, {better}'})")
    record = {"table": name, "architectures": table.space.size, "columns": table.columns}
    try:
        tasks = table.tasks()
    except ColumnError as reason:  # for example if there are two releases; a task must name one
        print(f"The table has no default task. {reason}")
        return record | {"tasks": []}
    task = tasks[0]
    share = len(task.measured) / table.space.size
    print(
        f"{100 * share:.3g} % of the architectures are measured. Tasks: `nasmeta list tasks {name}`"
    )
    print(f"Try: nasmeta search gp {quote(task.name)} --evaluations 50")
    return record | {"tasks": tasks.names}


def data_remove_command(name: str) -> dict[str, str]:
    """Remove a table that `nasmeta data add` added.

    Parameters
    ----------
    name : str
        Name of a table that was added.

    Examples
    --------
    nasmeta data remove pets
    """
    remove_added(name)
    print(f"Removed {name}.")
    return {"removed": name}


def data_import_command(path: Path) -> Imported:
    """Import an official file of NAS-Bench-201 or NATS-Bench and add its columns to the table.

    The file is recognised by its content: NAS-Bench-201-v1_0-e61699.pth,
    NAS-Bench-201-v1_1-096897.pth, NATS-tss-v1_0-3ffb9.pickle.pbz2, and the folders
    NATS-tss-v1_0-3ffb9-simple and -full.

    Parameters
    ----------
    path : path
        An official file, or a folder with the files of an archive.

    Examples
    --------
    nasmeta data import NATS-tss-v1_0-3ffb9-simple
    """
    with progress_bar("cells") as bar:
        imported = import_official(path, progress=bar.update)
    print(
        f"{imported.source} ({imported.release}): {imported.n_columns:,} columns and {imported.n_curves:,} kinds of "
        f"learning curves of {imported.n_cells:,} of {get_space('nb201').size:,} cells; in nb201"
    )
    return imported


def data_list_command(name: str | None = None) -> pd.DataFrame:
    """List all sources of tables, or show the release, licence, citation and size of one.

    Parameters
    ----------
    name : str, optional
        Show the details of this source.

    Examples
    --------
    nasmeta data list
    nasmeta data list meco
    """
    sources = pd.DataFrame(map(vars, list_sources())).rename(columns={"name": "source"})
    sources["here"] = sources["built"] | sources["available"]
    return print_listing("data list", sources, ["source", "table", "here", "holds"], name)


def data_fetch_command(names: list[str]) -> Sequence[SourceState]:
    """Download sources, verify their checksums and add their columns to their tables.

    Set NASMETA_MIRROR to a folder or a base address to fetch the files from there instead.

    Parameters
    ----------
    names : list of str
        Names of sources; the name of a table for all its sources; or all.

    Examples
    --------
    nasmeta data fetch nasgraph-nb201 meco
    """
    fetched = fetch(names, progress=True)
    for state in fetched:
        print(f"{state.name}: {state.holds} ({state.release}); in {state.table}")
    return fetched


@options_from(query)
def query_command(
    architectures: Sequence[Architecture],
    *,
    dataset: str | None = None,
    seed: str | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Look up measured values of architectures.

    Parameters
    ----------
    architectures : list of int or str
        Indices or strings of architectures.
    dataset : str
        Dataset, such as cifar10; without it, the table's columns are listed.
    metric : str
        Metric, such as accuracy or train_seconds.
    split : str
        Split, such as valid.
    epochs : int
        Length of the training, in epochs.
    seed : str
        A training seed, or mean for the mean of all measured seeds.
    release : str
        Release of the benchmark, if the table holds several.
    table : str
        Name of the table.

    Examples
    --------
    nasmeta query 6111 --dataset cifar10 --split valid --epochs 200 --seed mean
    """
    if dataset is None:
        return _print_columns(architectures, options.get("table", "nb201"))
    number: Any = int(seed) if seed is not None and seed.isdecimal() else seed
    values = query(architectures, dataset, seed=number, **options)
    for row in values.to_dict("records"):
        print(f"{row['cell']:>6}  {row['value']:<11.10g} {short(row['architecture'])}")
    facts = ("dataset", "metric", "unit", "split", "epochs", "seed", "release", "source")
    print(*(f"{fact} {values.iloc[0][fact]}" for fact in facts), sep=", ", file=sys.stderr)
    return values


def _print_columns(architectures: Sequence[Architecture], name: str) -> pd.DataFrame:
    """Print the values of architectures in all columns of a table."""
    table = load_table(name)
    indices = [table.space.index_of(architecture) for architecture in architectures]
    values = table.to_frame().iloc[indices, table.space.n_positions :]
    columns = values.set_axis([str(index) for index in indices]).T.reset_index(names="column")
    columns.insert(1, "unit", [info.unit for info in table.columns])
    print_frame(columns)
    hint = "\nA column is DATASET/METRIC/SPLIT/EPOCHS/SEED. One column: nasmeta query ARCHITECTURE --dataset DATASET …"
    print(hint, file=sys.stderr)
    return columns
