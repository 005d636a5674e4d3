"""``nasmeta query`` and ``nasmeta data``."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from nasmeta.cli._manners import mannered
from nasmeta.errors import SettingError

__all__ = ["data_app", "query"]

data_app = typer.Typer(help="Which tables there are.", no_args_is_help=True, rich_markup_mode="rich")


@mannered
def query(
    cells: Annotated[list[str], typer.Argument(metavar="CELL", help="Indices or strings of cells.")],
    dataset: Annotated[str, typer.Option(help="For example cifar10, cifar100 or imagenet16-120.")],
    metric: Annotated[str, typer.Option(help="For example accuracy or train_seconds.")] = "accuracy",
    split: Annotated[Optional[str], typer.Option(help="For example valid.")] = None,  # noqa: UP045
    epochs: Annotated[Optional[int], typer.Option(help="Length of the training.")] = None,  # noqa: UP045
    seed: Annotated[Optional[str], typer.Option(help="A seed, or mean: that of all measured seeds.")] = None,  # noqa: UP045
    table: Annotated[str, typer.Option(help="Name of the table.")] = "nb201",
) -> None:
    """Show what was measured for cells."""
    import nasmeta as nm

    chosen_seed: Any = seed
    if seed is not None and seed != "mean":
        try:
            chosen_seed = int(seed)
        except ValueError:
            raise SettingError(f"A seed is a whole number or mean, not {seed!r}.") from None
    opened = nm.load_table(table)
    address = {"dataset": dataset, "metric": metric, "split": split, "epochs": epochs, "seed": chosen_seed}
    indices = opened.space.index_of([int(cell) if _is_integer(cell) else cell for cell in cells])
    values = opened.query(indices, **address)
    info = opened.info(**address)
    for cell, value in zip(indices.tolist(), values.tolist(), strict=True):
        typer.echo(f"{cell:>6}  {value:<12.10g}{opened.space.to_string(cell)}")
    parts = [info.dataset, f"{info.metric} in {info.unit}"]
    parts += [f"split {info.split}"] if info.split is not None else []
    parts += [f"{info.epochs} epochs"] if info.epochs is not None else []
    parts += [f"seed {info.seed}"] if info.seed is not None else []
    typer.echo(f"({', '.join(parts)}; {info.release}, from {info.source})", err=True)


@data_app.callback()
def _data() -> None:
    """Which tables there are."""


@data_app.command("list", epilog="Example: nasmeta data list")
@mannered
def list_data() -> None:
    """Show all columns that can be had: release, split, epochs, seeds, unit, source, licence, and where they lie."""
    from rich.console import Console
    from rich.table import Table

    import nasmeta as nm
    from nasmeta.tables import list_sources

    console = Console()
    states = list_sources()
    for name in dict.fromkeys(state.table for state in states):
        here = [state for state in states if state.table == name and state.available]
        if here:
            table = Table(title=f"{name}: columns on this machine", title_justify="left")
            for heading in ("metric", "unit", "split", "epochs", "seeds", "release", "datasets"):
                table.add_column(heading, no_wrap=heading == "metric")
            groups: dict[tuple[str, ...], tuple[list[str], list[str]]] = {}
            for info in nm.load_table(name).columns:
                address = (info.metric, info.unit, info.split, info.epochs, info.release)
                seeds, datasets = groups.setdefault(tuple("–" if x is None else str(x) for x in address), ([], []))
                seeds.append(str(info.seed))
                datasets.append(info.dataset)
            for (*address_text, release), (seeds, datasets) in groups.items():
                table.add_row(*address_text, *(" ".join(dict.fromkeys(x)) for x in (seeds, [release], datasets)))
            console.print(table)
        for state in list_sources(name):
            where = state.path if state.built else ("not built yet" if state.available else state.how_to_get)
            lines = {
                "source": f"{state.name}: {state.holds}",
                "release": f"{state.release}, licence {state.licence}",
                "cite": state.citation,
                "file": str(where),
            }
            for key, text in lines.items():
                console.print(f"{key:<9}{text}", soft_wrap=True, markup=False, highlight=False)
            console.print()


def _is_integer(text: str) -> bool:
    return text.strip().lstrip("-").isdecimal()
