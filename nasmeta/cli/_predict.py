"""``nasmeta predict``, ``meta-train``, ``surrogate`` and ``proxies``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nasmeta as nm
from nasmeta.cli._command import (
    REQUIRED,
    Option,
    app,
    command,
    console,
    echo_facts,
    echo_written,
    integers_in,
    names_in,
    new_app,
    print_frame,
    settings_by_label,
    settings_in,
)
from nasmeta.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from nasmeta.surrogates import Surrogate


@command(
    app,
    predictors=Option(
        "Predictors (nasmeta list predictors), separated by commas: NAME or NAME:ENCODER, with NAME also "
        "module:object, or a file written by nasmeta meta-train; / joins an ensemble, such as "
        "gp/xgboost:default+proxies.",
        read=names_in,
        metavar="NAMES",
        default_text="depends on the space",
    ),
    task=Option("Name of a task, such as nb201/cifar10.", default="nb201/cifar10", noun="task"),
    protocol=Option("few: train on --sizes labels; half: on half of the architectures.", default="few"),
    sizes=Option("Numbers of labels, separated by commas.", read=integers_in, default_text="10,20,50,78,…,1563"),
    draws=Option("Number of random draws of the labelled architectures.", int, 5),
    target=Option(
        "Compare predictions with test accuracy (test) or with the signal itself (valid).", default_text="test"
    ),
    rule=Option("Rule of isomorphism: upstream, zero, skip, or function (the strictest).", default="upstream"),
    seed=Option("Seed of the draws.", int, 0),
    settings=Option(
        "A setting of one predictor. Repeatable.", list[str], read=settings_by_label, flags=("--set",),
        metavar="NAME:KEY=VALUE",
    ),
    sources=Option(
        "Tasks or families, separated by commas, that source-order and meta-predictors learn from.",
        read=names_in, metavar="NAMES", default_text="the family of the task without its dataset",
    ),
    folder=Option("Folder for journal, tables and figures; run the same command again to resume.", Path),
    examples=[
        "nasmeta predict --predictors gp,xgboost:default+proxies --target valid --folder predictors",
        "nasmeta predict --predictors in-context,maml,gp --sizes 10,20,50 --target valid",
        "nasmeta meta-train maml --leave-out cifar10 --output m.npz && "
        "nasmeta predict --predictors m.npz --target valid",
    ],
)  # fmt: skip
def predict(predictors: list[str] | None, task: str, **options: Any) -> dict[str, Any]:
    """Measure how well predictors order all architectures after training on a few labels."""
    found = nm.predict(predictors, task, progress=True, **options)
    _print(found.frame)
    if found.files:
        echo_written(found.files)
    return {"summary": found.summary, "fits": found.frame, "files": found.files}


def _print(frame: pd.DataFrame) -> None:
    from nasmeta.analysis import spread
    from nasmeta.prediction import SCOPES

    first, draws = frame.iloc[0], frame["draw"].nunique()
    over = f"mean ± standard deviation over {draws} draws" if draws > 1 else "one draw"
    console().print(f"{first['task']}: Kendall's τ-b with {first['target']}, {over}", soft_wrap=True)
    for scope, title in SCOPES.items():
        of_scope = frame[frame["scope"] == scope]
        scores = of_scope.groupby(["predictor", "n_train"], sort=False, observed=True)["kendall_tau"]
        texts = scores.agg(lambda values: spread(values.mean(), values.std(), 3)).unstack()
        texts = texts.reindex(of_scope["predictor"].unique())
        print_frame(texts.rename(columns="{:,}".format).reset_index(), f"Scored on {title}")


@command(
    app,
    learner=Option("A meta-searcher or meta-predictor: meta-gp, maml, …", default=REQUIRED, argument=True),
    output=Option("Write the meta-model to this file (.npz).", Path, REQUIRED),
    sources=Option(
        "Tasks or families to learn from, separated by commas.", default="nb201", read=names_in, metavar="NAMES"
    ),
    leave_out=Option("Dataset or device to leave out, so that the model can be tested on it without leakage."),
    n_labels=Option("Number of random labels of each source.", int, default_text="all"),
    settings=Option(
        "A setting of the learner. Repeatable.", list[str], read=settings_in, flags=("--set",),
        metavar="KEY=VALUE",
    ),
    seed=Option("Seed of the meta-training and of the choice of labels.", int, 0),
    resume=Option("Resume from the checkpoint of an interrupted training.", bool, False),
    overwrite=Option("Replace an existing model and, without --resume, its checkpoint.", bool, False),
    examples=[
        "nasmeta meta-train meta-gp --sources nb201 --leave-out cifar100 --output gp.npz",
        "nasmeta search meta-gp nb201/cifar100 --sources gp.npz",
    ],
)  # fmt: skip
def meta_train(learner: str, sources: list[str], output: Path, **options: Any) -> None:
    """Meta-train a searcher or predictor on source tasks and write it to a file, for use on other tasks."""
    saved = nm.meta_train(learner, sources, output=output, progress=True, **options)
    count = sum(source["labels"] for source in saved.card["sources"])
    echo_facts(
        {
            "learner": learner,
            "learned from": f"{', '.join(saved.sources)} ({count:,} labels)",
            "do not test on": ", ".join(saved.held_out),
            "file": f"{output} ({output.stat().st_size:,} bytes)",
            "sha256 of content": saved.sha256,
        }
    )


surrogate_app = new_app("Fit and score surrogates, small models that replace a table.")


@command(
    surrogate_app,
    task=Option("Name of a task, such as nb201/cifar10 or tnb101/jigsaw.", default=REQUIRED, argument=True),
    output=Option("Write the surrogate to this file (.npz).", Path),
    train_fraction=Option("Largest fraction of the architectures to train on.", float, 0.8),
    seed=Option("Seed of the split.", int, 0),
    overwrite=Option("Replace an existing file.", bool, False),
    examples=["nasmeta surrogate fit nb201/cifar10 --output cifar10.npz"],
)
def fit(task: str, output: Path | None, train_fraction: float, seed: int, overwrite: bool) -> None:
    """Fit a surrogate to part of a table, score it on the rest, and write it to a file."""
    from nasmeta.errors import SettingError
    from nasmeta.files import require_writable
    from nasmeta.surrogates import fit_surrogate

    if output is not None:  # before the fit
        if output.suffix != ".npz" or not output.parent.is_dir() or (output.exists() and not overwrite):
            raise SettingError("--output", str(output), "a new file that ends in .npz, or --overwrite")
        require_writable(output)
    with progress_bar(f"fitting {task}"):
        surrogate = fit_surrogate(task, train_fraction=train_fraction, seed=seed)
        files = [] if output is None else [surrogate.save(output)]
    _show(surrogate, surrogate.card["scores"])
    if files:
        echo_written(files)


@command(
    surrogate_app,
    surrogate=Option("A surrogate file, or the task of a shipped surrogate.", default=REQUIRED, argument=True),
    task=Option("Score against this task of the same space.", metavar="NAME", default_text="the surrogate's task"),
    examples=["nasmeta surrogate score nb201/cifar10", "nasmeta surrogate score cifar10.npz"],
)
def score(surrogate: str, task: str | None) -> None:
    """Score a surrogate on the architectures on which it was not trained; needs the table."""
    from nasmeta.surrogates import Surrogate

    loaded = Surrogate.load(surrogate)
    _show(loaded, loaded.score(task), task)


def _show(surrogate: Surrogate, scores: Mapping[str, Any], task: str | None = None) -> None:
    import pandas as pd

    card = surrogate.card
    title = f"Surrogate of {card['task']}" + (f" on {task}" if task else "")
    print_frame(pd.DataFrame(scores).T.astype(float).round(3).rename_axis("cells of").reset_index(), title)
    column = card["column"]
    address = "/".join(str(column[key]) for key in ("dataset", "metric", "split", "epochs", "seed"))
    echo_facts(
        {
            "trained on": f"{card['training_cells']:,} of {card['measured_cells']:,} architectures, {card['split']}",
            "labels": f"{address} in {surrogate.unit}, {column['release']}, from {column['source']}",
            "sha256": surrogate.sha256,
        }
    )


proxies_app = new_app("Measure zero-cost proxies: statistics of untrained networks.")


@proxies_app.callback()
def _proxies() -> None:
    """Measure zero-cost proxies: statistics of untrained networks."""


@command(
    proxies_app,
    output=Option("Write the proxies to this file (.npz).", Path, REQUIRED),
    space=Option("Space of the cells: nb201 or tnb101.", default="nb201"),
    data=Option(
        "Images, as in nasmeta train.", default="digits", metavar="KIND:PATH",
    ),
    n_images=Option("Number of images in the batch, at least 2.", int, 32),
    image_size=Option("Height and width of the images: a multiple of 4, at least 8.", int, 16),
    channels=Option("Channels of the first stage.", int, 16),
    cells_per_stage=Option("Cells in each of the three stages.", int, 1),
    seed=Option("Seed of the weights and the batch.", int, 0),
    repeats=Option("Number of seeds to average over.", int, 1),
    proxies=Option(
        "Names of nasmeta list proxies, separated by commas.", read=names_in, metavar="NAMES", default_text="nine"
    ),
    cells=Option("Indices of cells, separated by commas.", read=integers_in, default_text="all"),
    workers=Option("Number of processes, with one thread each.", int, 1),
    examples=["nasmeta proxies compute --data digits --output proxies.npz"],
)  # fmt: skip
def compute(
    output: Path, space: str, data: str, n_images: int, image_size: int, proxies: list[str] | None, workers: int,
    cells: list[int] | None, **settings: int,
) -> None:  # fmt: skip
    """Measure proxies for one cell of each isomorphism class; run the same command again to resume."""
    from nasmeta.training import load_images
    from nasmeta.training.proxies import DEFAULT_PROXIES, ProxySettings, measure_proxies

    measured = ProxySettings(tuple(proxies or DEFAULT_PROXIES), **settings)
    batch = load_images(data, n_images, image_size, measured.seed)
    where: dict[str, Any] = {"space": space, "cells": cells, "workers": workers}
    with progress_bar("networks") as bar:
        echo_written([measure_proxies(output, batch, measured, progress=bar.update, **where)])
