"""The folder of a comparison: its specification, a journal a run, and the results."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.errors import JournalError, NasmetaError, SettingError
from nasmeta.experiments._claim import Claim
from nasmeta.experiments._clock import Clock
from nasmeta.experiments._spec import SearcherSpec
from nasmeta.surrogates import SurrogateTask
from nasmeta.tasks import TaskDistribution

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ComparisonFolder"]

_FORMAT = 1
_IDENTITY = ("format", "tasks", "searchers", "seed", "clock", "epochs")


class ComparisonFolder:
    """Where a comparison keeps its state.

    ``specification.json``, ``runs/<task>/<searcher>/<seed>.jsonl``, and at the end ``results.parquet``. The folder may
    be used again by the same searchers, tasks and seed with other numbers of repeats or evaluations.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def claimed(
        self,
        specs: Mapping[str, SearcherSpec],
        tasks: TaskDistribution,
        seed: int | list[int],
        *,
        clock: Clock | None = None,
        epochs: Sequence[int | str] | None = None,
        **extent: Any,
    ) -> Iterator[Claim]:
        """Hold the folder for one comparison; yield the claim that its workers are to look at.

        Raises
        ------
        SettingError
            Where it belongs to another comparison.
        JournalError
            Where another process works in it, or it cannot be written.
        """
        from filelock import FileLock

        lock = FileLock(self.path / ".lock", timeout=2)

        due = {
            "format": _FORMAT,
            "tasks": [
                {"name": task.name, "table": task.table, "signal": asdict(task.signal)}
                | ({"evaluator": task.identity} if isinstance(task, SurrogateTask) else {})
                for task in tasks
            ],
            "searchers": {
                label: {"searcher": spec.name, "settings": spec.settings, **spec.guidance.identity}
                for label, spec in specs.items()
            },
            "seed": seed,
            "clock": None if clock is None else clock.settings,
            "epochs": None if epochs is None else list(epochs),
            **extent,
        }
        for names in (specs, tasks.names):
            if len({_file_name(name) for name in names}) < len(names):
                raise SettingError(f"Two of {', '.join(names)} would share a folder: choose names that differ more.")
        try:
            with self.writing():
                self.path.mkdir(parents=True, exist_ok=True)
                lock.acquire()
                self._check(due)
                _replace(self.path / "specification.json", json.dumps(due, indent=2).encode() + b"\n")
                claim = Claim(self.path / ".runner")
                _replace(claim.path, claim.content())
            yield claim
        finally:
            lock.release()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what can happen where files are written into a JournalError that says what and where."""
        from filelock import Timeout

        try:
            yield
        except Timeout:
            raise JournalError(
                f"Another process works in {self.path}. Wait for its end, or use another folder."
            ) from None
        except OSError as reason:
            if isinstance(reason, NasmetaError):
                raise
            where = reason.filename2 or reason.filename
            what = "" if where is None or Path(str(where)) == self.path else f" ({where})"
            raise JournalError(
                f"Cannot write to the folder {self.path}: {reason.strerror or reason}{what}."
            ) from reason

    def _check(self, due: Mapping[str, Any]) -> None:
        path = self.path / "specification.json"
        if not path.exists():
            if (self.path / "runs").exists():
                raise JournalError(f"{self.path} has runs, but no specification.json. Use another folder.")
            return
        try:
            found = json.loads(path.read_bytes())
            differences = [
                f"{key} there: {json.dumps(found.get(key))}; asked for: {json.dumps(due[key])}"
                for key in _IDENTITY
                if found.get(key) != json.loads(json.dumps(due[key]))
                or (key == "searchers" and list(found[key]) != list(due[key]))
            ]
        except (ValueError, AttributeError) as reason:
            raise JournalError(f"{path} is damaged: {reason}. Use another folder.") from None
        if differences:
            raise SettingError(
                f"{self.path} holds another comparison. {'. '.join(differences)}. "
                "Use another folder; only repeats, evaluations, seconds, workers and backend may differ here."
            )

    def journal(self, task: str, searcher: str, seed: int) -> Path:
        """Return the path of a run's journal."""
        return self.path / "runs" / _file_name(task) / _file_name(searcher) / f"{seed}.jsonl"

    def write_results(self, frame: pd.DataFrame) -> Path:
        """Write the results frame."""
        path = self.path / "results.parquet"
        temporary = path.with_suffix(".parquet.tmp")
        with self.writing():
            frame.to_parquet(temporary, index=False)
            os.replace(temporary, path)
        return path


def _file_name(name: str) -> str:
    return re.sub(r"^\.|[^\w.,+= -]", "_", name)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)
