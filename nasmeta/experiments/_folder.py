"""The folder of a comparison: its specification, one journal per run, and the results."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from nasmeta.errors import JournalError, RunFailed, SettingError
from nasmeta.evaluators import Evaluator, MultiObjectiveEvaluator
from nasmeta.experiments._jobs import Pair
from nasmeta.experiments._published import replayed
from nasmeta.files import SEAL, facts_in, intact, is_sealed, sealed, write_atomically, write_facts
from nasmeta.journals import differences_from
from nasmeta.runs import Clock, History, RunConfig, SearcherSpec, Trace, history_of, results_frame

_LOCK_SECONDS = 2.0  # workers of a process that was killed end within a fraction of this
UNVERIFIED = "unverified"
_SECONDS, _TIMES = "searcher_seconds", "times.json"
_BEGIN_SECONDS = 60.0  # shards that start together wait for each other


class ComparisonFolder:
    """The state of a comparison on disk.

    It contains ``specification.json``, ``runs/<task>/<searcher>/<seed>.jsonl``, and at the end
    ``results.parquet`` and ``times.json``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def claimed(
        self,
        specs: Mapping[str, SearcherSpec],
        evaluators: Sequence[Evaluator],
        *,
        clock: Clock | None,
        is_shard: bool,
        redo: Collection[str],
        **extent: Any,
    ) -> Iterator[None]:
        """Lock the folder for one process; for a shard, only until it has written the specification."""
        from filelock import FileLock, Timeout

        tasks = {evaluator.task.name: _facts_of_task(evaluator) for evaluator in evaluators}
        searchers = {label: _facts_of_searcher(spec) for label, spec in specs.items()}
        for names in (searchers, tasks):
            file_names = {_file_name(name) for name in names}
            if len(file_names) < len(names):
                raise SettingError("names", list(names), "names of different folders")
        settings_of_clock = None if clock is None else clock.settings
        due = {"tasks": tasks, "searchers": searchers, "clock": settings_of_clock, **extent}

        patience = _BEGIN_SECONDS if is_shard else _LOCK_SECONDS
        lock = FileLock(self.path / ".lock", timeout=patience)
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise JournalError(
                f"Another process works in {self.path}. Use another folder, or share it by shards (--shard I/N)."
            ) from None
        try:
            self._check(due, redo)
            write_facts(self.path / "specification.json", due)
            if is_shard:
                lock.release()  # the next shard may start
            yield
        finally:
            lock.release()

    def _check(self, due: Mapping[str, Any], redo: Collection[str]) -> None:
        """Raise an error if the folder contains evaluations of another comparison."""
        has_results = (self.path / "results.parquet").is_file()
        if not has_results and not self._has_evaluations("*"):
            return
        recorded = facts_in(self.path / "specification.json")
        free = set(redo)  # searchers whose code and settings may have changed
        for label in recorded["searchers"]:
            if not has_results and not self._has_evaluations(_file_name(label)):
                free.add(label)
        differences = differences_from(_identity(recorded, free), _identity(due, free))
        if differences:
            raise SettingError(
                f"{self.path} holds another comparison: {differences}. Use another folder. If only the code or the "
                "settings of a searcher changed, --redo NAME repeats its runs."
            )

    def _has_evaluations(self, label: str) -> bool:
        """Return whether a journal of this searcher has more lines than its header."""
        journals = self.path.glob(f"runs/*/{label}/*.jsonl")
        return any(journal.read_bytes().count(b"\n") > 1 for journal in journals)

    def journal_of(self, task: str, label: str, seed: int) -> Path:
        """Return the path of a run's journal."""
        return self.path / "runs" / _file_name(task) / _file_name(label) / f"{seed}.jsonl"


def write_results(path: Path, frame: pd.DataFrame) -> None:
    """Write the results of a comparison; measured times, which differ between equal comparisons, get their own file.

    Readers of Parquet skip the checksum between columns and footer.
    """
    results = frame.copy(deep=False)
    write_facts(path.with_name(_TIMES), {_SECONDS: results.attrs.pop(_SECONDS, {})})
    content = results.to_parquet(None, index=False)
    # A Parquet file ends with its footer, the footer's length in four bytes, and "PAR1".
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    write_atomically(path, sealed(content[:end] + SEAL + content[end:]))


def results_in(folder: str | PathLike[str]) -> pd.DataFrame:
    """Return the results of a finished comparison, with the measured times.

    The attribute `UNVERIFIED` of the frame marks a file without a checksum.
    """
    path = Path(folder) / "results.parquet"
    if not path.is_file():
        raise FileNotFoundError(
            f"File not found: {path}. nasmeta compare … --folder {folder} writes it last."
        )
    with intact(path) as content:
        frame = pd.read_parquet(BytesIO(content))
    if not is_sealed(content):
        frame.attrs[UNVERIFIED] = True
    times = path.with_name(_TIMES)
    if times.is_file():
        frame.attrs.update(facts_in(times))
    return frame


def _identity(specification: Mapping[str, Any], free: Collection[str]) -> dict[str, Any]:
    """Return the entries that must stay the same; the free searchers' entries may change."""
    searchers = dict(specification["searchers"])
    for label in free:
        searchers.pop(label, None)
    return {
        "tasks": specification["tasks"],
        "searchers": searchers,
        "clock": specification["clock"],
    }


def _file_name(name: str) -> str:
    """Return the name of a task or searcher with a _ for each character that a path may not have."""
    return re.sub(r"^\.|[^\w.,+= -]", "_", name)


def _facts_of_task(evaluator: Evaluator) -> dict[str, Any]:
    facts = {"table": evaluator.task.table_name, "signal": _signal_of(evaluator)}
    if evaluator.identity:
        facts["evaluator"] = evaluator.identity
    return facts


def _facts_of_searcher(spec: SearcherSpec) -> dict[str, Any]:
    facts: dict[str, Any] = {"searcher": spec.name, "settings": spec.all_settings}
    if spec.code:
        facts["code"] = spec.code
    return facts


def _signal_of(evaluator: Evaluator) -> Any:
    """Return the signal as JSON: a column, or a list of columns."""
    if isinstance(evaluator, MultiObjectiveEvaluator):
        return [_signal_of(part) for part in evaluator.parts]
    return evaluator.task.signal.to_dict()


class Results:
    """The results of all runs; configs are by position of the task and label of the searcher."""

    def __init__(
        self, configs: Mapping[Pair, RunConfig], seeds: Mapping[Pair, Sequence[int]]
    ) -> None:
        self.configs = configs
        self.seeds = seeds
        self._histories: dict[tuple[Pair, int], History] = {}
        self._failures: dict[tuple[Pair, int], RunFailed] = {}
        # Labels of searchers with stored runs, by version; each value is None (an ordered set).
        self._stored: dict[str, dict[str, None]] = {}

    def recall(
        self, stored: Mapping[tuple[str, str], dict[str, Any]], own: Collection[str]
    ) -> None:
        """Add those stored runs, by task and label, that are the same as new runs.

        Runs of the user's `own` searchers are never taken from the store.
        """
        for pair, config in self.configs.items():
            published = stored.get((config.task.name, config.label))
            if config.label in own or not published:
                continue
            if config.budget.most_evaluations > published["budget"][0]:
                continue  # the stored runs are too short
            identity = published["identity"]
            if differences_from(
                identity, config.identity, ("nasmeta_journal", "seed", "written_by")
            ):
                continue
            self._stored.setdefault(identity["written_by"], {})[config.label] = None
            for run in published["runs"]:
                if run["seed"] in self.seeds[pair]:
                    self.keep(pair, run["seed"], replayed(config, run))

    @property
    def total(self) -> int:
        """The number of all runs."""
        return sum(map(len, self.seeds.values()))

    @property
    def done(self) -> int:
        """The number of finished runs."""
        return len(self._histories)

    @property
    def evaluations(self) -> int:
        """The number of evaluations in the finished runs."""
        return sum(map(len, [*self._histories.values()]))  # the main thread adds to them

    def missing(self, pair: Pair) -> list[int]:
        """Return the seeds of the runs that are not done."""
        return [seed for seed in self.seeds[pair] if (pair, seed) not in self._histories]

    def keep(self, pair: Pair, seed: int, outcome: Trace | RunFailed) -> None:
        """Add the trace of a run, or its failure."""
        if isinstance(outcome, RunFailed):
            self._failures[pair, seed] = outcome
        else:
            self._histories[pair, seed] = history_of(
                replace(self.configs[pair], seed=seed), outcome
            )

    def frame(self) -> pd.DataFrame:
        """Return the results of all runs, or raise an error that lists the failed ones."""
        if self._failures:
            raise self._failed()
        histories = []
        for pair in self.configs:
            for seed in self.seeds[pair]:
                histories.append(self._histories[pair, seed])
        frame = results_frame(histories)
        frame.attrs["stored"] = self._stored
        return frame

    def _failed(self) -> RunFailed:
        """Return one error for all failed runs: per searcher, task and reason, the seeds."""
        seeds: dict[tuple[str, str], list[int]] = {}  # by searcher and task, and reason
        labels: dict[str, None] = {}  # an ordered set
        for (pair, seed), failure in self._failures.items():
            _, label = pair
            runs = f"{label} on {self.configs[pair].task.name}"
            seeds.setdefault((runs, failure.reason), []).append(seed)
            labels[label] = None
        listed = []
        for (runs, reason), failed in seeds.items():
            numbers = ", ".join(str(seed) for seed in sorted(failed))
            listed.append(f"{runs}, seeds {numbers}: {reason}")
        first_failure = next(iter(self._failures.values()))
        error = RunFailed(
            f"{len(self._failures)} of {self.total} runs failed; the others are done. {' '.join(listed)}",
            hint=f"Run the same command to resume, or with --redo {','.join(labels)} after a change of the code.",
        )
        error.reason = listed[0]
        error.frames = first_failure.frames
        return error
