"""Predictors × numbers of labels × draws, and the journal of what was done."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import nasmeta
from nasmeta.checks import check_int, checked_types
from nasmeta.code import code_within
from nasmeta.errors import ColumnError, JournalError, SettingError, UnknownNameError
from nasmeta.journals import JournalFile, same_code
from nasmeta.prediction._models import LearntPredictor, Model, PredictorsLike, models_of
from nasmeta.prediction._protocols import (
    PROTOCOLS,
    RULES,
    SCOPES,
    Rule,
    Split,
    checked_sizes,
    splits_of,
)
from nasmeta.predictors._metrics import LEVELS, calibration, rank_correlations
from nasmeta.progress import Bar, progress_bar
from nasmeta.runs._sources import SourcesLike
from nasmeta.spaces import get_space, reference_space
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task, as_task
from nasmeta.threads import one_thread

Rows: TypeAlias = list[dict[str, Any]]
_Done: TypeAlias = tuple[dict[str, Any], Rows]  # a job, and what came out
DEFAULT_PREDICTORS = ("gp/xgboost:default+proxies", "ensemble", "gp", "xgboost", "ridge", "nwot", "parameters")
PLAIN_PREDICTORS = ("gp", "xgboost", "random-forest", "ridge")  # where no zero-cost proxies were measured
_CALIBRATED_ON = 2000  # cells: coverage is then known to 0.01, and deviations of all cells would take the longest
_TIMES = ("fit_seconds", "predict_seconds", "cpu_seconds")


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


_SCORES = ("kendall_tau", "spearman", "rmse", "crps", *(f"coverage_{100 * level:.3g}" for level in LEVELS))


@checked_types
def benchmark_predictors(
    predictors: PredictorsLike | None = None,
    task: str | Task = "nb201/cifar10",
    *,
    protocol: str = "few",
    sizes: Iterable[int] | None = None,
    target: Literal["test", "valid"] | None = None,
    encoder: str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    sources: SourcesLike | None = None,
    draws: int = 5,
    rule: Rule = "upstream",
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Measure how well predictors order the cells of a space from few labels; the arguments are those of `predict`."""
    path = None if folder is None else Path(folder)
    for what, asked, possible in (("protocol", protocol, PROTOCOLS), ("rule of isomorphism", rule, RULES)):
        if asked not in possible:
            raise UnknownNameError.of(what, asked, possible)
    # What is not possible is told before what is not here.
    models = None if predictors is None else models_of(predictors, encoder, settings, sources)
    question = _Question.of(task, target)
    if models is None:
        has_proxies = reference_space(question.task.space) == get_space("nb201")
        models = models_of(DEFAULT_PREDICTORS if has_proxies else PLAIN_PREDICTORS, encoder, settings, sources)
    numbers = checked_sizes(protocol, sizes, len(question.pool))
    draws = check_int("draws", draws, most=10_000)
    seed = check_int("seed", seed, least=0, most=2**63)
    built = [model.build(question.task, 0) for model in models]  # what is not possible is noticed here
    # Where nothing is kept, a label tells them apart, and an estimator may have parameters of any kind.
    identities = [{"label": model.label} if path is None else model.identity(question.task) for model in models]
    codes = [None if path is None else code_within(estimator) for estimator in built]
    header = {
        "task": question.task.name,
        "signal_sha256": question.task.column.source_sha256,
        "target": question.name,
        "target_sha256": question.target_info.source_sha256,
        "rule": rule,
        "seed": seed,
        "written_by": f"nasmeta {nasmeta.__version__}, numpy {np.__version__}",
    }
    rows: list[dict[str, Any]] = []
    bar = progress_bar("fits", len(models) * len(numbers) * draws, shown=progress)
    with Records(path, header) as records, one_thread(), bar as shown:
        for model, identity, code in zip(models, identities, codes, strict=True):
            warm = False
            for n in numbers:
                for draw in range(draws):
                    job = {**identity, "protocol": protocol, "n_train": n, "draw": draw}
                    found = records.find(job, code, model.label)
                    if found is None:
                        if not warm:
                            _warm_up(model, question, shown)
                            warm = True
                        child = np.random.SeedSequence(seed, spawn_key=(draw,))
                        splits = splits_of(protocol, question.task.space, question.pool, n, child, rule)
                        found = [row for split in splits for row in _scores_of(model, question, split, child)]
                        records.add(job, found, code)
                    about = {
                        "task": question.task.name, "target": question.name, "protocol": protocol,
                        "predictor": model.label, "encoder": model.encoder, "n_train": n, "draw": draw,
                    }  # fmt: skip
                    rows += [{**about, **row} for row in found]
                    shown.advance()
    names = ["task", "target", "protocol", "scope", "predictor", "encoder", "n_train", "draw", "n_scored"]
    frame = pd.DataFrame(rows).reindex(columns=[*names, *_SCORES, *_TIMES])
    frame = frame.astype(dict.fromkeys((*_SCORES, *_TIMES), "float64"))
    seen = {one.seen: None for one in built if isinstance(one, LearntPredictor) and one.seen}
    frame.attrs["remarks"] = list(seen)
    return frame


@dataclass(frozen=True)
class _Question:
    """A task with its test values."""

    task: Task
    labels: NDArray[np.float64]
    truth: NDArray[np.float64]
    pool: NDArray[np.int32]  # the cells that have both, int32
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
    """Load libraries and the encoder's tables, and meta-train: else all that would be part of the first fit's time."""
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
    for scope in SCOPES:
        if scope not in split.scored:
            continue
        cells = split.scored[scope]
        tau, rho = rank_correlations(predicted[cells], truth[cells])
        row = {"scope": scope, "n_scored": len(cells), "kendall_tau": tau, "spearman": rho}
        if model.predicts_labels:
            row["rmse"] = float(np.sqrt(np.mean((predicted[cells] - labels[cells]) ** 2)))
        if scope == "isomorph-disjoint" and _knows_deviation(estimator, cells):
            some = np.random.default_rng(seed).choice(cells, min(_CALIBRATED_ON, len(cells)), replace=False)
            mean, deviation = estimator.predict(some, return_std=True)
            row |= calibration(mean, deviation, labels[some])
        yield row | times


def _knows_deviation(estimator: Any, cells: NDArray[np.int32]) -> bool:
    try:
        estimator.predict(cells[:1], return_std=True)
    except (TypeError, SettingError):  # unknown to its signature, or to it as it is set
        return False
    return True
