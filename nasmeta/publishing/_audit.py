"""Audit a published file or the folder of a comparison."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from secrets import randbelow

import numpy as np

from nasmeta.checks import check_int
from nasmeta.errors import JournalError, NasmetaError
from nasmeta.experiments import read_published, results_in
from nasmeta.files import blaming, sha256_of
from nasmeta.publishing._fresh_runs import FRESH_RUNS, compare_ranks
from nasmeta.publishing._publish import content_of
from nasmeta.publishing._recompute import check_results, frame_of, recompute
from nasmeta.publishing._repeat import prepare, repeat
from nasmeta.publishing._verdict import Audit, reject, skip
from nasmeta.registry import names_from_file
from nasmeta.threads import one_thread

_REPEATED_RUNS = 30
_FRESH_SEEDS = (10**6, 2**31)  # least, and end


def audit(
    file: str | os.PathLike[str],
    *,
    level: int = 1,
    runs: int | None = None,
    seed: int | None = None,
    run_code: bool = False,
) -> Audit:
    """Check published results against the tables, and by repeating some runs.

    Level 0 recomputes values, costs, curves and the summary from the tables, and repeats runs that
    ended early. Level 1 also repeats randomly selected runs; every proposal must be equal. Level 2
    also runs fresh seeds, and tests whether the published runs have the same ranks. It detects
    selected seeds, and is the only check of searchers with ``traces = "statistical"``.

    Parameters
    ----------
    file : path
        A file of `publish`, or the folder of a finished comparison.
    level : {0, 1, 2}, default 1
    runs : int, optional
        Number of runs to repeat, by default 30. At level 2 also the number of fresh runs of each
        searcher on each task, by default 60.
    seed : int, optional
        Seed of the selection of runs and of the fresh seeds. The same seed repeats a verdict; it is
        random by default.
    run_code : bool, default False
        Run searchers named as ``package.module:Name``. Only do this if you trust their code.

    Returns
    -------
    Audit

    Raises
    ------
    FileNotFoundError, DamagedFileError
        If the file does not exist, is damaged, or is not a published file.

    Examples
    --------
    >>> import tempfile
    >>> import nasmeta as nm
    >>> with tempfile.TemporaryDirectory() as home:
    ...     frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=20, folder=home)
    ...     audit = nm.audit(home)
    >>> audit.verdict, audit.repeated
    ('verified', 2)
    """
    path = Path(file)
    result = Audit(str(file), check_int("level", level, 0, 2))
    names = nullcontext() if run_code else names_from_file()
    with names, one_thread():
        try:
            content = content_of(path) if path.is_dir() else read_published(path)
        except JournalError as reason:
            reject(result, str(reason))
            return result
        if path.is_dir():
            result.sha256 = sha256(json.dumps(content).encode()).hexdigest()
        else:
            result.sha256 = sha256_of(path)
        result.seed = randbelow(2**32) if seed is None else check_int("seed", seed, least=0)
        with blaming(path, "published file of nasmeta"):
            result.author = str(content.get("author", ""))
            result.tuned_on = [str(name) for name in content.get("tuned_on", [])]
            pairs = recompute(content, result)
        if path.is_dir() and result.verdict == "verified":
            check_results(results_in(path), frame_of(pairs), result)
        if result.verdict == "not reproduced":
            return result
        ready = []
        for pair in pairs:
            # Level 0 repeats only the runs that ended early.
            if (level or pair.early) and prepare(pair, result, run_code):
                ready.append(pair)
        rng = np.random.default_rng(result.seed)
        n_repeated, n_fresh = _REPEATED_RUNS, FRESH_RUNS
        try:
            if runs is not None:
                n_repeated = n_fresh = check_int("runs", runs)
            repeat(ready, result, rng, n_repeated)
            if level == 2:
                fresh_seeds = rng.integers(*_FRESH_SEEDS, size=(len(ready), n_fresh))
                compare_ranks(ready, result, fresh_seeds)
        except NasmetaError as reason:  # of custom code
            skip(result, str(reason))
    return result
