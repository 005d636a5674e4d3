"""A specification, run or gone on with."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from nasmeta.errors import JournalError
from nasmeta.experiments._compare import compare
from nasmeta.experiments._folder import ComparisonFolder
from nasmeta.experiments.specification._provenance import picks_of, provenance_of
from nasmeta.experiments.specification._read import read_specification
from nasmeta.experiments.specification._specification import OF_SOURCES, Specification
from nasmeta.places import located, read_whole
from nasmeta.tasks import get_task


def run_specification(
    specification: str | os.PathLike[str] | Specification,
    folder: str | os.PathLike[str] | None = None,
    *,
    repeats: int | None = None,
    workers: int | None = None,
    backend: str = "loky",
    address: str | None = None,
    gpus_per_worker: float | None = None,
    shard: str | None = None,
    progress: bool = False,
    journals: bool = True,
    device: str = "auto",
) -> pd.DataFrame:
    """Run a specification; the same call again goes on after any end.

    Parameters
    ----------
    specification : str, path or Specification
        A file, or the name of a ready one.
    folder : path, optional
        Where results are kept: journals, ``results.parquet``, ``picks.csv`` (what each run picked, with the columns
        that the specification reports), and from the start ``specification.toml`` and ``provenance.json`` (versions,
        releases of the data and their checksums; under ``earlier`` those that worked there before and differ).
    repeats : int, optional
        Runs of each searcher on each task, instead of what the specification says.
    workers, backend, address, gpus_per_worker, shard : optional
        Where it is run, as in `nasmeta.compare`; no result depends on it, so no specification says it.
    progress : bool, default False
    journals : bool, default True
        Whether each run keeps its journal; without, nothing can be gone on with, and a thousand short runs are quicker.
    device : str, default "auto"
        That trains, where the specification asks for training.

    Returns
    -------
    DataFrame
        As `nasmeta.compare` returns it.

    Raises
    ------
    SettingError, UnknownNameError, ColumnError, MissingValueError, JournalError

    Examples
    --------
    >>> from nasmeta.experiments import run_specification
    >>> frame = run_specification("first-steps")
    >>> frame["searcher"].cat.categories.tolist()
    ['random', 'evolution', 'small-evolution']
    """
    if not isinstance(specification, Specification):
        specification = read_specification(specification)
    if repeats is not None:
        specification = specification.with_repeats(repeats)
    home = None
    if folder is not None:
        home = _SpecifiedFolder(located("folder", folder), specification, journals=journals)
    answers: Any = specification.evaluator
    if specification.training is not None:
        answers = specification.answers(get_task(specification.tasks[0]), device)
    of_sources: dict[str, Any] = {key: specification.by_label(key) for key in OF_SOURCES}
    return compare(
        specification.searchers,
        list(specification.tasks),
        **_seeds(specification.seeds),
        evaluations=specification.evaluations,
        seconds=specification.seconds,
        folder=home,
        workers=workers,
        backend=backend,
        address=address,
        gpus_per_worker=gpus_per_worker,
        shard=shard,
        progress=progress,
        stop_at_optimum=specification.stop_at_optimum,
        evaluator=answers,
        clock=specification.clock,
        epochs=specification.epochs,
        **of_sources,
    )


def _seeds(seeds: tuple[int, ...]) -> dict[str, Any]:
    """Return seeds as `compare` takes them: a row of them by its first, so that more repeats go on with a folder."""
    if seeds == tuple(range(seeds[0], seeds[0] + len(seeds))):
        return {"seed": seeds[0], "repeats": len(seeds)}
    return {"seeds": seeds}


class _SpecifiedFolder(ComparisonFolder):
    """A comparison's folder with ``specification.toml``, ``provenance.json`` and ``picks.csv``.

    The first two are there from the start, so that a run that was killed keeps them.
    """

    def __init__(self, path: Path, specification: Specification, *, journals: bool = True) -> None:
        super().__init__(path, journals=journals)
        self._specification = specification

    def begin(self) -> None:
        """Write the specification and where its results come from; who worked here before stays listed."""
        provenance = self._with_earlier(provenance_of(self._specification))
        self.write("specification.toml", self._specification.text.encode())
        self.write("provenance.json", json.dumps(provenance, indent=2, ensure_ascii=False).encode() + b"\n")
        if not self._specification.report:
            with suppress(FileNotFoundError):
                (self.path / "picks.csv").unlink()

    def end(self, frame: pd.DataFrame) -> None:
        """Write what the runs picked."""
        if self._specification.report:
            self.write("picks.csv", picks_of(frame, self._specification).to_csv(index=False).encode())

    def _with_earlier(self, provenance: dict[str, Any]) -> dict[str, Any]:
        """Add what the file says of other versions, data and texts of the specification, oldest first."""
        path = self.path / "provenance.json"
        try:
            there = json.loads(read_whole(path))
            earlier = [*there.pop("earlier", []), there]
        except FileNotFoundError:
            return provenance
        except (ValueError, AttributeError, TypeError) as reason:
            raise JournalError(
                f"{path} is damaged: {reason}. It says which versions worked here: restore it, delete it, or use "
                "another folder."
            ) from None
        now = json.loads(json.dumps(provenance))
        others = [one for one in earlier if one != now]
        return provenance | {"earlier": others} if others else provenance
