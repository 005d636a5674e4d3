"""``nasmeta query`` and ``nasmeta data``."""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

import nasmeta as nm
from nasmeta.cli._cli_utils import cell_in, cli_command, console, print_table, takes
from nasmeta.cli._own_table import FILE_OPTIONS
from nasmeta.errors import ColumnError, DamagedFileError, SettingError
from nasmeta.progress import progress_bar

_Text = str | None
_MOST = 20  # columns, or tasks, that are told of a table that was added


@cli_command
@takes(FILE_OPTIONS)
def add_data(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .csv, .tsv or .parquet file with one row per measurement.")
    ],
    name: Annotated[_Text, typer.Option(help="Name of the table. Default: the name of the file.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the data.")] = "not stated",
    citation: Annotated[str, typer.Option(help="The paper to cite.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a table of the same name.")] = False,
    *,
    options: dict[str, Any],
) -> None:
    """Add your own table to the store, where every command and process finds it by name.

    Columns named dataset, split, epochs, seed or release describe each row. Architectures stand in one column of
    strings or indices, or in one column for each position of the space. Search the table with `nasmeta search gp
    NAME/DATASET`.
    """
    from nasmeta.tables import add_file

    own = name or re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._") or "own"
    table = add_file(file, name=own, licence=licence, replace=replace, citation=citation, **options)
    try:
        tasks, unclear = list(table.tasks()), ""
    except ColumnError as reason:  # two releases, say: it is kept, and a question has to say which
        tasks, unclear = [], str(reason)
    share = len(tasks[0].measured) / table.space.size if tasks else 1.0
    columns_here = "1 column" if len(table.columns) == 1 else f"{len(table.columns)} columns"
    measured = f", {100 * share:.3g} % of them measured" if share < 1 else ""
    typer.echo(f"{own}: {columns_here} over {table.space.size:,} architectures{measured}")
    for info in table.columns[:_MOST]:
        typer.echo(f"  {info.address} ({info.unit}, {'higher' if info.direction == 'max' else 'lower'} is better)")
    if len(table.columns) > _MOST:
        typer.echo(f"  ... and {len(table.columns) - _MOST} more: `nasmeta data list`")
    if not tasks:
        typer.echo(f"No task has a name of its own. {unclear}".rstrip())
        return
    more = f", ... and {len(tasks) - _MOST} more: `nasmeta list tasks --family {own}`" if len(tasks) > _MOST else ""
    typer.echo(
        f"Tasks: {', '.join(task.name for task in tasks[:_MOST])}{more}. Try: nasmeta search gp "
        f"{quote(tasks[0].name)} --evaluations 50"
    )


@cli_command
def remove_data(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a table that was added.")]) -> None:
    """Remove a table that `nasmeta data add` added."""
    from nasmeta.tables import remove_added

    remove_added(name)
    typer.echo(f"Removed {name}.")


@cli_command
def audit(
    table: Annotated[list[str] | None, typer.Option(help="Name of a table. Repeatable; all by default.")] = None,
    check: Annotated[list[str] | None, typer.Option(help="Name of a check. Repeatable; all by default.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write Markdown and CSV files, with the affected cells, to this folder."),
    ] = None,
) -> None:
    """Check the tables against known invariants of the benchmarks; exit code 1 if there is a new violation."""
    from nasmeta.files import require_writable
    from nasmeta.tables.audit import run_audit, write_audit

    if report is not None:
        require_writable(report, folder=True)
    found = run_audit(table or None, check or None)
    terminal = console()
    counts = ["cells checked", "violations", "known", "new"]
    groups = found.frame().groupby(["check", "verdict"], sort=False)[counts]
    rows = [[*map(str, name), f"{len(of)}", *(f"{n:,}" for n in of.sum())] for name, of in groups]
    print_table(["check", "verdict", "findings", *counts], rows, "Audit", right=["findings", *counts])
    for row in (row for row in found.rows if row.new):
        cells = [str(cell) for cell in row.new if cell >= 0]
        named = f"; cells {', '.join(cells[:10])}{' …' if len(cells) > 10 else ''}" if cells else ""
        _, of_check, address, release, source = row.address
        measured = row.finding.measured
        terminal.print(f"VIOLATED {of_check}: {address} ({release}, {source}): {measured}{named}", soft_wrap=True)
    if report is not None:
        for path in write_audit(found, report):
            terminal.print(f"wrote {path}", soft_wrap=True)
    new, known = (sum(map(len, many)) for many in zip(*((row.new, row.known) for row in found.rows), strict=True))
    absent = found.count("not here")
    terminal.print(
        f"{len(found.rows) - absent} findings; new violations: {new:,}, known and documented: {known:,}; "
        f"not checked, as the columns are not here: {absent}",
        soft_wrap=True,
    )
    if not found.passed:
        raise typer.Exit(1)


@cli_command
def import_data(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="An official file, or a folder with the files of an archive.")
    ],
    workers: Annotated[
        int | None, typer.Option(help="Number of processes that convert a folder. Default: one per CPU, at most 4.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an earlier import of the release even if it has more cells.")
    ] = False,
) -> None:
    """Import an official file of NAS-Bench-201 or NATS-Bench and add its columns to the table.

    The file is recognised by its content: NAS-Bench-201-v1_0-e61699.pth, NAS-Bench-201-v1_1-096897.pth,
    NATS-tss-v1_0-3ffb9.pickle.pbz2, and the folders NATS-tss-v1_0-3ffb9-simple and -full.
    """
    from nasmeta.spaces import get_space
    from nasmeta.tables import import_official

    with progress_bar("cells") as bar:
        found = import_official(path, workers=workers, progress=bar.update, replace=replace)
    n_cells = get_space("nb201").size
    typer.echo(
        f"{found.source} ({found.release}): {found.n_columns:,} columns and {found.n_curves:,} kinds of learning "
        f"curves of {found.n_cells:,} of {n_cells:,} cells; in nb201"
    )


data_app = typer.Typer(help="List, fetch, add, import and audit tables.", no_args_is_help=True, rich_markup_mode="rich")


@cli_command
def query(
    cells: Annotated[list[str], typer.Argument(metavar="CELL", help="Indices or strings of cells.")],
    dataset: Annotated[str, typer.Option(help="Dataset, such as cifar10, cifar100 or imagenet16-120.")],
    metric: Annotated[str, typer.Option(help="Metric, such as accuracy or train_seconds.")] = "accuracy",
    split: Annotated[str | None, typer.Option(help="Split, such as valid.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Length of the training, in epochs.")] = None,
    seed: Annotated[
        str | None, typer.Option(help="A training seed, or mean for the mean of all measured seeds.")
    ] = None,
    release: Annotated[str | None, typer.Option(help="Release of the benchmark, if the table holds several.")] = None,
    table: Annotated[str, typer.Option(help="Name of the table.")] = "nb201",
) -> None:
    """Look up measured values of cells."""
    chosen_seed: int | str | None = seed
    if seed is not None and seed != "mean":
        try:
            chosen_seed = int(seed)
        except ValueError:
            raise SettingError(f"A seed is a whole number or mean, not {seed!r}.") from None
    found = nm.query([cell_in(cell) for cell in cells], dataset, metric, split, epochs, chosen_seed, release, table)
    for row in found.to_dict("records"):
        typer.echo(f"{row['cell']:>6}  {row['value']:<11.10g} {row['architecture']}")
    first = found.iloc[0]
    said = (("split {}", "split"), ("{} epochs", "epochs"), ("seed {}", "seed"))
    parts = [first["dataset"], f"{first['metric']} in {first['unit']}"]
    parts += [text.format(first[name]) for text, name in said if first[name] is not None]
    typer.echo(f"({', '.join(parts)}; {first['release']}, from {first['source']})", err=True)


data_app.command(
    "add",
    epilog="Examples:\n\nnasmeta data add pets.csv --space nb201 --dataset pets\n\n"
    "nasmeta data add sweep.csv --columns width,depth,act --direction rmse=min",
)(add_data)
data_app.command("remove", epilog="Example: nasmeta data remove pets")(remove_data)
data_app.command("import", epilog="Example: nasmeta data import NATS-tss-v1_0-3ffb9-simple")(import_data)
data_app.command("audit", epilog="Example: nasmeta data audit --report reports/audit")(audit)


@data_app.callback()
def _data() -> None:
    """List, fetch, add, import and audit tables."""


@data_app.command("list", epilog="Example: nasmeta data list")
@cli_command
def list_data() -> None:
    """List the columns on this machine, and all sources with content, release, licence, size and how to get them."""
    from nasmeta.tables import damaged_sources, list_sources
    from nasmeta.tables._store import MOST_CONTENT_BYTES, content_files, content_folder

    terminal = console()
    states = list_sources()
    for name in dict.fromkeys(state.table for state in states):
        sources = [state for state in states if state.table == name]
        damaged = damaged_sources(name) if any(state.built for state in sources) else {}
        # What is here but was never asked for is not built for the sake of a list.
        if any(state.built and state.name not in damaged for state in sources):
            with warnings.catch_warnings(action="ignore"), suppress(DamagedFileError):  # the state is printed below
                _print_columns(name)
        for state in sources:
            megabytes = f"{state.download_bytes / 1e6:.1f} MB to download. " if state.download_bytes else ""
            if state.name in damaged:
                where = f"damaged: {damaged[state.name]}"
            elif state.built:
                where = f"here: {state.path}"
            else:
                where = "here, not built yet" if state.available else f"not here. {megabytes}{state.how_to_get}"
            lines = {
                "source": f"{state.name}: {state.holds}",
                "release": f"{state.release}, licence {state.licence}",
                "cite": state.citation,
                "state": where,
            }
            for key_, text in lines.items():
                terminal.print(f"{key_:<9}{text}", soft_wrap=True)
            terminal.print()
    files = content_files()
    megabytes = f"{sum(file.stat().st_size for file in files) / 1e6:.1f} of {MOST_CONTENT_BYTES / 1e6:.0f} MB"
    terminal.print(
        f"Tables of data frames, made in Python: {len(files)}, {megabytes} in {content_folder()}", soft_wrap=True
    )


@data_app.command("fetch", epilog="Example: nasmeta data fetch nasgraph-nb201 meco")
@cli_command
def fetch_data(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Names of sources; the name of a table for all its sources; or all."),
    ],
) -> None:
    """Download sources, verify their checksums and add their columns to their tables.

    Set NASMETA_MIRROR to a folder or a base address to fetch the files from there instead.
    """
    from nasmeta.tables import fetch

    for state in fetch(names, progress=True):
        typer.echo(f"{state.name}: {state.holds} ({state.release}); in {state.table}")


def _print_columns(name: str) -> None:
    """Print the columns of a table, those with the same unit, split, epochs and release in one row."""
    frame = nm.load_table(name).frame().convert_dtypes().astype(object)
    frame = frame.where(frame.notna(), "–").astype(str)
    facts = ["unit", "split", "epochs", "release"]
    rows = []
    for (_, *shared), of in frame.groupby(["source", *facts], sort=False):
        unit, split, epochs, release = map(str, shared)
        metrics, seeds, datasets = (_some(of[part].unique().tolist()) for part in ("metric", "seed", "dataset"))
        rows.append([metrics, unit, split, epochs, seeds, release, datasets])
    headings = ("metrics", "unit", "split", "epochs", "seeds", "release", "datasets")
    print_table(headings, rows, f"{name}: columns on this machine")


def _some(values: list[str], at_most: int = 6) -> str:
    more = f" … ({len(values)})" if len(values) > at_most else ""
    return " ".join(values[:at_most]) + more
