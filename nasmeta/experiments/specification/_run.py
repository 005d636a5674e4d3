"""A specification, run or gone on with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from nasmeta.experiments._compare import compare
from nasmeta.experiments.specification._folder import SpecifiedFolder
from nasmeta.experiments.specification._of_sources import OF_SOURCES
from nasmeta.experiments.specification._read import read_specification
from nasmeta.experiments.specification._specification import Specification
from nasmeta.places import located

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["run_specification"]


def run_specification(
    specification: str | os.PathLike[str] | Specification,
    folder: str | os.PathLike[str] | None = None,
    *,
    repeats: int | None = None,
    workers: int | None = None,
    backend: str = "loky",
    address: str | None = None,
    progress: bool = False,
    journals: bool = True,
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
    workers, backend, address : optional
        Where it is run, as in `nasmeta.compare`; no result depends on it, so no specification says it.
    progress : bool, default False
    journals : bool, default True
        Whether each run keeps its journal; without, nothing can be gone on with, and a thousand short runs are quicker.

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
        home = SpecifiedFolder(located("folder", folder), specification, journals=journals)
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
        progress=progress,
        stop_at_optimum=specification.stop_at_optimum,
        evaluator=specification.evaluator,
        clock=specification.clock,
        epochs=specification.epochs,
        **of_sources,
    )


def _seeds(seeds: tuple[int, ...]) -> dict[str, Any]:
    """Return seeds as `compare` takes them: a row of them by its first, so that more repeats go on with a folder."""
    if seeds == tuple(range(seeds[0], seeds[0] + len(seeds))):
        return {"seed": seeds[0], "repeats": len(seeds)}
    return {"seeds": seeds}
