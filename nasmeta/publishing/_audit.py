"""Audit a published file or the folder of a comparison."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from math import erfc, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nasmeta.arrays import Architectures, Epochs, Floats
from nasmeta.checks import check_int
from nasmeta.errors import JournalError, NasmetaError, SpaceExhaustedError
from nasmeta.experiments import read_published, replayed, results_in
from nasmeta.files import blaming
from nasmeta.journals import differences_from
from nasmeta.publishing._publish import checksums, config_of, content_of, source_of, summary_of
from nasmeta.registry import names_from_file
from nasmeta.runs import History, RunConfig, SearcherSpec, Trace, Transfer, history_of, results_frame, run_config
from nasmeta.searchers import MultiFidelitySearcher
from nasmeta.tasks import get_task
from nasmeta.threads import one_thread

_FRESH_SEEDS = (10**6, 2**31)  # least, and end
_ERROR = 0.03  # probability that level 2 rejects an honest file
_PERMUTATIONS = 10_000
_RARE = 5 / _PERMUTATIONS  # chances below cannot be counted


@dataclass
class Audit:
    """The result of an audit.

    Examples
    --------
    >>> from nasmeta.publishing import Audit
    >>> Audit("mine.json.gz", level=1).verdict
    'verified'
    """

    file: str
    level: int
    verdict: str = "verified"  # or "not reproduced", or "cannot be checked"
    reasons: list[str] = field(default_factory=list)
    author: str = ""
    tuned_on: list[str] = field(default_factory=list)  # tasks on which settings were tuned, as the author declares
    sha256: str = ""  # of the content
    repeated: int = 0  # runs of level 1
    fresh: int = 0  # runs of level 2

    def _reject(self, reason: str, verdict: str = "not reproduced") -> None:
        self.reasons.append(reason.rstrip("."))
        if self.verdict != "not reproduced":
            self.verdict = verdict

    def _skip(self, reason: str) -> None:
        self._reject(reason, "cannot be checked")

    @property
    def status(self) -> int:
        """The exit status of the command: 0 if verified, else 1."""
        return int(self.verdict != "verified")


def audit(
    file: str | os.PathLike[str],
    *,
    level: int = 1,
    runs: int | None = None,
    seed: int | None = None,
    run_code: bool = False,
) -> Audit:
    """Check published results against the tables, and by repeating some runs.

    Level 0 recomputes values, costs, curves and the summary from the tables. Level 1 also repeats randomly selected
    runs; every proposal must be equal. Level 2 also runs fresh seeds, and tests whether the published runs have the
    same ranks. It detects selected seeds, and is the only check of searchers with ``traces = "statistical"``.

    Parameters
    ----------
    file : path
        A file of `publish`, or the folder of a finished comparison.
    level : {0, 1, 2}, default 1
    runs : int, optional
        Number of runs to repeat, by default 30. At level 2 also the number of fresh runs of each searcher on each task,
        by default 20.
    seed : int, optional
        Seed of the selection of runs and of the fresh seeds; by default the checksum of the file, which its author
        knows.
    run_code : bool, default False
        Run searchers named as ``package.module:Name``. Only do this if you trust their code.

    Returns
    -------
    Audit

    Raises
    ------
    DamagedFileError
        If the file is damaged, or is not a published file.

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
    path, done = Path(file), Audit(str(file), check_int("level", level, 0, 2))
    with nullcontext() if run_code else names_from_file(), one_thread():
        try:
            content = content_of(path) if path.is_dir() else read_published(path)
        except JournalError as reason:
            done._reject(str(reason))
            return done
        done.sha256 = sha256(json.dumps(content).encode()).hexdigest()
        done.author, done.tuned_on = content.get("author", ""), content.get("tuned_on", [])
        with blaming(path, "published file of nasmeta"):
            pairs = _recomputed(content, done)
        if path.is_dir() and not done.reasons:
            _check_results(results_in(path), _frame(pairs), done)
        if level == 0 or done.verdict == "not reproduced":
            return done
        ready = [pair for pair in pairs if _prepare(pair, done, run_code)]
        rng = np.random.default_rng(int(done.sha256, 16) if seed is None else seed)
        try:
            _repeat(ready, done, rng.permutation, 30 if runs is None else check_int("runs", runs))
            if level == 2:
                _compare(ready, done, rng.integers(*_FRESH_SEEDS, size=(len(ready), 20 if runs is None else runs)))
        except NasmetaError as reason:  # of custom code
            done._skip(str(reason))
    return done


class _Pair:
    """The runs of a searcher on a task, recomputed from the tables; raises an error if this is not possible."""

    def __init__(self, entry: Any, seeds: list[int], done: Audit) -> None:
        self.entry, self.config, self.histories = entry, config_of(entry), list[History]()
        if checksums(self.config) != entry["columns"]:
            raise NasmetaError("The table has other values on this machine.")
        if [run["seed"] for run in entry["runs"]] != seeds:
            done._reject(f"{self}: the seeds are not those of the comparison.")
        for run in entry["runs"]:
            try:
                self.histories.append(_replayed(replace(self.config, seed=run["seed"]), run))
            except Exception as reason:  # the file may contain anything
                done._reject(f"{self}, seed {run['seed']}: {reason}")

    def __str__(self) -> str:
        return f"{self.config.label} on {self.config.task.name}"

    @cached_property
    def learnt(self) -> Transfer:
        """The knowledge from the sources."""
        return self.config.learn()

    def run(self, seed: int) -> History:
        """Do a run."""
        config = replace(self.config, seed=seed)
        return history_of(config, run_config(config, learnt=self.learnt))


def _recomputed(content: Any, done: Audit) -> list[_Pair]:
    """Recompute runs and summary from the tables."""
    pairs = []
    for entry in content["pairs"]:
        try:
            pairs.append(_Pair(entry, content["seeds"], done))
        except Exception as reason:  # the file may contain anything
            done._skip(f"{entry['label']} on {entry['identity']['task']}: {reason}")
    if not any(pair.histories for pair in pairs):
        done._skip("There are no runs.")
    if not done.reasons and (differences := differences_from(content["summary"], summary_of(_frame(pairs)))):
        done._reject(f"summary: {differences}")
    return pairs


def _frame(pairs: list[_Pair]) -> pd.DataFrame:
    """Return the results of all runs in a fixed order."""
    return _ordered(results_frame([history for pair in pairs for history in pair.histories]))


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"task": str, "searcher": str}).sort_values(
        ["task", "searcher", "seed", "evaluation"], ignore_index=True
    )


def _check_results(recorded: pd.DataFrame, here: pd.DataFrame, done: Audit) -> None:
    """Compare the results in a folder with those of the tables; its summary does not cover all columns."""
    from pandas.testing import assert_frame_equal

    audited = recorded["searcher"].isin(here["searcher"])
    if not audited.all():
        done.reasons.append("The audit does not cover the stored baselines in results.parquet.")
    try:
        assert_frame_equal(_ordered(recorded[audited]), here, check_categorical=False)
    except AssertionError as reason:
        done._reject(f"results.parquet differs from the tables: {str(reason).splitlines()[0]}")


class _Recorded(MultiFidelitySearcher):
    """Propose the architectures of a run in their order."""

    def __init__(self, config: RunConfig, run: Any) -> None:
        super().__init__(config.task.space, np.random.default_rng(0))
        architectures = np.array(run["architectures"])[:, None]
        epochs = run.get("epochs", np.full(len(architectures), config.evaluator.full_epochs))
        self._left = zip(architectures, np.array(epochs)[:, None], strict=True)

    def ask_at(self, n: int = 1) -> tuple[Architectures, Epochs]:
        """Return the next architecture; there is none after the last one."""
        if (proposal := next(self._left, None)) is None:
            raise SpaceExhaustedError
        return proposal

    def tell_at(self, architectures: Architectures, epochs: Epochs, values: Floats) -> None:
        """Ignore the values."""


def _replayed(config: RunConfig, run: Any) -> History:
    """Return a run with the values and costs of the tables."""
    if config.clock is None and config.evaluator.n_objectives == 1 and not config.evaluator.identity:
        trace = replayed(config, run)
    else:
        trace = run_config(config, searcher=_Recorded(config, run))
    if trace.stopped == "exhausted" and run["stopped"] == "stalled":  # only the searcher knows the difference
        trace.stopped = "stalled"
    if trace.stopped != run["stopped"]:
        raise JournalError(f"the run is stopped by {trace.stopped} here, but by {run['stopped']} in the file")
    return history_of(config, trace)


def _prepare(pair: _Pair, done: Audit, run_code: bool) -> bool:
    """Complete the config of a pair by its searcher; return False, with a reason, if it cannot be run here."""
    identity, plain = pair.entry["identity"], pair.config
    name, settings = identity["searcher"], identity["settings"]
    try:
        if "meta_model" in identity:
            raise NasmetaError("The file of its meta-model is needed.")
        if "code" in identity and not run_code:
            code = settings.get("command", name)
            raise NasmetaError(f"{code} is code of {done.author or 'an unknown author'}; see --run-code.")
        if plain.lengths:
            settings = settings | {"epochs": [*plain.lengths]}
        spec, sources = SearcherSpec.of(name, settings), [get_task(source["name"]) for source in identity["sources"]]
        pair.config = RunConfig.of(
            spec, plain.evaluator, plain.budget, sources=sources or None, clock=plain.clock, label=plain.label
        )
        if differences := differences_from(identity, pair.config.identity, ("nasmeta_journal", "seed", "written_by")):
            raise NasmetaError(f"{differences}.")
        if pair.entry["source"] != source_of(pair.config):
            done.reasons.append(f"{pair}: the stated source of the searcher differs from the source here")
        if done.level == 1 and spec.kind.traces == "statistical":
            raise NasmetaError("Its proposals may differ between processors; level 2 tests its results.")
    except Exception as reason:  # the file may contain anything
        done._skip(f"{pair}: {reason}")
        return False
    return True


def _repeat(pairs: list[_Pair], done: Audit, permute: Callable[[int], Any], n: int) -> None:
    """Repeat some runs of exact searchers; all proposals must be equal."""
    exact = [pair for pair in pairs if pair.config.searcher.kind.traces == "exact"]
    possible = [(pair, history) for pair in exact for history in pair.histories]
    for position in sorted(permute(len(possible))[:n]):
        pair, history = possible[position]
        due, here = _proposals(history), _proposals(pair.run(history.seed))
        done.repeated += 1
        if due != here:
            i = next(i for i, both in enumerate(zip(due, here, strict=False)) if both[0] != both[1])
            judge = done._reject if pair.entry["source"] == source_of(pair.config) else done._skip
            written_by = pair.entry["identity"]["written_by"]
            judge(f"{pair}, seed {history.seed}, of {written_by}: proposal {i + 1} is {due[i]}, but {here[i]} here.")


def _proposals(trace: Trace) -> list[Any]:
    """Return architecture and epochs of each evaluation in the order of starts, and the end."""
    return [*((architecture, details.get("epochs")) for architecture, _, _, details in trace.rows), trace.stopped]


def _compare(pairs: list[_Pair], done: Audit, seeds: NDArray[np.int64]) -> None:
    """Test whether the ranks of published runs and of runs with fresh seeds differ, for each pair and searcher."""
    tests, rng = dict[str, list[Floats]](), np.random.default_rng(0)
    for pair, own in zip(pairs, seeds.tolist(), strict=True):
        fresh = [pair.run(seed) for seed in own]
        done.fresh += len(fresh)
        tests[str(pair)] = [_rank_test(pair.histories, fresh, rng)]
        tests.setdefault(f"{pair.config.label} on all tasks", []).extend(tests[str(pair)])
    for who, scores in tests.items():
        z, *drawn = np.sum(scores, axis=0) / sqrt(len(scores))
        chance = np.mean(np.abs([z, *drawn]) >= abs(z) - 1e-9)  # of few different runs, above that of a normal score
        p = max(erfc(abs(z) / sqrt(2)), chance * (chance > _RARE)) * len(tests)
        if p < _ERROR:
            how = "better" if z < 0 else "worse"
            done._reject(f"{who}: the runs are {how} than with fresh seeds (corrected p = {p:.1g}).")


def _rank_test(published: list[History], fresh: list[History], rng: np.random.Generator) -> Floats:
    """Return the standardised rank sum of the published runs, negative if they are better, then those of permutations.

    Runs are ordered by their last regret, then by the evaluation that reached it. The variance is that of random
    permutations, also with ties.
    """
    from scipy.stats import rankdata

    regrets = [run.frame()["regret"].to_numpy() for run in (*published, *fresh)]
    order = np.unique([(each[-1], (each > each[-1]).sum()) for each in regrets], axis=0, return_inverse=True)[1]
    ranks, n, m = rankdata(order.ravel()), len(published), len(fresh)
    deviation = sqrt(n * m / (n + m) * ranks.var(ddof=1))
    drawn = rng.permuted(np.tile(ranks, (_PERMUTATIONS, 1)), axis=1)
    sums = np.vstack([ranks, drawn])[:, :n].sum(axis=1) - n * ranks.mean()
    return np.asarray(sums / deviation if deviation else 0 * sums)
