"""``nasmeta query`` and ``nasmeta data``."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Annotated, Optional

import typer

from nasmeta.cli._add import add_data, remove_data
from nasmeta.cli._audit import audit
from nasmeta.cli._cli_utils import cell_in, cli_command, console
from nasmeta.cli._import import import_data
from nasmeta.errors import DamagedFileError, SettingError

data_app = typer.Typer(help="List, fetch, add, import and audit tables.", no_args_is_help=True, rich_markup_mode="rich")


@cli_command
def query(
    cells: Annotated[list[str], typer.Argument(metavar="CELL", help="Indices or strings of cells.")],
    dataset: Annotated[str, typer.Option(help="Dataset, such as cifar10, cifar100 or imagenet16-120.")],
    metric: Annotated[str, typer.Option(help="Metric, such as accuracy or train_seconds.")] = "accuracy",
    split: Annotated[Optional[str], typer.Option(help="Split, such as valid.")] = None,  # noqa: UP045
    epochs: Annotated[Optional[int], typer.Option(help="Length of the training, in epochs.")] = None,  # noqa: UP045
    seed: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="A training seed, or mean for the mean of all measured seeds."),
    ] = None,
    release: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Release of the benchmark, if the table holds several."),
    ] = None,
    table: Annotated[str, typer.Option(help="Name of the table.")] = "nb201",
) -> None:
    """Look up measured values of cells."""
    import nasmeta as nm

    chosen_seed: int | str | None = seed
    if seed is not None and seed != "mean":
        try:
            chosen_seed = int(seed)
        except ValueError:
            raise SettingError(f"A seed is a whole number or mean, not {seed!r}.") from None
    found = nm.query([cell_in(cell) for cell in cells], dataset, metric, split, epochs, chosen_seed, release, table)
    for row in found.to_dict("records"):
        typer.echo(f"{row['cell']:>6}  {row['value']:<12.10g}{row['architecture']}")
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
    from rich.table import Table

    import nasmeta as nm
    from nasmeta.tables import damaged_sources, list_sources

    terminal = console()
    states = list_sources()
    for name in dict.fromkeys(state.table for state in states):
        sources = [state for state in states if state.table == name]
        damaged = damaged_sources(name) if any(state.built for state in sources) else {}
        # What is here but was never asked for is not built for the sake of a list.
        if any(state.built and state.name not in damaged for state in sources):
            table = Table(title=f"{name}: columns on this machine", title_justify="left")
            for heading in ("metrics", "unit", "split", "epochs", "seeds", "release", "datasets"):
                table.add_column(heading)
            groups: dict[tuple[str, ...], tuple[list[str], list[str], list[str]]] = {}
            columns: tuple[nm.tables.ColumnInfo, ...] = ()
            with warnings.catch_warnings(action="ignore"), suppress(DamagedFileError):  # which is told below
                columns = nm.load_table(name).columns
            for info in columns:
                facts = (info.unit, info.split, info.epochs, info.release)
                key = (info.source, *("–" if fact is None else str(fact) for fact in facts))
                for values, value in zip(
                    groups.setdefault(key, ([], [], [])), (info.metric, info.seed, info.dataset), strict=True
                ):
                    values.append("–" if value is None else str(value))
            for (_, unit, split, epochs, release), (metrics, seeds, datasets) in groups.items():
                table.add_row(_some(metrics), unit, split, epochs, _some(seeds), release, _some(datasets))
            terminal.print(table)
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


def _some(values: list[str], at_most: int = 6) -> str:
    different = list(dict.fromkeys(values))
    more = f" … ({len(different)})" if len(different) > at_most else ""
    return " ".join(different[:at_most]) + more
