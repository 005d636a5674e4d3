"""``nasmeta predict``, ``surrogate`` and ``proxies``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import nasmeta as nm
from nasmeta.cli._cli_utils import (
    cli_command,
    console,
    echo_written,
    integers_in,
    names_in,
    print_table,
    settings_by_label,
)
from nasmeta.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from nasmeta.surrogates import Surrogate


@cli_command
def predict(
    predictors: Annotated[
        str | None,
        typer.Option(
            help="Predictors (nasmeta list predictors), separated by commas: NAME or NAME:ENCODER, with NAME also "
            "module:object; join an ensemble with /, such as gp/xgboost:default+proxies. source-order is the prior "
            "without any target label; meta-predictors such as maml are meta-trained first; a file is one written by "
            "nasmeta meta-train."
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Encoder (nasmeta list encoders) of the predictors that name none; join several with +."),
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="Dataset of nb201, or the name of a task such as clinic/pets.")
    ] = "cifar10",
    protocol: Annotated[
        str, typer.Option(help="few: train on the numbers of labels in --sizes; half: train on half of the cells.")
    ] = "few",
    sizes: Annotated[str | None, typer.Option(help="Numbers of labels, separated by commas.")] = None,
    draws: Annotated[int, typer.Option(help="Number of random draws of the labelled cells.")] = 5,
    target: Annotated[
        str | None,
        typer.Option(
            help="Compare predictions with test accuracy (test) or with the signal itself (valid). Default: test, if "
            "the table has it."
        ),
    ] = None,
    rule: Annotated[
        str, typer.Option(help="Rule of isomorphism: upstream, zero, skip, or function (the strictest).")
    ] = "upstream",
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PREDICTOR:KEY=VALUE", help="A setting of one predictor. Repeatable."),
    ] = None,
    sources: Annotated[
        str | None,
        typer.Option(
            help="Tasks or families, separated by commas, that source-order and meta-predictors learn from. Default: "
            "the family of the task without its dataset."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for journal, tables and figures; run the same command again to resume.")
    ] = None,
) -> None:
    """Measure how well predictors order all cells after training on a few labels."""
    found = nm.predict(
        None if predictors is None else names_in(predictors),
        dataset,
        protocol=protocol,
        sizes=integers_in(sizes, "Sizes are whole numbers with commas between, as in --sizes 78,781"),
        target=target,
        encoder=encoder,
        settings=settings_by_label(settings or ()),
        sources=None if sources is None else names_in(sources),
        draws=draws,
        rule=rule,
        seed=seed,
        folder=output,
        progress=True,
    )
    _print(found.frame)
    for remark in found.remarks:
        typer.echo(remark)
    if found.files:
        echo_written(found.files)


def _print(frame: pd.DataFrame) -> None:
    from nasmeta.analysis._predictions import SCOPES
    from nasmeta.analysis._tables import spread

    terminal = console()
    first, draws = frame.iloc[0], frame["draw"].nunique()
    over = f"mean ± standard deviation over {draws} draws" if draws > 1 else "one draw"
    terminal.print(f"{first['task']}: Kendall's τ-b with {first['target']}, {over}", soft_wrap=True)
    sizes = list(dict.fromkeys(frame["n_train"]))
    for scope, title in SCOPES.items():
        rows = frame[frame["scope"] == scope]
        terminal.print(f"Scored on {title}")  # as a title it would be broken to the table's width
        shown = []
        for name, of_name in rows.groupby("predictor", sort=False, observed=True):
            by_size = of_name.groupby("n_train")["kendall_tau"].agg(["mean", "std"]).reindex(sizes)
            shown.append([str(name), *(spread(mean, std, 3) for mean, std in by_size.to_numpy())])
        numbers = [f"{n:,}" for n in sizes]
        print_table(["predictor", *numbers], shown, right=numbers)


surrogate_app = typer.Typer(
    help="Fit and score surrogates, small models that stand in for a table.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@surrogate_app.command(epilog="Example: nasmeta surrogate fit nb201/cifar10 --output cifar10.npz")
@cli_command
def fit(
    task: Annotated[str, typer.Argument(help="Name of a task, such as nb201/cifar10 or tnb101/jigsaw.")],
    output: Annotated[
        Path | None, typer.Option("--output", "--out", help="Write the surrogate to this file (.npz).")
    ] = None,
    train_fraction: Annotated[float, typer.Option(help="Largest fraction of the cells to train on.")] = 0.8,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Fit a surrogate to part of a table, score it on the rest, and write it to a file."""
    from nasmeta.surrogates import fit_surrogate

    if output is not None:
        _check(output, overwrite)
    with progress_bar(f"fitting {task}"):
        surrogate = fit_surrogate(task, train_fraction=train_fraction, seed=seed)
        written = None if output is None else surrogate.save(output)
    _show(surrogate, surrogate.card["scores"])
    if written is not None:
        typer.echo(f"Written: {written} ({written.stat().st_size:,} bytes)")


def _check(output: Path, overwrite: bool) -> None:
    """Notice before the fit where nothing can be written afterwards."""
    from nasmeta.errors import SettingError
    from nasmeta.files import require_writable

    if output.suffix != ".npz" or output.is_dir() or not output.parent.is_dir():
        raise SettingError(f"{output} cannot be written: name a file that ends in .npz, in a folder that exists.")
    if output.exists() and not overwrite:
        raise SettingError(f"{output} is there already: name another file, or replace it with --overwrite.")
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


proxies_app = typer.Typer(
    help="Measure zero-cost proxies: statistics of untrained networks.", no_args_is_help=True, rich_markup_mode="rich"
)


@cli_command
def compute(
    output: Annotated[Path, typer.Option(metavar="FILE", help="Write the proxies to this new file (.npz).")],
    space: Annotated[str, typer.Option(help="Space of the cells: nb201 or tnb101.")] = "nb201",
    data: Annotated[
        str,
        typer.Option(
            metavar="digits|FOLDER", help="Images: scikit-learn's digits, or a folder with one folder per class."
        ),
    ] = "digits",
    n_images: Annotated[int, typer.Option(help="Number of images in the batch, at least 2.")] = 32,
    image_size: Annotated[int, typer.Option(help="Height and width of the images: a multiple of 4, at least 8.")] = 16,
    channels: Annotated[int, typer.Option(help="Channels of the first stage.")] = 16,
    cells_per_stage: Annotated[int, typer.Option(help="Cells in each of the three stages.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the weights and the batch.")] = 0,
    repeats: Annotated[int, typer.Option(help="Number of seeds to average over.")] = 1,
    proxies: Annotated[
        str | None, typer.Option(help="Names (nasmeta list proxies), separated by commas. Default: nine of them.")
    ] = None,
    cells: Annotated[str | None, typer.Option(help="Indices of cells, separated by commas. Default: all.")] = None,
    workers: Annotated[int, typer.Option(help="Number of processes, with one thread each.")] = 1,
) -> None:
    """Measure proxies for one cell of each isomorphism class; run the same command again to resume."""
    from nasmeta.training import load_images
    from nasmeta.training.proxies import DEFAULT_PROXIES, ProxySettings, measure_proxies

    settings = ProxySettings(
        tuple(names_in(proxies)) if proxies is not None else DEFAULT_PROXIES, channels, cells_per_stage, seed, repeats
    )
    batch = load_images(data, n_images, image_size, seed)
    existed = output.exists()
    with progress_bar("networks") as bar:
        path = measure_proxies(
            output,
            batch,
            settings,
            space=space,
            cells=integers_in(cells, "Cells are indices with commas between, as in --cells 0,6111"),
            workers=workers,
            progress=bar.update,
        )
    typer.echo(f"{path} was complete already, by the same measurement" if existed else f"wrote {path}")


proxies_app.command(epilog="Example: nasmeta proxies compute --data digits --output proxies.npz")(compute)
