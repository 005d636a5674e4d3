"""Train the picks of a search and random cells, and put what came out beside the table."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nasmeta
from nasmeta.checks import checked_whole
from nasmeta.errors import ColumnError, JournalError, SettingError, TrainingFailed
from nasmeta.evaluators import Trainer, default_split
from nasmeta.files import write_atomically
from nasmeta.places import checked_path
from nasmeta.spaces import canonical_dataset
from nasmeta.verification._chosen import ChosenCell, Searches, choose, read_searches
from nasmeta.verification._latency import latency
from nasmeta.verification._look_up import LookUp, look_up

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.training import ImageDataset, Recipe, TrainingResult

__all__ = ["Verification", "verify"]

_FORMAT = 1
_BATCHES = (1, 256)
_BAND = 2.0  # standard deviations


@dataclass(frozen=True, eq=False)
class Verification:
    """What was measured.

    Attributes
    ----------
    cells : DataFrame
        A row a cell: cell, role, architecture, searched_value; lookup (mean of the seeds), lookup_low, lookup_high,
        lookup_seeds, lookup_deviation; measured (mean over the trainings, validation), measured_deviation, trainings,
        measured_test; difference, allowed, in_band (None where the two cannot be compared); failures; parameters,
        train_seconds (mean of one training); latency_1_ms, latency_256_ms (median of a batch), table_latency_ms.
    epochs : DataFrame
        A row an epoch of a training: cell, role, seed and the fields of `nasmeta.training.EpochRecord`.
    facts : dict
        On what and how, and the rank correlations; of JSON's types.
    """

    cells: pd.DataFrame
    epochs: pd.DataFrame
    facts: dict[str, Any]


def verify(
    journals: Sequence[str | os.PathLike[str]],
    data: str | ImageDataset,
    recipe: str | Path | Recipe = "fast",
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
    announce: Callable[[str], object] | None = None,
    **options: Any,
) -> Verification:
    """Train the best cells of runs, and random cells as control, each several times.

    Parameters
    ----------
    journals : sequence of path
        Of runs on one task.
    data : str or ImageDataset
        As `nasmeta.training.load_dataset` takes it.
    recipe : str, Path or Recipe, default "fast"
        Trainings are comparable with a table where they follow the recipe ``nb201-12`` or ``nb201-200`` on its data.
    folder : path
        Each training has a sub-folder of ``trainings``; what is there is gone on with or taken as it is, so the same
        call again goes on after any end, and more seeds or cells may be asked for.
    top, controls, worst : int, default 3, 3, 0
        How many cells: see `choose`.
    seeds : int, default 2
        Trainings of each cell, of the seeds ``seed``, ``seed + 1``, …
    seed : int, default 0
        Also of the random cells.
    compare_with : str, optional
        The data set whose images these are, where the name does not say so, as for a folder.
    device : str, default "auto"
    isolated : bool, default True
        Train in a process of its own; a training that is killed is then a failed one.
    workers : int, "auto" or "ray", default 1
        More than one train side by side: see `nasmeta.training.train_many`.
    announce : callable, optional
        Is told in words what is done.
    **options
        Keyword arguments of `nasmeta.training.load_dataset`; the split is by default that of the tables where they
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
    accuracy in the table (`LookUp`): what two means over so many seeds differ by, if the trainings are alike. A table
    without single seeds, as that of 12 epochs, is taken for one training, and s is that of the trainings here, pooled
    over the cells.
    """
    searches = read_searches(journals)
    chosen = choose(searches, top, controls, worst, seed)
    seeds = checked_whole("seeds", seeds)
    home = checked_path("folder", folder)
    if isinstance(data, str):
        options.setdefault("split", "fraction" if "valid_fraction" in options else default_split(data))
    task = searches.task
    say = announce or (lambda text: None)
    with Trainer(data, recipe, task.space.name, device=device, options=options, isolated=isolated) as trainer:
        found = look_up(task, [c.cell for c in chosen], trainer.dataset, trainer.recipe, compare_with)
        _claim(home, {"task": task.name, **_identity_of(trainer)})
        results: dict[int, list[TrainingResult]] = {}
        failures: dict[int, list[str]] = {}
        for cell, result in _trainings(
            [c.cell for c in chosen], range(seed, seed + seeds), trainer, home, workers, say
        ):
            if isinstance(result, TrainingFailed):
                failures.setdefault(cell, []).append(result.reason)
            else:
                results.setdefault(cell, []).append(result)
        say("measuring latencies")
        latencies = _latencies(home, [c.cell for c in chosen if c.cell in results], trainer, device, seed)
    cells = _cells(chosen, searches, found, results, failures, latencies, compare_with or trainer.dataset.name)
    verification = Verification(
        cells, _epochs(chosen, results), _facts(searches, found, trainer, cells, latencies, top, seeds, seed)
    )
    _write(home, verification)
    return verification


def _trainings(
    cells: Sequence[int],
    seeds: range,
    trainer: Trainer,
    home: Path,
    workers: int | str,
    say: Callable[[str], object],
) -> Iterator[tuple[int, TrainingResult | TrainingFailed]]:
    """Yield each training's cell and result; both ways leave the same folders."""
    folder, total = home / "trainings", len(cells) * len(seeds)
    if workers != 1:
        from nasmeta.training import train_many

        say(f"{total} trainings, several at once")
        found = train_many(
            cells,
            trainer.space,
            trainer.dataset,
            trainer.recipe,
            seeds,
            folder=folder,
            device=trainer.device,
            workers=workers,
        )
        yield from zip(np.repeat(cells, len(seeds)).tolist(), found, strict=True)
        return
    for i, seed in enumerate(seeds):  # the first seed of all cells first: an interrupted verification has them all
        for j, cell in enumerate(cells):
            say(f"training {i * len(cells) + j + 1} of {total}: cell {cell}, seed {seed}")
            try:
                yield cell, trainer.train(cell, seed, folder / f"{cell}-{seed}")
            except TrainingFailed as failure:
                yield cell, failure


def _identity_of(trainer: Trainer) -> dict[str, Any]:
    return {
        "recipe": trainer.recipe.to_dict(),
        "data_sha256": trainer.dataset.sha256(),
        "split_sha256": trainer.dataset.split_sha256(),
    }


def _claim(home: Path, identity: Mapping[str, Any]) -> None:
    """Make the folder this verification's; another's, or one that cannot be written, is an error."""
    path = home / "verification.json"
    due = {"nasmeta_verification": _FORMAT, **identity}
    try:
        (home / "trainings").mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_atomically(path, json.dumps(due, indent=1) + "\n")
            return
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise SettingError(f"Cannot write to the folder {home}: {reason.strerror or reason}.") from reason
    except ValueError as reason:
        raise JournalError(f"{path} is damaged: {reason}. Use another folder.") from reason
    if not isinstance(found, dict):
        raise JournalError(f"{path} is damaged. Use another folder.")
    differing = [key for key in due if found.get(key) != due[key]]
    if differing:
        raise SettingError(
            f"{home} holds a verification with another {', another '.join(differing).replace('_sha256', '')}. "
            "Use another folder; top, controls, worst and seeds may differ here."
        )


def _latencies(
    home: Path, cells: Sequence[int], trainer: Trainer, device: str, seed: int
) -> dict[int, dict[str, dict[str, Any]]]:
    """Measure what was not measured before on this device; keep it in the folder, by device and cell."""
    from nasmeta.training import CellNetwork
    from nasmeta.training._machine import chosen_device, device_name

    path, here = home / "latency.json", device_name(chosen_device(device))
    of_devices = _known_latencies(path)
    known = of_devices.setdefault(here, {})
    recipe = trainer.recipe
    for cell in cells:
        if cell in known:
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
        known[cell] = {str(n): latency(network, trainer.dataset.image_size, n, device) for n in _BATCHES}
        write_atomically(path, json.dumps(of_devices, indent=1) + "\n")
    return known


def _known_latencies(path: Path) -> dict[str, dict[int, dict[str, dict[str, Any]]]]:
    """Read what was measured before; what is no measurement is left out, and so measured again."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        device: {
            int(cell): batches
            for cell, batches in cells.items()
            if cell.isdecimal()
            and isinstance(batches, dict)
            and all(_is_measured(batches.get(str(n)), device) for n in _BATCHES)
        }
        for device, cells in (found.items() if isinstance(found, dict) else ())
        if isinstance(cells, dict)
    }


def _is_measured(found: object, device: str) -> bool:
    return isinstance(found, dict) and found.get("device") == device and isinstance(found.get("median_ms"), float)


def _cells(
    chosen: Sequence[ChosenCell],
    searches: Searches,
    found: LookUp,
    results: Mapping[int, list[TrainingResult]],
    failures: Mapping[int, list[str]],
    latencies: Mapping[int, Mapping[str, Mapping[str, Any]]],
    dataset: str,
) -> pd.DataFrame:
    import pandas as pd

    space = searches.task.space
    table_latency = _table_latency(searches, canonical_dataset(dataset), [c.cell for c in chosen])
    from_trainings, pooled = bool(np.isnan(found.deviations).all()), _pooled_deviation(results)
    rows = []
    for i, entry in enumerate(chosen):
        mine = results.get(entry.cell, [])
        values = [r.valid_accuracy if r.valid_accuracy is not None else r.test_accuracy for r in mine]
        measured = [value for value in values if value is not None]
        tests = [r.test_accuracy for r in mine if r.test_accuracy is not None]
        n, n_table = len(measured), int(found.n_seeds[i])
        comparable = not found.not_comparable and n > 0
        difference = float(np.mean(measured)) - float(found.values[i]) if comparable else np.nan
        spread, of_table = (pooled, 1) if from_trainings else (float(found.deviations[i]), n_table)
        allowed = _BAND * spread * float(np.sqrt(1 / of_table + 1 / n)) if comparable and of_table else np.nan
        here = latencies.get(entry.cell, {})
        rows.append(
            {
                **asdict(entry),
                "architecture": space.to_string(entry.cell),
                "lookup": found.values[i],
                "lookup_low": found.lowest[i],
                "lookup_high": found.highest[i],
                "lookup_seeds": n_table,
                "lookup_deviation": found.deviations[i],
                "measured": np.mean(measured) if n else np.nan,
                "measured_deviation": np.std(measured, ddof=1) if n > 1 else np.nan,
                "trainings": n,
                "measured_test": np.mean(tests) if tests else np.nan,
                "difference": difference,
                "allowed": allowed,
                "in_band": None if np.isnan(allowed) or np.isnan(difference) else bool(abs(difference) <= allowed),
                "failures": ", ".join(failures.get(entry.cell, [])),
                "parameters": mine[0].parameters if mine else np.nan,
                "train_seconds": np.mean([r.train_seconds for r in mine]) if mine else np.nan,
                **{f"latency_{b}_ms": here.get(str(b), {}).get("median_ms", np.nan) for b in _BATCHES},
                "table_latency_ms": table_latency[i],
            }
        )
    return pd.DataFrame(rows)


def _pooled_deviation(results: Mapping[int, list[TrainingResult]]) -> float:
    """Return the standard deviation between seeds over all cells that have several; NaN where none has."""
    of_cells = [[r.valid_accuracy for r in found if r.valid_accuracy is not None] for found in results.values()]
    variances = [np.var(values, ddof=1) for values in of_cells if len(values) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else float("nan")


def _table_latency(searches: Searches, dataset: str, cells: Sequence[int]) -> Any:
    """Return the recorded latency of a batch in ms, of the task's data set where the table does not know this one."""
    table = searches.task.table
    for name in (dataset, searches.task.signal.dataset):
        try:
            return table.column(name, "latency_seconds", None, None, "mean").astype(float)[list(cells)] * 1e3
        except ColumnError:
            continue
    return np.full(len(cells), np.nan)


def _epochs(chosen: Sequence[ChosenCell], results: Mapping[int, list[TrainingResult]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        [
            {"cell": entry.cell, "role": entry.role, "seed": result.seed, **asdict(epoch)}
            for entry in chosen
            for result in results.get(entry.cell, [])
            for epoch in result.epochs
        ]
    )


def _facts(
    searches: Searches,
    found: LookUp,
    trainer: Trainer,
    cells: pd.DataFrame,
    latencies: Mapping[int, Mapping[str, Mapping[str, Any]]],
    top: int,
    seeds: int,
    seed: int,
) -> dict[str, Any]:
    dataset, recipe, column = trainer.dataset, trainer.recipe, found.column
    both = cells[cells["lookup"].notna() & cells["measured"].notna()]
    spearman, kendall = _rank_correlations(cells["lookup"], cells["measured"])
    devices = sorted({measured["device"] for found_ in latencies.values() for measured in found_.values()})
    return {
        "task": searches.task.name,
        "searchers": list(searches.searchers),
        "evaluated": len(searches.values),
        "searched_on": searches.evaluator["kind"] if searches.evaluator else "table",
        "data": dataset.name,
        "images": {name: len(positions) for name, positions in dataset.splits.items()},
        "image_size": list(dataset.image_size),
        "data_sha256": dataset.sha256(),
        "split_sha256": dataset.split_sha256(),
        "recipe": recipe.to_dict(),
        "top": top,
        "seeds": list(range(seed, seed + seeds)),
        "lookup": {
            "address": column.address,
            "release": column.release,
            "unit": column.unit,
            "not_comparable": found.not_comparable,
            "has_seeds": bool(found.n_seeds.any()),
        },
        "measured_split": "valid" if len(dataset.splits["valid"]) else "test",
        "cells": len(both),
        "spearman": spearman,
        "kendall": kendall,
        "latency_spearman": _rank_correlations(cells["table_latency_ms"], cells["latency_256_ms"])[0],
        "latency_devices": devices,
        "written_by": f"nasmeta {nasmeta.__version__}",
    }


def _rank_correlations(first: pd.Series[Any], second: pd.Series[Any]) -> tuple[float | None, float | None]:
    """Return Spearman's and Kendall's (τ-b) of what both know; None for fewer than three, or where all are equal."""
    from scipy import stats

    known = first.notna() & second.notna()
    x, y = first[known].to_numpy(float), second[known].to_numpy(float)
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None, None
    return float(stats.spearmanr(x, y).statistic), float(stats.kendalltau(x, y).statistic)


def _write(home: Path, verification: Verification) -> None:
    for name, frame in (("cells", verification.cells), ("epochs", verification.epochs)):
        write_atomically(home / f"{name}.csv", frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    write_atomically(home / "facts.json", json.dumps(verification.facts, indent=1) + "\n")
