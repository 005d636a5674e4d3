"""``nasmeta verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from nasmeta.cli._manners import mannered
from nasmeta.cli._training_options import Data, Device, RecipeName, Size, Split, ValidFraction, data_options
from nasmeta.errors import SettingError
from nasmeta.progress import spinner

if TYPE_CHECKING:
    from nasmeta.verification import Verification

__all__ = ["verify"]

_DEMO: dict[str, Any] = {"recipe": "tiny", "top": 2, "controls": 2, "worst": 1, "seeds": 2}
_DEMO_EVALUATIONS = 60


@mannered
def verify(
    runs: Annotated[
        Optional[list[Path]],  # noqa: UP045  (older typers cannot read the other form)
        typer.Argument(metavar="RUN…", help="Journals of searches on one task."),
    ] = None,
    data: Data = None,
    recipe: RecipeName = "fast",
    top: Annotated[int, typer.Option(help="How many of the best evaluated cells are trained.")] = 3,
    controls: Annotated[int, typer.Option(help="How many random cells are trained beside them.")] = 3,
    worst: Annotated[int, typer.Option(help="How many of the worst evaluated cells are trained.")] = 0,
    seeds: Annotated[int, typer.Option(help="Trainings of each cell.")] = 2,
    seed: Annotated[int, typer.Option(help="The first of their seeds; also of the random cells.")] = 0,
    folder: Annotated[
        Path, typer.Option(help="Keep trainings and the page here; the same command again goes on after any end.")
    ] = Path("nasmeta-verification"),
    compare_with: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="DATASET", help="Whose images these are, where their name does not say so: cifar10, …"),
    ] = None,
    split: Split = None,
    valid_fraction: ValidFraction = None,
    size: Size = None,
    device: Device = "auto",
    workers: Annotated[
        str, typer.Option(metavar="N|auto|ray", help="Trainings at once; auto: as many as fit on the GPU.")
    ] = "1",
    demo: Annotated[
        bool, typer.Option("--demo", help="Search on the table, and verify on scikit-learn's digits, in two minutes.")
    ] = False,
) -> None:
    """Train the picks of searches, and random cells, for real; write a page that says whether the table agrees."""
    from nasmeta.verification import verify as verified

    asked: dict[str, Any] = {"recipe": recipe, "top": top, "controls": controls, "worst": worst, "seeds": seeds}
    command = None
    if demo:
        if runs or data is not None:
            raise SettingError("The demonstration has its own run and data: leave out RUN and --data.")
        from nasmeta.evaluators import require_torch

        require_torch()
        asked, data, command = _DEMO, "digits", f"nasmeta verify --demo --folder {folder}"
        runs = [_demo_run(folder)]
    if data is None:
        raise SettingError(
            "Training needs images: --data digits, cifar10:PATH, cifar100:PATH, imagenet16-120:PATH, fashion-mnist or "
            "folder:PATH."
        )
    with spinner("reading") as tell:
        found = verified(
            runs or [],
            data,
            folder=folder,
            seed=seed,
            compare_with=compare_with,
            device=device,
            workers=int(workers) if workers.isdecimal() else workers,
            announce=tell,
            **asked,
            **data_options(data, split, valid_fraction, size),
        )
    _show(found)
    from nasmeta.analysis import write_verification_page
    from nasmeta.tasks import get_task

    space = get_task(found.facts["task"]).space.name
    typer.echo("Written:")
    for path in write_verification_page(found.cells, found.epochs, found.facts, folder, space, command):
        typer.echo(f"  {path}")


def _demo_run(folder: Path) -> Path:
    import nasmeta as nm

    journal = folder / "run.jsonl"
    nm.search("gp", "nb201/cifar10", evaluations=_DEMO_EVALUATIONS, journal=journal, progress=True)
    return journal


def _show(found: Verification) -> None:
    from rich.console import Console
    from rich.table import Table

    facts, console = found.facts, Console()
    shown = Table(
        title=f"{facts['task']}, trained on {facts['data']} by {facts['recipe']['name']}", title_justify="left"
    )
    for heading in ("cell", "role", "look-up", "trained", "difference", "in band"):
        shown.add_column(heading, justify="left" if heading == "role" else "right", no_wrap=True)
    for row in found.cells.to_dict("records"):
        spread = "" if row["measured_deviation"] != row["measured_deviation"] else f" ± {row['measured_deviation']:.2f}"
        shown.add_row(
            str(row["cell"]),
            str(row["role"]),
            _text(row["lookup"], ".2f"),
            _text(row["measured"], ".2f") + spread if row["trainings"] else f"failed: {row['failures']}",
            _text(row["difference"], "+.2f"),
            "–" if row["in_band"] is None else "yes" if row["in_band"] else "no",
        )
    console.print(shown)
    lines = [f"look-up: {facts['lookup']['address']}, {facts['lookup']['release']}; accuracies in percent"]
    if facts["lookup"]["not_comparable"]:
        lines.append(f"only the order can be compared: {facts['lookup']['not_comparable']}")
    if facts["spearman"] is not None:
        lines.append(f"rank correlation over {facts['cells']} cells: Spearman {facts['spearman']:.3f}")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _text(value: Any, form: str) -> str:
    return "–" if value != value else format(value, form)
