"""Jobs of a comparison, in this process or in several."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from nasmeta.experiments._loop import Trace
from nasmeta.experiments._rules import Rules, trace_of
from nasmeta.experiments._spec import SearcherSpec
from nasmeta.experiments._threads import one_thread
from nasmeta.meta import SavedMetaModel
from nasmeta.tasks import SourceTask, Task

__all__ = ["Job", "Learning", "Pair", "Runs", "results_of"]

_PARENT_CHECK_SECONDS = 0.2

Pair: TypeAlias = tuple[int, str]  # position of the task, label of the searcher


@dataclass(frozen=True)
class Learning:
    """Meta-training of a searcher for a task; its result is the meta-model."""

    pair: Pair
    spec: SearcherSpec
    task: Task
    sources: list[Task | SourceTask]
    saved: SavedMetaModel | None = None

    def results(self) -> Iterator[Any]:
        """Yield what was learnt."""
        yield self.spec.learn(self.task, self.sources, self.saved)


@dataclass(frozen=True)
class Runs:
    """Some runs of a searcher on a task; its results are (seed, trace)."""

    pair: Pair
    spec: SearcherSpec
    task: Task
    sources: list[Task | SourceTask]
    seeds: list[int]
    paths: list[Path | None]
    rules: Rules
    meta_model: Any = None
    saved: SavedMetaModel | None = None

    def results(self) -> Iterator[tuple[int, Trace]]:
        """Yield seed and trace of each run."""
        for seed, path in zip(self.seeds, self.paths, strict=True):
            rules = self.rules
            header = self.spec.header(self.task, seed, 1, self.sources, self.saved, rules.clock, rules.lengths)
            header |= self.spec.picked(self.meta_model)
            searcher = self.spec.start(self.task, seed, self.meta_model)
            yield seed, trace_of(searcher, self.task, path, header, rules)


Job: TypeAlias = "Learning | Runs"


def results_of(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Any]]:
    """Do jobs; yield each result with its job, in any order, as soon as it is there.

    An interrupt ends the worker processes; further ones are ignored until they are gone.
    """
    if workers == 1 or len(jobs) <= 1:
        with one_thread():
            for job in jobs:
                for result in job.results():
                    yield job, result
        return
    from joblib import Parallel, delayed, parallel_config

    with _one_interrupt(), parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        parallel = Parallel(return_as="generator_unordered")
        results = parallel(delayed(_in_worker)(i, job, os.getpid()) for i, job in enumerate(jobs))
        try:
            with closing(results):
                for i, of_job in results:
                    for result in of_job:
                        yield jobs[i], result
        except BaseException:
            from joblib.externals.loky import get_reusable_executor

            executor = get_reusable_executor()
            for pid in list(executor._processes or ()):  # loky's own way needs another program, pgrep
                with suppress(OSError):
                    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            executor.shutdown(wait=True, kill_workers=True)
            raise


@contextmanager
def _one_interrupt() -> Iterator[None]:
    """Let the first interrupt through and ignore the next ones, which would break the ending of the workers."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _in_worker(position: int, job: Job, parent: int) -> tuple[int, list[Any]]:
    """Do a job in a worker process."""
    _follow(parent)
    return position, list(job.results())


_following = False


def _follow(parent: int) -> None:
    """Leave interrupts to the parent, and end with it even where it is killed: nobody else writes to the journals."""
    global _following
    if _following:
        return
    _following = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
