"""``nasmeta surrogate fit`` and ``nasmeta surrogate score``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasmeta.cli._cli_utils import cli_command, console, print_table
from nasmeta.progress import spinner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nasmeta.surrogates import Surrogate

surrogate_app = typer.Typer(
    help="Fit and score surrogates, small models that stand in for a table.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@surrogate_app.command(epilog="Example: nasmeta surrogate fit nb201/cifar10 --output cifar10.npz")
@cli_command
def fit(
    task: Annotated[str, typer.Argument(help="Name of a task, such as nb201/cifar10 or tnb101/jigsaw.")],
    output: Annotated[Path | None, typer.Option(help="Write the surrogate to this file (.npz).")] = None,
    train_fraction: Annotated[float, typer.Option(help="Largest fraction of the cells to train on.")] = 0.8,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
) -> None:
    """Fit a surrogate to part of a table, score it on the rest, and write it to a file."""
    from nasmeta.surrogates import fit_surrogate

    if output is not None:
        _check(output)
    with spinner(f"fitting {task}"):
        surrogate = fit_surrogate(task, train_fraction=train_fraction, seed=seed)
        written = None if output is None else surrogate.save(output)
    _show(surrogate, surrogate.card["scores"])
    if written is not None:
        typer.echo(f"Written: {written} ({written.stat().st_size:,} bytes)")


def _check(output: Path) -> None:
    """Notice before the fit where nothing can be written afterwards."""
    from nasmeta.errors import SettingError
    from nasmeta.files import require_writable

    if output.suffix != ".npz" or output.is_dir() or not output.parent.is_dir():
        raise SettingError(f"{output} cannot be written: name a file that ends in .npz, in a folder that exists.")
    require_writable(output)


@surrogate_app.command(
    epilog="Examples:\n\nnasmeta surrogate score nb201/cifar10\n\nnasmeta surrogate score cifar10.npz"
)
@cli_command
def score(
    surrogate: Annotated[
        str,
        typer.Argument(
            metavar="FILE|TASK", help="A surrogate file, or the task of a surrogate that comes with nasmeta."
        ),
    ],
    task: Annotated[
        str | None, typer.Option(help="Score against this task of the same space; by default the surrogate's own.")
    ] = None,
) -> None:
    """Score a surrogate on the cells on which it was not trained; needs the table."""
    from nasmeta.surrogates import Surrogate

    loaded = Surrogate.load(surrogate)
    _show(loaded, loaded.score(task), task)


def _show(surrogate: Surrogate, scores: Mapping[str, Any], task: str | None = None) -> None:
    from nasmeta.checks import decimals_for

    card = surrogate.card
    split, column = card["split"], card["column"]
    terminal = console()
    rows = []
    for name, row in scores.items():
        figures, error = [row[key] for key in ("r2", "tau", "sparse_tau", "spearman", "rmse")], row["rmse"] or 0.0
        digits = [3, 3, 3, 3, 3 if surrogate.unit == "percent" else decimals_for(error, 3)]
        texts = ["–" if x is None else f"{x:.{n}f}" for x, n in zip(figures, digits, strict=True)]
        rows.append([name, f"{row['cells']:,}", *texts])
    numbers = ("n", "R²", "τ-b", "sparse τ", "Spearman", "RMSE")
    title = f"Surrogate of {card['task']}" + (f" on {task}" if task else "")
    print_table(["cells", *numbers], rows, title, right=numbers)
    said = (("split", "split {}"), ("epochs", "{} epochs"), ("seed", "seed {}"))
    of_training = [f", {text.format(column[key])}" for key, text in said if column[key] is not None]
    lines = [
        f"RMSE in {surrogate.unit}; best 10 %: those among the best tenth of the whole table",
        f"trained on {card['training_cells']:,} of {card['measured_cells']:,} cells "
        f"(train fraction {split['train_fraction']:g}, seed {split['seed']})",
        f"labels: {column['metric']}{''.join(of_training)}, {column['release']}, from {column['source']}",
        "held out: no isomorph, by the benchmark's rule, was trained on",
        "new functions: nor any cell that computes the same function once zeroed inputs are dropped from sums",
        "seed noise: " + ("not known" if surrogate.noise is None else "fitted to the training cells' seeds"),
        f"sha256 {surrogate.sha256}",
    ]
    for line in lines:
        terminal.print(line, soft_wrap=True)
