"""Train the picks of a search and random cells, and put what came out beside the table."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmeta.checks import check_bool, check_int, checked_types
from nasmeta.errors import SettingError, TrainingFailed, shown
from nasmeta.evaluators import Trainer, default_split
from nasmeta.files import write_atomically
from nasmeta.journals import Shard
from nasmeta.verification._chosen import choose, read_searches
from nasmeta.verification._folder import BATCHES, Latencies, VerificationJournal
from nasmeta.verification._frames import cells_frame, epochs_frame, facts_of, stack_facts
from nasmeta.verification._look_up import look_up

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from nasmeta.pictures import Width
    from nasmeta.training import ImageDataset, Recipe, TrainingResult
    from nasmeta.training._many import OnEnd


@dataclass(frozen=True, eq=False)
class Verification:
    """What was measured.

    Attributes
    ----------
    cells : DataFrame
        A row a cell: cell, role, architecture, searched_value; lookup (mean of the seeds), lookup_low, lookup_high,
        lookup_seeds, lookup_std; measured (mean over the trainings, validation), measured_std, trainings,
        measured_test; difference, allowed, in_band (None where the two cannot be compared); failures; parameters,
        train_seconds (mean of one training); latency_1_ms, latency_256_ms (median of a batch), table_latency_ms.
    epochs : DataFrame
        A row an epoch of a training: cell, role, seed and the fields of `nasmeta.training.TrainingResult.epochs`.
    facts : dict
        On what and how, and the rank correlations; of JSON's types.
    files : tuple of Path
        The page ``README.md`` and its pictures; none where no page was written.
    """

    cells: pd.DataFrame
    epochs: pd.DataFrame
    facts: dict[str, Any]
    files: tuple[Path, ...] = ()

    def plot(self, width: Width = None) -> Figure:
        """Draw what training measured against what the table says.

        Bars are the range of the table's seeds, and one standard deviation of the trainings either way.

        Parameters
        ----------
        width : str or float, optional
            As in `nasmeta.analysis.plot_regret`; 3.6 inches where left out.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from nasmeta.analysis import plot_verification

        return plot_verification(self.cells, self.facts, width)


@checked_types
def verify(
    journals: Sequence[str | os.PathLike[str]],
    data: str | ImageDataset,
    recipe: str | Path | Recipe | None = None,
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
    workers: int | str = 1,
    stack: int = 1,
    shard: str | None = None,
    announce: Callable[[str], object] | None = None,
    on_end: OnEnd | None = None,
    page: bool = True,
    command: str | None = None,
    **options: Any,
) -> Verification:
    """Train the best cells of runs, beside random cells, and write a page that compares them with the table.

    The page is ``README.md`` in the folder, with its pictures; the frames lie beside it as ``cells.csv`` and
    ``epochs.csv``, the facts as ``facts.json``.

    Parameters
    ----------
    journals : sequence of path
        Of runs on one task.
    data : str or ImageDataset
        As `nasmeta.training.ImageDataset.load` takes it.
    recipe : str, Path or Recipe, optional
        As in `nasmeta.train`. Trainings are comparable with a table where they follow the recipe ``nb201-12`` or
        ``nb201-200`` on its data.
    folder : path
        Each training has a sub-folder of ``trainings``; what is there is gone on with or taken as it is, so the same
        call again goes on after any end, and more seeds or cells may be asked for.
    top, controls, worst : int, default 3, 3, 0
        How many of the best evaluated cells, of random ones and of the worst; no two are isomorphic.
    seeds : int, default 2
        Trainings of each cell, of the seeds ``seed``, ``seed + 1``, …
    seed : int, default 0
        Also of the random cells.
    compare_with : str, optional
        The data set whose images these are, where the name does not say so, as for a folder.
    device : str, default "auto"
    isolated : bool, default True
        Train in a process of its own; a training that is killed is then a failed one. With several workers it always
        is.
    workers : int, "auto" or "ray", default 1
        More than one train side by side: see `nasmeta.training.train_many`.
    stack : int, default 1
        Train so many cells of a seed side by side as one network: see `nasmeta.training.train_many`. A folder is of
        trainings in stacks, or of single ones.
    shard : str, optional
        ``I/N``, I from 0: do the I-th of N parts of the trainings only, such as the tasks of a job array do, all in one
        folder. The same call without it then takes what they trained, trains what is missing, measures latencies and
        writes the results; where it is given, ``cells`` and ``epochs`` tell of this part's trainings alone.
    announce : callable, optional
        Is told in words what is done, after each epoch too; before stacks also the seconds and the memory that they
        will take, as a trial with few images says.
    on_end : callable, optional
        Is called with cell, seed and `TrainingResult` or `TrainingFailed` when a training has ended.
    page : bool, default True
        Write the page; with `shard` there is none.
    command : str, optional
        Which the page names as the one that wrote it.
    **options
        Keyword arguments of `nasmeta.training.ImageDataset.load`; the split is by default that of the tables where they
        know the data set and no ``valid_fraction`` is given.

    Returns
    -------
    Verification

    Raises
    ------
    JournalError, SettingError, UnknownNameError
        Where the journals, the data, the recipe or the folder are not possible, or the folder is another
        verification's.

    Notes
    -----
    A measured mean is in the band where it differs from the look-up by at most
    ``2 s sqrt(1 / n_table + 1 / n_trained)``, with s the standard deviation between seeds of cells of about this
    accuracy in the table: what two means over so many seeds differ by, if the trainings are alike. A table
    without single seeds, as that of 12 epochs, is taken for one training, and s is that of the trainings here, pooled
    over the cells.

    Examples
    --------
    >>> import tempfile
    >>> import nasmeta as nm
    >>> from nasmeta.training import ImageDataset, Recipe
    >>> few, recipe = ImageDataset.load("digits").subset(16), Recipe.load("tiny", epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = nm.search("random", "nb201/cifar10", evaluations=9, journal=f"{folder}/run.jsonl")
    ...     found = nm.verify(
    ...         [f"{folder}/run.jsonl"], few, recipe, folder=folder, top=1, controls=1, seeds=1, isolated=False
    ...     )
    >>> list(found.cells["role"]), bool(found.cells["cell"][0] == run.best.cell)
    (['pick', 'random'], True)
    >>> [file.name for file in found.files]
    ['README.md', 'agreement.png', 'curves.png', 'cells.png']
    """
    searches = read_searches(journals)
    chosen = choose(searches, top, controls, worst, seed)
    seeds, stack, page = check_int("seeds", seeds), check_int("stack", stack), check_bool("page", page)
    if stack > 1 and workers != 1:
        raise SettingError(f"A stack trains in one process: leave out workers={shown(workers)}, or stack={stack}.")
    home = Path(folder)
    if isinstance(data, str):
        options.setdefault("split", "fraction" if "valid_fraction" in options else default_split(data))
    task, part = searches.task, None if shard is None else Shard.of(shard)
    wanted = _share([c.cell for c in chosen], range(seed, seed + seeds), part, stack)
    say = announce or (lambda text: None)
    with Trainer(data, recipe, task.space.name, device=device, options=options, isolated=isolated) as trainer:
        trainer.announce = announce
        if stack > 1:
            from nasmeta.training._stack import check_stackable  # brings PyTorch

            check_stackable(trainer.recipe)
        found = look_up(task, [c.cell for c in chosen], trainer.dataset, trainer.recipe, compare_with)
        results: dict[int, list[TrainingResult]] = {}
        failures: dict[int, list[str]] = {}
        stacked = {"stacked": True} if stack > 1 else {}
        with ExitStack() as held:
            journal = VerificationJournal(home, {"task": task.name, **trainer.identity, **stacked})
            if part is None:
                held.enter_context(journal)
            else:
                journal.close()  # it says whose the folder is; the trainings of other parts go on beside these
            for cell, result in _trainings(wanted, trainer, home, workers, stack, say, on_end):
                if isinstance(result, TrainingFailed):
                    failures.setdefault(cell, []).append(result.told)
                else:
                    results.setdefault(cell, []).append(result)
            latencies: dict[int, Latencies] = {}
            if part is None:
                say("measuring latencies")
                latencies = _latencies(journal, [c.cell for c in chosen if c.cell in results], trainer, seed)
            cells = cells_frame(
                chosen, searches, found, results, failures, latencies, compare_with or trainer.dataset.name
            )
            facts = facts_of(searches, found, trainer, cells, latencies, top, seeds, seed)
            facts |= stack_facts(results)
            facts["trainings"], facts["failed"] = (sum(map(len, of.values())) for of in (results, failures))
            verification = Verification(cells, epochs_frame(chosen, results), facts)
            if part is None:
                _write(home, verification)
                if page:
                    from nasmeta.analysis import write_verification_page

                    say("writing the page")
                    files = write_verification_page(cells, verification.epochs, facts, home, command)
                    verification = replace(verification, files=tuple(files))
    return verification


def _share(cells: Sequence[int], seeds: range, part: Shard | None, stack: int) -> dict[int, list[int]]:
    """Return the cells of each seed that a part trains; all where there are no parts.

    The first seed of all cells is first, so that an interrupted verification has them all. Trainings in stacks are cut
    into blocks, so that a part has many cells of one seed.
    """
    jobs = [(seed, cell) for seed in seeds for cell in cells]
    own = jobs if part is None else part.dealt(jobs) if stack == 1 else part.block(jobs)
    found: dict[int, list[int]] = {}
    for seed, cell in own:
        found.setdefault(seed, []).append(cell)
    return found


def _trainings(
    wanted: Mapping[int, Sequence[int]],
    trainer: Trainer,
    home: Path,
    workers: int | str,
    stack: int,
    say: Callable[[str], object],
    on_end: OnEnd | None,
) -> Iterator[tuple[int, TrainingResult | TrainingFailed]]:
    """Yield each training's cell and result, of the cells of each seed; both ways leave the same folders."""
    ended = on_end or (lambda cell, seed, outcome: None)
    if not callable(ended):
        raise SettingError(f"on_end must be a function, not {shown(on_end)}.")
    folder, total = home / "trainings", sum(map(len, wanted.values()))
    if stack > 1:
        estimated = ""
        for seed, cells in wanted.items():
            folders: dict[int, Path | None] = {cell: folder / f"{cell}-{seed}" for cell in cells}
            what = f"training {len(cells)} cells, {min(stack, len(cells))} side by side, seed {seed}"
            said = ""
            if trainer.announce is not None and not estimated:
                estimated = trainer.estimate_stack(folders, stack)
                said = f" ({estimated})" if estimated else ""
            tell = trainer.announced(what, len(cells) * trainer.recipe.epochs, said)
            for cell, outcome in trainer.train_stack(folders, seed, stack, tell=tell).items():
                ended(cell, seed, outcome)
                yield cell, outcome
        return
    if workers != 1:
        from nasmeta.training import train_many

        say(f"{total} trainings, several at once")
        alike: dict[tuple[int, ...], list[int]] = {}  # seeds of the same cells train at once
        for seed, cells in wanted.items():
            alike.setdefault(tuple(cells), []).append(seed)
        how: dict[str, Any] = {"folder": folder, "device": trainer.device, "workers": workers}
        how["on_end"] = on_end
        for of_seeds, seeds in alike.items():
            found = train_many(of_seeds, trainer.space, trainer.dataset, trainer.recipe, seeds, **how)
            yield from zip(np.repeat(of_seeds, len(seeds)).tolist(), found, strict=True)
        return
    from nasmeta.training._result import RESULT_FILE

    seconds: list[float] = []
    result: TrainingResult | TrainingFailed
    jobs = [(cell, seed) for seed, cells in wanted.items() for cell in cells]
    due = [not (folder / f"{cell}-{seed}" / RESULT_FILE).is_file() for cell, seed in jobs]
    for done, (cell, seed) in enumerate(jobs):
        left = f", about {np.mean(seconds) * sum(due[done:]) / 60:.0f} minutes left" if seconds else ""
        what = f"training {done + 1} of {total}: cell {cell}, seed {seed}{left}"
        tell = trainer.announced(what, trainer.recipe.epochs)
        try:
            result = done_one = trainer.train(cell, seed, folder / f"{cell}-{seed}", tell=tell)
            seconds.append(done_one.train_seconds + done_one.evaluate_seconds)
        except TrainingFailed as failure:
            result = failure
        ended(cell, seed, result)
        yield cell, result


def _latencies(journal: VerificationJournal, cells: Sequence[int], trainer: Trainer, seed: int) -> dict[int, Latencies]:
    """Measure what was not measured before on this device; return all that is known of it."""
    from nasmeta.training import CellNetwork
    from nasmeta.training._machine import chosen_device, device_name

    here, recipe = device_name(chosen_device(trainer.device)), trainer.recipe
    for cell in cells:
        if (here, cell) in journal.found:
            continue
        network = CellNetwork(
            cell,
            trainer.space,
            n_classes=trainer.dataset.n_classes,
            channels=recipe.channels,
            cells_per_stage=recipe.cells_per_stage,
            prune=True,
            seed=seed,
        )
        measured = {str(n): latency(network, trainer.dataset.image_size, n, trainer.device) for n in BATCHES}
        journal.record(here, cell, measured)
    return {cell: measured for (device, cell), measured in journal.found.items() if device == here}


def _write(home: Path, verification: Verification) -> None:
    for name, frame in (("cells", verification.cells), ("epochs", verification.epochs)):
        write_atomically(home / f"{name}.csv", frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    write_atomically(home / "facts.json", json.dumps(verification.facts, indent=1) + "\n")


_MOST_PASSES, _LEAST_PASSES = 50, 5
_WARM_UP = 2


def latency(
    network: Any, image_size: tuple[int, int], batch_size: int, device: str = "auto", seconds: float = 1.0
) -> dict[str, Any]:
    """Measure the forward pass of a network, in float32, on images that lie on the device already.

    It is moved there and put into evaluation mode. After so many seconds no further pass is begun, once there were 5;
    there are 50 at most, and two come first, unmeasured.
    """
    import torch

    from nasmeta.training._machine import chosen_device, device_name

    chosen = chosen_device(device)
    images = torch.zeros(check_int("batch_size", batch_size), 3, *image_size, device=chosen)
    network = network.to(chosen).eval()
    cuda = chosen.type == "cuda"
    times: list[float] = []
    with torch.inference_mode():
        for _ in range(_WARM_UP):
            network(images)
        began = time.perf_counter()
        while len(times) < _LEAST_PASSES or (len(times) < _MOST_PASSES and time.perf_counter() - began < seconds):
            if cuda:
                torch.cuda.synchronize(chosen)
            start = time.perf_counter()
            network(images)
            if cuda:
                torch.cuda.synchronize(chosen)
            times.append(time.perf_counter() - start)
    return {
        "median_ms": float(np.median(times)) * 1e3,
        "min_ms": min(times) * 1e3,
        "passes": len(times),
        "device": device_name(chosen),
    }
