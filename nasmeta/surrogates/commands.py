"""``nasmeta surrogate``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from nasmeta.checks import with_unit
from nasmeta.errors import SettingError
from nasmeta.files import require_writable
from nasmeta.progress import progress_bar
from nasmeta.surrogates._estimator import SAVED
from nasmeta.surrogates._fit import fit_surrogate
from nasmeta.surrogates._surrogate import Surrogate
from nasmeta.terminal import options_from, print_facts, print_frame, print_written


@options_from(fit_surrogate, without="steps train")
def surrogate_fit_command(
    task: str, *, output: Path | None = None, replace: bool = False, **options: Any
) -> dict[str, Any]:
    """Fit a surrogate to part of a table, score it on the rest, and write it to a file.

    Parameters
    ----------
    task : str
        Name of a task, such as nb201/cifar10 or tnb101/jigsaw.
    output : path
        Write the surrogate to this file (.npz).
    replace : bool
        Replace an existing file.

    Examples
    --------
    nasmeta surrogate fit nb201/cifar10 --output cifar10.npz
    nasmeta surrogate fit mine/pets --predictor xgboost --groups depth,width --output pets.npz
    """
    if output is not None:  # before the fit
        if options.get("predictor") not in (None, SAVED):
            raise SettingError("--predictor", options["predictor"], f"{SAVED} with --output")
        is_possible = output.suffix == ".npz" and output.parent.is_dir()
        if not is_possible or (output.exists() and not replace):
            allowed = "a new file that ends in .npz, or --replace"
            raise SettingError("--output", str(output), allowed)
        require_writable(output)
    files = []
    with progress_bar(f"fitting {task}"):
        surrogate = fit_surrogate(task, **options)
        if output is not None:
            files.append(surrogate.save(output))
    record = _printed(surrogate, surrogate.card["scores"])
    if files:
        print_written(files)
    return record | {"files": files}


@options_from(Surrogate.score)
def surrogate_score_command(surrogate: str, *, task: str | None = None) -> dict[str, Any]:
    """Score a surrogate on the architectures on which it was not trained; needs the table.

    Parameters
    ----------
    surrogate : str
        A surrogate file, or the task of a shipped surrogate.

    Examples
    --------
    nasmeta surrogate score nb201/cifar10
    nasmeta surrogate score cifar10.npz
    """
    loaded = Surrogate.load(surrogate)
    return _printed(loaded, loaded.score(task), task)


def _printed(
    surrogate: Surrogate, scores: Mapping[str, Any], task: str | None = None
) -> dict[str, Any]:
    """Print the scores of a surrogate and the facts about it, and return them for ``--json``."""
    card = surrogate.card
    title = f"Surrogate of {card['task']}"
    if task:
        title += f" on {task}"
    table = pd.DataFrame(scores).T.astype(float).round(3)
    table = table.rename(columns={"cells": "architectures"}).rename_axis("scored on")
    print_frame(table.reset_index(), title)
    column = card["column"]
    parts = [column[key] for key in ("dataset", "metric", "split", "epochs", "seed")]
    address = "/".join(str(part) for part in parts if part is not None)
    label = with_unit(address, surrogate.unit)
    print_facts(
        {
            "trained on": f"{card['training_cells']:,} of {card['measured_cells']:,} architectures",
            "labels": f"{label}, {column['release']}, from {column['source']}",
            "sha256": surrogate.sha256,
        }
    )
    return {
        "task": task or card["task"],
        "scores": scores,
        "sha256": surrogate.sha256,
        "column": column,
        "training_cells": card["training_cells"],
        "measured_cells": card["measured_cells"],
    }
