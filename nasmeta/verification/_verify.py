"""Train the best cells of searches and random cells, and compare the results with the table."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.checks import check_int
from nasmeta.errors import TrainingFailed
from nasmeta.files import require_writable, write_atomically
from nasmeta.journals import Shard
from nasmeta.training import Trainer, TrainingResult, train_jobs
from nasmeta.verification._chosen import choose, read_searches
from nasmeta.verification._figures import plot_verification
from nasmeta.verification._frames import architectures_frame, epochs_frame, facts_of
from nasmeta.verification._look_up import look_up
from nasmeta.verification._page import write_verification_page

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from nasmeta.plotting import Width
    from nasmeta.training import ImageDataset, RecipeLike


@dataclass(frozen=True, eq=False)
class Verification:
    """The results of a verification.

    Attributes
    ----------
    architectures : DataFrame
        One row per cell: cell, role, architecture; searched_value, or predicted if the search was
        on predictions; lookup (measured, mean of the seeds of the table), lookup_low, lookup_high,
        lookup_seeds, lookup_std; trained (mean over the trainings here, validation), trained_std,
        trainings, trained_test; difference, allowed, in_band (None if the two are not comparable);
        failures; parameters, train_seconds (mean of one training).
    epochs : DataFrame
        One row per epoch of a training: cell, role, seed and the fields of
        `nasmeta.training.TrainingResult.epochs`.
    facts : dict
        Data, recipe, look-up and rank correlations; of JSON types.
    files : tuple of Path
        The page ``README.md`` and its figures; empty without a page.

    Examples
    --------
    >>> import pandas as pd
    >>> Verification(pd.DataFrame({"cell": [7]}), pd.DataFrame(), {"task": "nb201/cifar10"}).files
    ()
    """

    architectures: pd.DataFrame
    epochs: pd.DataFrame
    facts: dict[str, Any]
    files: tuple[Path, ...] = ()

    def plot(self, width: Width = None) -> Figure:
        """Plot the trained accuracies against the table.

        Bars show the range of the table's seeds, and one standard deviation of the trainings in
        both directions.

        Parameters
        ----------
        width : str or float, optional
            As in `nasmeta.analysis.plot_regret`; 3.6 inches by default.

        Returns
        -------
        matplotlib.figure.Figure
        """
        return plot_verification(self.architectures, self.facts, width)

    def write(
        self, folder: str | os.PathLike[str], command: str | None = None, note: str = ""
    ) -> list[Path]:
        """Write the page ``README.md``, which is returned first, and its figures.

        Parameters
        ----------
        folder : path
        command : str, optional
            The command line, which the page names.
        note : str
            A text in Markdown about the data, after the facts.
        """
        return write_verification_page(
            self.architectures, self.epochs, self.facts, Path(folder), command, note
        )


def verify(
    journals: Sequence[str | os.PathLike[str]],
    data: str | ImageDataset,
    recipe: RecipeLike | None = None,
    *,
    folder: str | os.PathLike[str],
    top: int = 3,
    controls: int = 3,
    worst: int = 0,
    seeds: int = 2,
    seed: int = 0,
    compare_with: str | None = None,
    device: str = "auto",
    isolated: bool = True,
    workers: int = 1,
    shard: str | None = None,
    progress: bool = False,
    page: bool = True,
    command: str | None = None,
) -> Verification:
    """Train the best cells of runs and random cells, and write a page that compares them with the table.

    The folder contains the page ``README.md`` with its pictures, the frames ``cells.csv`` and
    ``epochs.csv``, and ``facts.json``.

    Parameters
    ----------
    journals : sequence of path
        Of runs on one task.
    data : str or ImageDataset
        A source as in `nasmeta.training.ImageDataset.load`, or a loaded dataset.
    recipe : str, Path or Recipe, optional
        Name of a recipe (`list_recipes`) or a TOML file, as in `nasmeta.train`. The recipes
        ``nb201-12`` and ``nb201-200`` on the table's dataset give comparable values.
    folder : path
        Each training has its own folder in ``trainings``. The same call resumes after an
        interruption, and may add seeds or cells.
    top : int, default 3
        Number of the best evaluated cells to train. No two trained cells are isomorphic.
    controls : int, default 3
        Number of random cells to train for comparison.
    worst : int, default 0
        Number of the worst evaluated cells to train.
    seeds : int, default 2
        Number of trainings of each cell, with the seeds ``seed``, ``seed + 1``, …
    seed : int, default 0
        The first seed; it also determines the random cells.
    compare_with : str, optional
        Name of this dataset in the table, for example if `data` is a folder.
    device : str, default "auto"
        Device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    isolated : bool, default True
        Train in a worker process: if it is killed, the training is a failure. With several workers
        it always is.
    workers : int, default 1
        Number of parallel trainings, which share the device; see `nasmeta.training.train_many`.
    shard : str, optional
        ``I/N``, I from 0: train only the I-th of N parts, as the tasks of a job array do in one
        folder. The same call without it then trains the rest and writes the results.
    progress : bool, default False
        Show a progress bar over the epochs of all trainings.
    page : bool, default True
        Write the page, unless `shard` is given.
    command : str, optional
        The command line, which the page names.

    Returns
    -------
    Verification

    Raises
    ------
    JournalError, SettingError, UnknownNameError
        If the journals, the data, the recipe or the folder are impossible, or the folder contains
        other trainings of the same cells.

    Notes
    -----
    A mean of trainings is in the band if it differs from the look-up by at most
    ``2 s sqrt(1 / n_table + 1 / n_trained)``; s is the standard deviation between seeds of cells with a similar
    accuracy in the table. A table without single seeds, such as the table of 12 epochs, is treated as one training, and
    s is the pooled standard deviation of the trainings here.

    Examples
    --------
    >>> import tempfile
    >>> import nasmeta as nm
    >>> from nasmeta.training import ImageDataset, Recipe
    >>> few, recipe = ImageDataset.load("digits").subset(16), Recipe.load("tiny", epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = nm.search("random", "nb201/cifar10", evaluations=9, journal=f"{folder}/run.jsonl")
    ...     verification = nm.verify(
    ...         [f"{folder}/run.jsonl"], few, recipe, folder=folder, top=1, controls=1, seeds=1, isolated=False
    ...     )
    >>> list(verification.architectures["role"]), bool(verification.architectures["cell"][0] == run.best.architecture)
    (['pick', 'random'], True)
    >>> [file.name for file in verification.files]
    ['README.md', 'agreement.png', 'agreement.svg', 'curves.png', 'curves.svg']
    """
    searches = read_searches(journals)
    chosen = choose(searches, top, controls, worst, seed)
    architectures = [entry.cell for entry in chosen]
    home = Path(folder)
    task = searches.task
    require_writable(home, folder=True)
    jobs = []
    for training_seed in range(seed, seed + check_int("seeds", seeds)):
        jobs += [(architecture, training_seed) for architecture in architectures]
    if shard is not None:
        jobs = list(Shard.of(shard).dealt(jobs))
    results = defaultdict[int, list[TrainingResult]](list)
    failures = defaultdict[int, list[str]](list)
    with Trainer(data, recipe, task.space.name, device=device, isolated=isolated) as trainer:
        table = look_up(task, architectures, trainer.dataset, trainer.recipe, compare_with)
        with closing(train_jobs(jobs, trainer, home / "trainings", workers, progress)) as ended:
            for (architecture, _), result in ended:
                if isinstance(result, TrainingFailed):
                    failures[architecture].append(result.told)
                else:
                    results[architecture].append(result)
        # Workers finish in any order.
        for of_architecture in results.values():
            of_architecture.sort(key=lambda result: result.seed)
        frame = architectures_frame(chosen, searches, table, results, failures)
        facts = facts_of(searches, table, trainer, frame, top, seeds, seed)
    facts["trainings"] = sum(map(len, results.values()))
    facts["failed"] = sum(map(len, failures.values()))
    verification = Verification(frame, epochs_frame(chosen, results), facts)
    if shard is not None:
        return verification
    _write(home, verification)
    if page:
        files = verification.write(home, command)
        verification = replace(verification, files=tuple(files))
    return verification


def _write(home: Path, verification: Verification) -> None:
    frames = {"cells": verification.architectures, "epochs": verification.epochs}
    for name, frame in frames.items():
        text = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        write_atomically(home / f"{name}.csv", text)
    write_atomically(home / "facts.json", json.dumps(verification.facts, indent=1) + "\n")
