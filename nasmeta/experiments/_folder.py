"""The folder of a comparison: its specification, one journal per run, and the results."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from nasmeta.errors import JournalError, NasmetaError, SettingError, shown
from nasmeta.evaluators import Evaluator, SeveralEvaluator
from nasmeta.experiments._jobs import Pair
from nasmeta.files import write_whole
from nasmeta.journals import Shard, differences_from
from nasmeta.runs import History, RunConfig, results_frame
from nasmeta.runs._clock import Clock
from nasmeta.runs._frame import joined_frame
from nasmeta.runs._spec import SearcherSpec

_FORMAT = 1
_LOCK_SECONDS = 2.0  # workers of a process that was killed end within a fraction of this
_BEGIN_SECONDS = 60.0  # shards that begin together wait for each other
_IDENTITY = ("format", "tasks", "searchers", "seed", "clock", "epochs")


class ComparisonFolder:
    """The state of a comparison on disk.

    It contains ``specification.json``, ``runs/<task>/<searcher>/<seed>.jsonl`` (with `journals`), and during the
    comparison ``results/`` with one file per finished task and searcher; ``results.parquet`` replaces it at the end.
    """

    def __init__(self, path: Path, *, journals: bool = True) -> None:
        self.path, self.journals = path, journals

    def begin(self) -> None:
        """Write further files at the start; called when the folder is locked."""

    def end(self, frame: pd.DataFrame) -> None:
        """Write further files at the end; called while the folder is still locked."""

    @contextmanager
    def claimed(
        self,
        specs: Mapping[str, SearcherSpec],
        evaluators: Sequence[Evaluator],
        seed: int | list[int],
        *,
        clock: Clock | None = None,
        epochs: Sequence[int | str] | None = None,
        shard: Shard | None = None,
        redo: Collection[str] = (),
        **extent: Any,
    ) -> Iterator[None]:
        """Lock the folder for one process; for a shard, only until it has written the specification."""
        from filelock import FileLock

        due = {
            "format": _FORMAT,
            "tasks": [
                {"name": one.task.name, "table": one.task.table_name, "signal": _signal_of(one)}
                | ({"evaluator": one.identity} if one.identity else {})
                for one in evaluators
            ],
            "searchers": {
                label: {"searcher": own.name, "settings": own.settings, **own.guidance.identity, **own.code_identity}
                for label, own in specs.items()
            },
            "seed": seed,
            "clock": None if clock is None else clock.settings,
            "epochs": None if epochs is None else list(epochs),
            **extent,
        }
        require_labels(specs)
        _require_apart([one.task.name for one in evaluators])
        lock = FileLock(self.path / ".lock", timeout=_LOCK_SECONDS if shard is None else _BEGIN_SECONDS)
        with ExitStack() as stack:
            with self.writing():
                self.path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock)
                self._check(due, redo)
                self.write("specification.json", json.dumps(due, indent=2).encode() + b"\n")
                self.begin()
            if shard is not None:
                lock.release()  # the next shard may begin
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn errors of the system into a JournalError that names the folder."""
        from filelock import Timeout

        try:
            yield
        except Timeout:
            raise JournalError(
                f"Another process works in {self.path}. Wait for its end, or use another folder. Several processes "
                "share a folder as shards: --shard I/N for each."
            ) from None
        except OSError as reason:
            if isinstance(reason, NasmetaError):
                raise
            where = reason.filename2 or reason.filename
            what = "" if where is None or Path(str(where)) == self.path else f" ({where})"
            raise JournalError(
                f"Cannot write to the folder {self.path}: {reason.strerror or reason}{what}."
            ) from reason

    def _check(self, due: Mapping[str, Any], redo: Collection[str]) -> None:
        """Raise an error if the folder contains evaluations of another comparison."""
        path, results = self.path / "specification.json", self.path / "results.parquet"
        if not results.is_file() and not self._has_evaluations("*"):
            return
        try:
            found = json.loads(path.read_bytes())
            free = {*redo} & {*found["searchers"]}
            if not results.is_file():
                free |= {label for label in found["searchers"] if not self._has_evaluations(_file_name(label))}
            differences = differences_from(_identity(found, free), _identity(due, free))
        except FileNotFoundError:
            raise JournalError(f"{self.path} contains runs, but no {path.name}. Use another folder.") from None
        except (ValueError, LookupError, AttributeError, TypeError) as reason:
            raise JournalError(f"{path} is damaged: {reason}. Use another folder.") from None
        if differences:
            raise SettingError(
                f"{self.path} holds another comparison: {differences}. Use another folder, or --redo NAME to repeat "
                "the runs of one searcher. Repeats, budgets, workers, backend and the order of searchers and tasks may "
                "differ."
            )

    def _has_evaluations(self, label: str) -> bool:
        """Return whether a journal of this searcher has more lines than its header."""
        journals = self.path.glob(f"runs/*/{label}/*.jsonl")
        return any(journal.read_bytes().count(b"\n") > 1 for journal in journals)

    def journal(self, task: str, searcher: str, seed: int) -> Path:
        """Return the path of a run's journal."""
        return self.path / "runs" / _file_name(task) / _file_name(searcher) / f"{seed}.jsonl"

    def write_part(self, position: int, frame: pd.DataFrame) -> None:
        """Write the results of one task and searcher; ``results/`` can be read at any time."""
        with self.writing():
            self._parts.mkdir(exist_ok=True)
            self.write(f"results/{position:06}.parquet", frame.to_parquet(None, index=False))

    def write_results(self, frame: pd.DataFrame) -> None:
        """Write ``results.parquet``, and remove the parts."""
        with self.writing():
            self.write("results.parquet", frame.to_parquet(None, index=False))
            self.remove_parts()

    def remove_parts(self) -> None:
        """Remove parts, also parts that an interrupted call left."""
        with self.writing():
            if self._parts.exists():
                for part in list(self._parts.iterdir()):
                    part.unlink()
                self._parts.rmdir()

    @property
    def _parts(self) -> Path:
        return self.path / "results"

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole, so that readers see the old or the new one."""
        write_whole(self.path / name, content)


def _identity(specification: Mapping[str, Any], free: Collection[str]) -> dict[str, Any]:
    """Return the entries that must stay the same; those of the free searchers may change."""
    searchers = {label: own for label, own in specification["searchers"].items() if label not in free}
    tasks = {task["name"]: task for task in specification["tasks"]}
    return {**{key: specification[key] for key in _IDENTITY}, "tasks": tasks, "searchers": searchers}


def require_labels(labels: Collection[str]) -> None:
    """Raise an error for labels that cannot name a folder, or would share one."""
    for label in labels:
        parts = re.split(r"[/\\]", label)
        if label != label.strip() or not label.isprintable() or not all(parts) or {".", ".."} & {*parts}:
            raise SettingError(
                f"{shown(label)} is no label of a searcher: it names its folder and its curve, so it must be "
                "printable, not empty, without spaces around it, and no path to elsewhere."
            )
    _require_apart(labels)


def _require_apart(names: Collection[str]) -> None:
    if len({_file_name(name) for name in names}) < len(names):
        raise SettingError(f"Two of {', '.join(names)} would share a folder: choose names that differ more.")


def _file_name(name: str) -> str:
    return re.sub(r"^\.|[^\w.,+= -]", "_", name)


def _signal_of(evaluator: Evaluator) -> Any:
    """Return the signal as JSON: a column, or a list of columns."""
    if isinstance(evaluator, SeveralEvaluator):
        return [_signal_of(part) for part in evaluator.parts]
    return evaluator.task.signal.to_dict()


class Results:
    """The results of all runs; configs are by position of the task and label of the searcher.

    When all runs of a task and a searcher are done, their histories become a frame. With a folder, this frame is also
    written there, so that it can be read while the other runs continue.
    """

    def __init__(
        self,
        configs: Mapping[Pair, RunConfig],
        seeds: Mapping[Pair, Sequence[int]],
        home: ComparisonFolder | None = None,
    ) -> None:
        self.configs, self.seeds, self._home = configs, seeds, home
        self._histories: dict[Pair, dict[int, History]] = {pair: {} for pair in configs}
        self._frames = {pair: results_frame([]) for pair in configs if not seeds[pair]}
        self.done = 0
        if home is not None:
            home.remove_parts()

    @property
    def total(self) -> int:
        """The number of all runs."""
        return sum(map(len, self.seeds.values()))

    def missing(self, pair: Pair) -> list[int]:
        """Return the seeds of the runs that are not done."""
        return [seed for seed in self.seeds[pair] if pair not in self._frames and seed not in self._histories[pair]]

    def keep(self, pair: Pair, seed: int, history: History) -> None:
        """Add a history."""
        of_pair = self._histories[pair]
        of_pair[seed] = history
        self.done += 1
        if len(of_pair) < len(self.seeds[pair]):
            return
        config = self.configs[pair]
        self._frames[pair] = results_frame([of_pair[one].of(replace(config, seed=one)) for one in self.seeds[pair]])
        of_pair.clear()
        if self._home is not None:
            self._home.write_part(list(self.configs).index(pair), self._frames[pair])

    def frame(self) -> pd.DataFrame:
        """Return the results of all runs; with a folder, also write them to its ``results.parquet``."""
        frame = joined_frame([self._frames[pair] for pair in self.configs])
        if self._home is not None:
            self._home.write_results(frame)
        return frame
