"""Predictors × numbers of labels × draws: the comparison, its journal, and its files."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import nasmeta
from nasmeta.analysis import summarise_predictions, write_prediction_summary
from nasmeta.checks import check_choice, check_int
from nasmeta.code import code_within
from nasmeta.errors import ColumnError, JournalError, SettingError, UnknownNameError, shown
from nasmeta.files import require_writable
from nasmeta.journals import JournalFile, same_code
from nasmeta.prediction._models import LearntPredictor, Model, PredictorsLike, models_of
from nasmeta.predictors import isomorph_split, knows_deviation
from nasmeta.predictors._metrics import LEVELS, calibration, rank_correlations
from nasmeta.progress import Bar, progress_bar
from nasmeta.runs._sources import SourcesLike
from nasmeta.spaces import SearchSpace, get_space, reference_space
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task, as_task
from nasmeta.threads import one_thread

Rows: TypeAlias = list[dict[str, Any]]
_Done: TypeAlias = tuple[dict[str, Any], Rows]  # a job and its result
Rule: TypeAlias = Literal["upstream", "zero", "skip", "function"]

DEFAULT_PREDICTORS = ("gp/xgboost:default+proxies", "ensemble", "gp", "xgboost", "ridge", "nwot", "parameters")
PLAIN_PREDICTORS = ("gp", "xgboost", "random-forest", "ridge")  # for spaces without measured zero-cost proxies
PROTOCOLS = ("few", "half")
RULES: tuple[Rule, ...] = get_args(Rule)
SIZES = (10, 20, 50, 78, 156, 469, 781, 1563)
_CALIBRATED_ON = 2000  # architectures: coverage is then known to 0.01, and all deviations would take the longest
_TIMES = ("fit_seconds", "predict_seconds", "cpu_seconds")
_SCORES = ("kendall_tau", "spearman", "rmse", "crps", *(f"coverage_{100 * level:.3g}" for level in LEVELS))
_COLUMNS = ("task", "target", "protocol", "scope", "predictor", "encoder", "n_train", "draw", "n_scored")


@dataclass(frozen=True, eq=False)
class PredictorComparison:
    """How well predictors order architectures.

    Attributes
    ----------
    frame : DataFrame
        One row per fit and scope, see `nasmeta.predict`.
    summary : DataFrame
        One row per predictor, scope and number of labels.
    files : tuple of Path
        The files written; empty without a folder.
    remarks : tuple of str
        Models that have learnt from the task's own data, so that their scores are no honest test.

    Examples
    --------
    >>> import nasmeta as nm
    >>> found = nm.predict("ridge", sizes=[20], target="valid", draws=1)
    >>> list(found.frame["scope"]), list(found.summary["predictor"].unique())
    (['isomorph-disjoint', 'unseen', 'all'], ['ridge'])
    """

    frame: pd.DataFrame
    summary: pd.DataFrame
    files: tuple[Path, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the scores has to know."""
        return tuple(self.frame.attrs.get("remarks", ()))


def predict(
    predictors: PredictorsLike | None = None,
    task: str | Task = "nb201/cifar10",
    *,
    protocol: str = "few",
    sizes: Iterable[int] | None = None,
    target: str | None = None,
    encoder: str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    sources: SourcesLike | None = None,
    draws: int = 5,
    rule: str = "upstream",
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> PredictorComparison:
    """Compare predictors: how well they order the cells of a space from few labels.

    A predictor is fitted on the task's signal (validation, mean of the measured seeds) of n random cells, and its
    order of cells is compared with their test values. The cells of a draw are the same for all predictors.

    Parameters
    ----------
    predictors : str, estimator, sequence of these, or mapping of label to these, optional
        * Anything that `nasmeta.predictors.make_predictor` accepts: a name, ``package.module:Name``, or a scikit-learn
          estimator, which is put behind an encoder unless it reads architectures.
        * ``NAME:ENCODER`` chooses the encoder: names of `make_encoder` joined by ``+``; ``default``, the predictor's
          own; ``proxies``, the zero-cost proxies that this project has measured; ``published-proxies``, those of the
          table. Several predictors joined by ``/`` are an ensemble.
        * The names of proxies, ``parameters`` and ``flops``: orders that need no label. ``source-order``: the mean
          score on the sources, the prior without any label of the target.
        * A name in `nasmeta.meta.META_PREDICTORS`, such as ``maml``, which is meta-trained first, with seed 0; a file
          that `nasmeta.meta_train` wrote, or the name of a shipped model.

        By default, those that suit the space.
    task : str or Task, default "nb201/cifar10"
        A task, or in short a dataset of nb201 such as ``cifar10``.
    folder : path, optional
        For the journal, ``results.csv``, ``summary.md`` and figures; the same call again resumes after any end, a kill
        included. Estimators are told apart by class and parameters; a parameter without readable content, such as a
        lambda, is a `SettingError`. Fits by code of yours that has changed since are refused.
    protocol : {"few", "half"}, default "few"
        Labels of `sizes` cells, or of half of the cells.
    sizes : iterable of int, optional
        Numbers of labels; by default those of 10, 20, 50, 78, 156, 469, 781 and 1,563 below half of the cells.
    target : {"test", "valid"}, optional
        What the predicted order is compared with: test values, or the signal itself. By default test values, if the
        signal is a validation value.
    encoder : str, optional
        Of the predictors that name none.
    settings : mapping of label to mapping, optional
        Settings of `make_predictor`, or of the meta-predictor.
    sources : names of tasks or families, Tasks or SourceTasks, optional
        What source-order and meta-predictors learn from; by default the family of the task without its dataset.
    draws : int, default 5
    rule : {"upstream", "zero", "skip", "function"}, default "upstream"
        What counts as isomorphic, see `CellSpace.canonical`; ``function``, the strictest, is
        `CellSpace.function_classes`.
    seed : int, default 0
        The seeds of the draws are spawned from it.
    progress : bool, default False
        Show a progress bar on stderr.

    Returns
    -------
    PredictorComparison
        ``files``: what was written; ``remarks``: which models have learnt from the task's own data, so that their
        scores are no honest test; ``summary``: one row a predictor, scope and number of labels, means over the draws
        with 95 % intervals (``_low``, ``_high``) of ``kendall_tau`` and ``spearman``, medians of seconds;

        ``frame``: one row a fit and scope, in the order of predictors, sizes and draws. Columns: task; target (its
        address and release); protocol; scope (``isomorph-disjoint``: scored on cells of which no isomorph gave a label,
        the figure to quote; ``unseen``: on all that gave none; ``all``, as published work does); predictor (the label);
        encoder; n_train (with ``half`` about so many, for whole classes are drawn); draw; n_scored; kendall_tau (τ-b)
        and spearman, against the target; rmse, against the signal in its unit; crps and coverage_10 … coverage_95 (of
        the central intervals), against the signal on at most 2,000 isomorph-disjoint cells, where the predictor knows
        a deviation; fit_seconds and predict_seconds (of all cells), and the processor's time for both, cpu_seconds.
        NaN where nothing is known.

    Raises
    ------
    UnknownNameError, SettingError, JournalError, LeakageError
    ColumnError
        Where the table here has no test values; the message names the command that brings them.

    Examples
    --------
    >>> import nasmeta as nm
    >>> found = nm.predict(["ridge", "nwot"], "cifar10", sizes=[78], target="valid", draws=2)
    >>> tau = found.summary.query("scope == 'all'").set_index("predictor")["kendall_tau"]
    >>> bool(tau["ridge"] > tau["nwot"]), len(found.frame), found.files
    (True, 12, ())
    """
    home = None if folder is None else Path(folder)
    if home is not None:
        require_writable(home, folder=True)
    check_choice("protocol", protocol, PROTOCOLS)
    rule = cast(Rule, check_choice("rule", rule, RULES))
    # Names are checked before the table, which may have to be fetched.
    models = None if predictors is None else models_of(predictors, encoder, settings, sources)
    question = _Question.of(f"nb201/{task}" if isinstance(task, str) and "/" not in task else task, target)
    space = question.task.space
    if models is None:
        has_proxies = reference_space(space) == get_space("nb201")
        models = models_of(DEFAULT_PREDICTORS if has_proxies else PLAIN_PREDICTORS, encoder, settings, sources)
    numbers = _checked_sizes(protocol, sizes, len(question.pool))
    draws = check_int("draws", draws, most=10_000)
    seed = check_int("seed", seed, least=0, most=2**63)
    built = [model.build(question.task, 0) for model in models]  # impossible settings are noticed here
    # Without a folder the label is identity enough, so that an estimator may have parameters of any kind.
    identities = [{"label": model.label} if home is None else model.identity(question.task) for model in models]
    codes = [None if home is None else code_within(estimator) for estimator in built]
    header = {
        "task": question.task.name,
        "signal_sha256": question.task.column.source_sha256,
        "target": question.name,
        "target_sha256": question.target_info.source_sha256,
        "rule": rule,
        "seed": seed,
        "written_by": f"nasmeta {nasmeta.__version__}, numpy {np.__version__}",
    }
    rows: Rows = []
    bar = progress_bar("fits", len(models) * len(numbers) * draws, shown=progress)
    with Records(home, header) as records, one_thread(), bar as counter:
        for model, identity, code in zip(models, identities, codes, strict=True):
            warm = False
            for n, draw in ((n, draw) for n in numbers for draw in range(draws)):
                job = {**identity, "protocol": protocol, "n_train": n, "draw": draw}
                found = records.find(job, code, model.label)
                if found is None:
                    if not warm:
                        _warm_up(model, question, counter)
                        warm = True
                    child = np.random.SeedSequence(seed, spawn_key=(draw,))
                    splits = splits_of(protocol, space, question.pool, n, child, rule)
                    found = [row for split in splits for row in _scores_of(model, question, split, child)]
                    records.add(job, found, code)
                about = {
                    "task": question.task.name, "target": question.name, "protocol": protocol,
                    "predictor": model.label, "encoder": model.encoder, "n_train": n, "draw": draw,
                }  # fmt: skip
                rows += [{**about, **row} for row in found]
                counter.advance()
    frame = pd.DataFrame(rows).reindex(columns=[*_COLUMNS, *_SCORES, *_TIMES])
    frame = frame.astype(dict.fromkeys((*_SCORES, *_TIMES), "float64"))
    seen = {one.seen: None for one in built if isinstance(one, LearntPredictor) and one.seen}
    frame.attrs["remarks"] = list(seen)
    files = () if home is None else tuple(write_prediction_summary(frame, home))
    return PredictorComparison(frame, summarise_predictions(frame), files)


# -- the journal ------------------------------------------------------------------------------------------------------
class Records:
    """Finished jobs of a benchmark, by job; with a folder they are kept in its journal.

    A line of the journal is ``[job, rows, checksum]``. A job contains the digest of the user's code, if any. Other
    predictors, sizes and draws may join the file.
    """

    def __init__(self, folder: Path | None, identity: Mapping[str, Any]) -> None:
        self._journal = None if folder is None else _BenchmarkJournal(folder / "journal.jsonl", identity)
        self._known: dict[str, _Done] = {}
        if self._journal is not None:
            self._known = {_named(job): (job, rows) for job, rows in self._journal.records}

    def find(self, job: Mapping[str, Any], code: str | None = None, label: str = "") -> Rows | None:
        """Return the rows of a finished job; None if there are none.

        Raises
        ------
        JournalError
            If the user's code has changed since then; the label is for the message.
        """
        there = self._known.get(_named(job))
        if there is None:
            return None
        if self._journal is not None and (was := there[0].get("code")) != code:
            raise JournalError(
                f"{self._journal.path} contains results of other code of {label}: {was} there, {code} now. Use another "
                f"folder, or {same_code(was)}."
            )
        return there[1]

    def add(self, job: Mapping[str, Any], rows: Rows, code: str | None = None) -> None:
        """Record a job; afterwards a killed process does not lose it."""
        job = dict(job) if code is None else {**job, "code": code}
        self._known[_named(job)] = job, rows
        if self._journal is not None:
            self._journal.add(f"{json.dumps(job)},{json.dumps(rows)}")
            self._journal.flush()

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        if self._journal is not None:
            self._journal.close()


class _BenchmarkJournal(JournalFile):
    mark, of = "nasmeta_prediction", "predictor benchmark"


def _named(job: Mapping[str, Any]) -> str:
    return json.dumps({key: entry for key, entry in job.items() if key != "code"}, sort_keys=True)


# -- which architectures give labels, and which are scored ------------------------------------------------------------
@dataclass(frozen=True)
class Split:
    """Architectures to learn from, and by scope those to score.

    ``isomorph-disjoint``: those without a labelled isomorph; ``unseen``: those without a label; ``all``: every one, as
    published work scores, the training set included.
    """

    train: NDArray[np.int32]
    scored: Mapping[str, NDArray[np.int32]]


def splits_of(
    protocol: str, space: SearchSpace, pool: NDArray[np.int32], n: int, draw: np.random.SeedSequence, rule: Rule
) -> list[Split]:
    """Return the splits of one draw.

    ``few`` draws n architectures, each with the same chance; more labels of the same draw extend the same set. One fit
    serves all scopes. ``half`` needs two: half of the architectures at random, and half of the isomorphism classes,
    because few architectures have no isomorph in a random half.
    """
    rng = np.random.default_rng(draw)
    if protocol == "few":
        train, disjoint = isomorph_split(space, n_train=n, cells=pool, rng=rng, rule=rule)
        unseen = np.setdiff1d(pool, train)
        return [Split(train, {"isomorph-disjoint": disjoint, "unseen": unseen, "all": pool})]
    shuffled = rng.permutation(pool)
    at_random = Split(shuffled[:n], {"unseen": shuffled[n:], "all": pool})
    train, test = isomorph_split(space, test_fraction=0.5, cells=pool, rng=rng, rule=rule)
    return [Split(train, {"isomorph-disjoint": test}), at_random]


def _checked_sizes(protocol: str, sizes: Iterable[int] | None, n_pool: int) -> tuple[int, ...]:
    """Return the numbers of labels."""
    if protocol == "half":
        if sizes is not None:
            raise SettingError("The protocol half learns from half of the cells: it takes no sizes.")
        return (n_pool // 2,)
    chosen = tuple(n for n in SIZES if 2 * n < n_pool) or (2,) if sizes is None else tuple(sizes)
    if not chosen:
        raise SettingError(f"Give at least one number of labels, such as {SIZES[3]}.")
    for n in chosen:
        if n != int(n) or not 2 <= n < n_pool:
            raise SettingError(
                f"A number of labels is a whole number from 2 to {n_pool - 1:,} ({n_pool:,} cells have one), not "
                f"{shown(n)}."
            )
    return tuple(dict.fromkeys(int(n) for n in chosen))


# -- one fit ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Question:
    """A task with its test values."""

    task: Task
    labels: NDArray[np.float64]
    truth: NDArray[np.float64]
    pool: NDArray[np.int32]  # the architectures that have both
    target_info: ColumnInfo

    @property
    def name(self) -> str:
        return f"{self.target_info.address} of {self.target_info.release}"

    @classmethod
    def of(cls, task: str | Task, target: str | None) -> _Question:
        found = as_task(task)
        if target is None:
            target = "test" if found.signal.split == "valid" else "valid"
        if target not in ("test", "valid"):
            raise UnknownNameError.of("target", target, ("test", "valid"))
        info = found.column
        if target == "test":
            s, table = found.signal, found.table
            # Of several releases that of the signal; networks trained on half of CIFAR-10 are another dataset.
            tests = [column for column in found.report_columns if column.dataset == s.dataset]
            tests = [column for column in tests if column.seed == s.seed] or tests
            tests.sort(key=lambda column: (column.release != s.release, column.release))
            try:
                info = tests[0] if tests else table.info(s.dataset, s.metric, "test", s.epochs, s.seed)
            except ColumnError as reason:
                raise type(reason)(f'{reason} Or target="valid" compares with the signal itself.') from None
        address = (info.dataset, info.metric, info.split, info.epochs, info.seed, info.release)
        truth = found.table.column(*address).astype(np.float64)
        pool = np.flatnonzero(np.isfinite(found.values) & np.isfinite(truth)).astype(np.int32)
        return cls(found, found.values, truth, pool, info)


def _warm_up(model: Model, question: _Question, bar: Bar) -> None:
    """Load libraries and encoders, and meta-train: otherwise these would count as part of the first fit."""
    few, estimator = question.pool[:40], model.build(question.task, 0)
    if isinstance(estimator, LearntPredictor):
        estimator.learn(lambda done, steps, loss: bar.note(f"{model.label}: step {done} of {steps}"))
        bar.note("")
    estimator.fit(few, question.labels[few]).predict(few)


def _scores_of(
    model: Model, question: _Question, split: Split, draw: np.random.SeedSequence
) -> Iterator[dict[str, Any]]:
    """Fit on a split and yield the scores in each scope."""
    labels, truth = question.labels, question.truth
    seed = int(draw.generate_state(1)[0] >> 1)
    estimator = model.build(question.task, seed)
    start, cpu = time.perf_counter(), time.process_time()
    estimator.fit(split.train, labels[split.train])
    fitted = time.perf_counter()
    predicted = np.full(len(labels), np.nan)
    predicted[question.pool] = estimator.predict(question.pool)
    times = {
        "fit_seconds": fitted - start,
        "predict_seconds": time.perf_counter() - fitted,
        "cpu_seconds": time.process_time() - cpu,
    }
    for scope, cells in split.scored.items():
        tau, rho = rank_correlations(predicted[cells], truth[cells])
        row = {"scope": scope, "n_scored": len(cells), "kendall_tau": tau, "spearman": rho}
        if model.predicts_labels:
            row["rmse"] = float(np.sqrt(np.mean((predicted[cells] - labels[cells]) ** 2)))
            if scope == "isomorph-disjoint" and knows_deviation(estimator):
                some = np.random.default_rng(seed).choice(cells, min(_CALIBRATED_ON, len(cells)), replace=False)
                mean, deviation = estimator.predict(some, return_std=True)
                row |= calibration(mean, deviation, labels[some])
        yield row | times
