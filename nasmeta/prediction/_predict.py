"""The comparison of predictors × numbers of labels × draws, and its journal."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

import nasmeta
from nasmeta.arrays import Architectures, Facts, Floats
from nasmeta.checks import check_choice, check_int
from nasmeta.code_identity import code_within
from nasmeta.errors import SettingError
from nasmeta.files import require_writable
from nasmeta.journals import JournalFile
from nasmeta.prediction._models import Model, PredictorsLike, SourcePredictor, models_of
from nasmeta.prediction._summary import (
    CORRELATIONS,
    ERRORS,
    SECONDS,
    summarise_predictions,
    write_prediction_summary,
)
from nasmeta.predictors import (
    LEVELS,
    calibration,
    isomorph_split,
    knows_deviation,
    rank_correlations,
)
from nasmeta.progress import Bar, progress_bar
from nasmeta.runs import SourcesLike
from nasmeta.spaces import SearchSpace, get_space, reference_space
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Signal, Task, as_task
from nasmeta.threads import one_thread

Rows: TypeAlias = list[dict[str, Any]]
Rule: TypeAlias = Literal["upstream", "zero", "skip", "function"]

DEFAULT_PREDICTORS = (
    "gp/xgboost:default+proxies",
    "ensemble",
    "gp",
    "xgboost",
    "ridge",
    "nwot",
    "parameters",
)
# for spaces without measured zero-cost proxies
PLAIN_PREDICTORS = (
    "gp",
    "xgboost",
    "random-forest",
    "ridge",
)
PROTOCOLS = ("few", "half")
SIZES = (10, 20, 50, 78, 156, 469, 781, 1563)
_CALIBRATED_ON = 2000  # architectures; the error of coverage is then 0.01
_SCORES = (
    *CORRELATIONS,
    *ERRORS,
    *(f"coverage_{100 * level:.3g}" for level in LEVELS),
)
_COLUMNS = (
    "task",
    "target",
    "protocol",
    "scope",
    "predictor",
    "encoder",
    "n_train",
    "draw",
    "n_scored",
)


@dataclass(frozen=True, eq=False)
class PredictorComparison:
    """The result of `nasmeta.predict`.

    Attributes
    ----------
    frame : DataFrame
        One row per fit and scope, see `nasmeta.predict`.
    summary : DataFrame
        One row per predictor, scope and number of labels.
    files : tuple of Path
        The files written; empty without a folder.

    Examples
    --------
    >>> import nasmeta as nm
    >>> comparison = nm.predict("ridge", sizes=[20], target="valid", draws=1)
    >>> list(comparison.frame["scope"]), list(comparison.summary["predictor"].unique())
    (['isomorph-disjoint', 'unseen', 'all'], ['ridge'])
    """

    frame: pd.DataFrame
    summary: pd.DataFrame
    files: tuple[Path, ...] = ()


def predict(
    predictors: PredictorsLike | None = None,
    task: str | Task = "nb201/cifar10",
    *,
    protocol: str = "few",
    sizes: Iterable[int] | None = None,
    target: str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    sources: SourcesLike | None = None,
    draws: int = 5,
    rule: Rule = "upstream",
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> PredictorComparison:
    """Compare how well predictors rank the architectures of a space from a few labels.

    A predictor is fitted on the task's signal (validation, mean of the measured seeds) of n random
    architectures, and its order of architectures is compared with their test values. The
    architectures of a draw are the same for all predictors.

    Parameters
    ----------
    predictors : str, estimator, sequence of these, or mapping of label to these, optional
        * An argument of `nasmeta.predictors.make_predictor`: a name, ``package.module:Name``, or a
          scikit-learn estimator, which is put behind an encoder unless it reads architectures.
        * ``NAME:ENCODER`` selects the encoder: names of `make_encoder` joined by ``+``;
          ``default``, the predictor's default; ``proxies``, the zero-cost proxies of this package;
          ``published-proxies``, the table's proxies. Several predictors joined by ``/`` are an
          ensemble.
        * The names of proxies, ``parameters`` and ``flops``: orders that need no label.
          ``source-order``: the mean score on the sources, the prior without any label of the
          target.
        * A name in `nasmeta.meta.META_PREDICTORS`, such as ``maml``, which is meta-trained first,
          with seed 0; or a file of `nasmeta.meta_train`.

        The default depends on the space.
    task : str or Task, default "nb201/cifar10"
        Name of a task, or a dataset of nb201 such as ``cifar10``.
    folder : path, optional
        Folder for journal, ``results.csv``, ``summary.md`` and figures; the same call resumes after
        an interruption. Estimators are identified by class, parameters and your own code; changed
        ones are fitted again.
    protocol : {"few", "half"}, default "few"
        ``few``: train on `sizes` labels; ``half``: on half of the architectures.
    sizes : iterable of int, optional
        Numbers of labels; by default 10, 20, 50, 78, 156, 469, 781 and 1,563, up to half of the
        architectures.
    target : {"test", "valid"}, optional
        Compare the predicted order with test values (``test``) or with the signal itself
        (``valid``). By default test values, if the signal is a validation value.
    settings : mapping of label to mapping, optional
        Settings of `make_predictor`, or of the meta-predictor.
    sources : names of tasks or families, Tasks or SourceTasks, optional
        Sources of source-order and meta-predictors; by default the family of the task without its
        dataset.
    draws : int, default 5
        Number of random draws of the labelled architectures.
    rule : {"upstream", "zero", "skip", "function"}, default "upstream"
        Definition of isomorphic cells: ``upstream``, ``zero``, ``skip``, or ``function``, the
        strictest. See `CellSpace.canonical` and `CellSpace.function_classes`.
    seed : int, default 0
        Seed of the draws.
    progress : bool, default False
        Show a progress bar on stderr.

    Returns
    -------
    PredictorComparison
        ``files``; ``summary``: one row per predictor, scope and number of labels, means over the
        draws with 95 % intervals (``_low``, ``_high``) of ``kendall_tau`` and ``spearman``, medians
        of seconds;

        ``frame``: one row per fit and scope, in the order of predictors, sizes and draws. Columns:
        task; target (its address and release); protocol; scope (``isomorph-disjoint``: scored on
        architectures without a labelled isomorph, the recommended scope; ``unseen``: on
        architectures without a label; ``all``, as in published work); predictor (the label);
        encoder; n_train (approximate with ``half``, which draws whole classes); draw; n_scored;
        kendall_tau (τ-b) and spearman, against the target; rmse, against the signal in its unit;
        crps and coverage_10 … coverage_95 (of the central intervals), against the signal on at most
        2,000 isomorph-disjoint architectures, if the predictor predicts a deviation; fit_seconds
        and predict_seconds (of all architectures), and the processor's time for both, cpu_seconds.
        NaN if unknown.

    Raises
    ------
    UnknownNameError, SettingError, JournalError, LeakageError
    ColumnError
        If the table lacks test values; the message names the command that fetches them.

    Examples
    --------
    >>> import nasmeta as nm
    >>> comparison = nm.predict(["ridge", "nwot"], "cifar10", sizes=[78], target="valid", draws=2)
    >>> tau = comparison.summary.query("scope == 'all'").set_index("predictor")["kendall_tau"]
    >>> bool(tau["ridge"] > tau["nwot"]), len(comparison.frame), comparison.files
    (True, 12, ())
    """
    home = None
    if folder is not None:
        home = Path(folder)
        require_writable(home, folder=True)
    check_choice("protocol", protocol, PROTOCOLS)
    check_choice("rule", rule, get_args(Rule))
    # Names are checked before the table is read, because that may fetch it.
    models = None if predictors is None else models_of(predictors, settings, sources)
    question = _Question.of(
        f"nb201/{task}" if isinstance(task, str) and "/" not in task else task, target
    )
    space = question.task.space
    if models is None:
        has_proxies = reference_space(space) == get_space("nb201")
        models = models_of(
            DEFAULT_PREDICTORS if has_proxies else PLAIN_PREDICTORS, settings, sources
        )
    fits = [
        *product(
            _checked_sizes(protocol, sizes, len(question.pool)), range(check_int("draws", draws))
        )
    ]
    seed = check_int("seed", seed, least=0, most=2**63)  # of JSON's types, also for NumPy
    # raises errors for impossible settings
    built = [model.build(question.task) for model in models]
    about = {"task": question.task.name, "target": question.name, "protocol": protocol}
    header = {
        "task": question.task.name,
        "signal_sha256": question.task.column.source_sha256,
        "target": question.name,
        "target_sha256": question.target_info.source_sha256,
        "rule": rule,
        "seed": seed,
        "written_by": f"nasmeta {nasmeta.__version__}, numpy {np.__version__}",
    }
    frame_rows: Rows = []
    bar = progress_bar("fits", len(models) * len(fits), shown=progress)
    records: AbstractContextManager[BenchmarkJournal | None] = nullcontext()
    if home is not None:
        records = BenchmarkJournal(home, header)
    with records as journal, one_thread(), bar as counter:
        for model, estimator in zip(models, built, strict=True):
            job: dict[str, Any] = {}
            if home is not None:  # a journal needs the parameters and the code of an estimator
                code = code_within(estimator)
                job = model.identity(question.task) | ({} if code is None else {"code": code})
            is_warm = False
            for n, draw in fits:
                job |= {"protocol": protocol, "n_train": n, "draw": draw}
                rows = None if journal is None else journal.find(job)
                if rows is None:
                    if not is_warm:
                        _warm_up(model, question, counter)
                        is_warm = True
                    # a child seed per draw, so all models share the architectures of a draw
                    child = np.random.SeedSequence(seed, spawn_key=(draw,))
                    splits = splits_of(protocol, space, question.pool, n, child, rule)
                    rows = [
                        row for split in splits for row in _scores_of(model, question, split, child)
                    ]
                    if journal is not None:
                        journal.record(job, rows)
                of_fit = about | {
                    "predictor": model.label,
                    "encoder": model.encoder,
                    "n_train": n,
                    "draw": draw,
                }
                frame_rows += [of_fit | row for row in rows]
                counter.advance()
    frame = pd.DataFrame(frame_rows).reindex(columns=[*_COLUMNS, *_SCORES, *SECONDS])
    frame = frame.astype(dict.fromkeys((*_SCORES, *SECONDS), "float64"))
    files = () if home is None else tuple(write_prediction_summary(frame, home))
    return PredictorComparison(frame, summarise_predictions(frame), files)


# -- the journal
class BenchmarkJournal(JournalFile):
    """Finished jobs of a benchmark, as lines ``[job, rows, checksum]``."""

    mark, of = "nasmeta_prediction", "predictor benchmark"

    def __init__(self, folder: Path, identity: Facts) -> None:
        super().__init__(folder / "journal.jsonl", identity)
        self._known: dict[str, Rows] = {
            json.dumps(job, sort_keys=True): rows for job, rows in self.records
        }

    def find(self, job: Facts) -> Rows | None:
        """Return the rows of a finished job; None if it is new."""
        return self._known.get(json.dumps(job, sort_keys=True))

    def record(self, job: Facts, rows: Rows) -> None:
        """Record a job; it survives the end of the process."""
        self._known[json.dumps(job, sort_keys=True)] = rows
        self.add(f"{json.dumps(job)},{json.dumps(rows)}")
        self.flush()


# -- labelled and scored architectures
@dataclass(frozen=True)
class Split:
    """Architectures to train on, and architectures to score, by scope.

    ``isomorph-disjoint``: those without a labelled isomorph; ``unseen``: those without a label;
    ``all``: all of them, as in published work, including the training set.
    """

    train: Architectures
    scored: Mapping[str, Architectures]


def splits_of(
    protocol: str,
    space: SearchSpace,
    pool: Architectures,
    n: int,
    draw: np.random.SeedSequence,
    rule: Rule,
) -> list[Split]:
    """Return the splits of one draw.

    ``few`` draws n architectures, each with the same chance; more labels of the same draw extend
    the same set. One fit serves all scopes. ``half`` needs two: half of the architectures at
    random, and half of the isomorphism classes, because most architectures have an isomorph in a
    random half.
    """
    rng = np.random.default_rng(draw)
    if protocol == "few":
        train, disjoint = isomorph_split(space, n_train=n, architectures=pool, rng=rng, rule=rule)
        unseen = np.setdiff1d(pool, train)
        return [Split(train, {"isomorph-disjoint": disjoint, "unseen": unseen, "all": pool})]
    shuffled = rng.permutation(pool)
    at_random = Split(shuffled[:n], {"unseen": shuffled[n:], "all": pool})
    train, test = isomorph_split(space, test_fraction=0.5, architectures=pool, rng=rng, rule=rule)
    return [Split(train, {"isomorph-disjoint": test}), at_random]


def _checked_sizes(protocol: str, sizes: Iterable[int] | None, n_pool: int) -> tuple[int, ...]:
    """Return the numbers of labels."""
    if protocol == "half":
        if sizes is not None:
            raise SettingError("sizes", sizes, "None with the protocol half")
        return (n_pool // 2,)
    chosen = [n for n in SIZES if 2 * n < n_pool] or [2] if sizes is None else sizes
    return tuple(dict.fromkeys(check_int("number of labels", n, 2, n_pool - 1) for n in chosen))


# -- one fit
@dataclass(frozen=True)
class _Question:
    """A task with its test values."""

    task: Task
    labels: Floats
    truth: Floats
    pool: Architectures  # the architectures that have both
    target_info: ColumnInfo

    @property
    def name(self) -> str:
        return f"{self.target_info.address} of {self.target_info.release}"

    @classmethod
    def of(cls, task: str | Task, target: str | None) -> _Question:
        task = as_task(task)
        if not target:
            target = "test" if task.signal.split == "valid" else "valid"
        check_choice("target", target, ("test", "valid"))
        info = _test_column(task) if target == "test" else task.column
        truth = task.table.column(*Signal.of(info).address).astype(np.float64)  # (size,)
        has_both = np.isfinite(task.values) & np.isfinite(truth)
        pool = np.flatnonzero(has_both).astype(np.int32)
        return cls(task=task, labels=task.values, truth=truth, pool=pool, target_info=info)


def _test_column(task: Task) -> ColumnInfo:
    """Return the test column of a task; the release and the seed of its signal come first."""
    signal = task.signal
    # Networks trained on half of CIFAR-10 are another dataset.
    columns = [column for column in task.test_columns if column.dataset == signal.dataset]
    if not columns:
        return task.table.info(signal.dataset, signal.metric, "test", signal.epochs, signal.seed)

    def mismatch(column: ColumnInfo) -> tuple[bool, bool, str]:
        return column.seed != signal.seed, column.release != signal.release, column.release

    return min(columns, key=mismatch)


def _warm_up(model: Model, question: _Question, bar: Bar) -> None:
    """Load libraries and encoders, and meta-train, before the first fit, so that its time does not contain them."""
    few, estimator = question.pool[:40], model.build(question.task)
    if isinstance(estimator, SourcePredictor):
        estimator.learn(
            lambda done, steps, loss: bar.note(f"{model.label}: step {done} of {steps}")
        )
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
    for scope, architectures in split.scored.items():
        tau, rho = rank_correlations(predicted[architectures], truth[architectures])
        row = {"scope": scope, "n_scored": len(architectures), "kendall_tau": tau, "spearman": rho}
        if model.predicts_labels:
            errors = predicted[architectures] - labels[architectures]
            row["rmse"] = float(np.sqrt(np.mean(errors**2)))
            if scope == "isomorph-disjoint" and knows_deviation(estimator):
                rng = np.random.default_rng(seed)
                n_sampled = min(_CALIBRATED_ON, len(architectures))
                sampled = rng.choice(architectures, n_sampled, replace=False)
                mean, deviation = estimator.predict(sampled, return_std=True)
                row |= calibration(mean, deviation, labels[sampled])
        yield row | times
