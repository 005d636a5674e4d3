"""Cases beside other libraries' loops: Syne Tune's simulator, and Optuna's own loop with the same sampler."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from _measure import THREAD_VARIABLES, Row, Sample, in_turns

import nasmeta as nm
from nasmeta.errors import ColumnError

SYNE_TUNE_PYTHON = "NASMETA_SYNE_TUNE_PYTHON"  # names an interpreter that has syne-tune
TASK, WORKERS, TRIALS = "nb201/cifar10", 4, 200
RESULTS, PEERS_RESULTS = 2_000, 400  # Syne Tune takes seconds for as many


@contextmanager
def syne_tune(levels: dict[int, Any]) -> Iterator[tuple[Callable[[str, int], float] | None, str]]:
    """Yield how to run Syne Tune (searcher and seed to results a second), or None, and the peer's name."""
    python = os.environ.get(SYNE_TUNE_PYTHON) or (sys.executable if find_spec("syne_tune") else "")
    if not python:
        yield None, f"Syne Tune: not installed; {SYNE_TUNE_PYTHON} may name a Python that has it"
        return
    version = "from importlib.metadata import version; print(version('syne-tune'))"
    release = subprocess.run(
        [python, "-c", version], check=True, capture_output=True, text=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.npz"
        np.savez(
            table,
            digits=nm.get_task(TASK).space.digits,
            errors=np.stack([100 - task.values for task in levels.values()], axis=1),
            # from scratch
            elapsed=np.cumsum([task.cost_seconds for task in levels.values()], axis=0).T,
        )
        peer = subprocess.Popen(
            [python, str(Path(__file__).with_name("syne_tune_peer.py")), str(table)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                "PATH": os.environ["PATH"],
                "SYNETUNE_FOLDER": folder,
                **dict.fromkeys(THREAD_VARIABLES, "1"),
            },
        )
        assert peer.stdin is not None
        assert peer.stdout is not None
        stdin, stdout = peer.stdin, peer.stdout

        def rate(searcher: str, seed: int) -> float:
            print(searcher, PEERS_RESULTS, WORKERS, seed, file=stdin, flush=True)
            results, seconds = stdout.readline().split()
            return int(results) / float(seconds)

        try:
            yield rate, f"Syne Tune {release}"
        finally:
            stdin.close()
            peer.wait(timeout=60)


def simulator(rounds: int) -> list[Row]:
    """Simulated trainings a second on four workers, beside Syne Tune on the same table."""
    try:
        levels = nm.tasks.fidelities(nm.get_task(TASK), [12, 200])
        _ = [task.values for task in levels.values()]
    except ColumnError as reason:
        return [Row("simulator", f"left out: {reason}", "1/s", [])]

    def ours(searcher: str) -> Sample:
        seeds = count()
        settings = {"epochs": [12, 200]} if searcher == "asha" else None

        def sample() -> float:
            start = perf_counter()
            run = nm.search(
                searcher,
                TASK,
                evaluations=RESULTS,
                seed=next(seeds),
                clock={"workers": WORKERS},
                settings=settings,
            )
            return len(run) / (perf_counter() - start)

        return sample

    rows = []
    with syne_tune(levels) as (rate, name):
        for searcher, what in (("random", "200 epochs each"), ("asha", "12 and 200 epochs, eta 3")):
            seeds = count()
            peer = (
                None
                if rate is None
                else lambda searcher=searcher, seeds=seeds: rate(searcher, next(seeds))
            )
            mine, theirs = in_turns(rounds, ours(searcher), peer)
            text = f"`{searcher}` on {WORKERS} simulated workers, {what}"
            rows.append(
                Row("simulator", text, "1/s", mine, higher_is_better=True, peer=name, peers=theirs)
            )
    return rows


def optuna_loop(rounds: int) -> list[Row]:
    """A trial of Optuna's TPESampler in our loop and in Optuna's own, which answers from the same table."""
    if find_spec("optuna") is None:
        return [Row("optuna_loop", "left out", "ms", [], peer="Optuna: not installed")]
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    from nasmeta.searchers import SEARCHERS

    trials: list[int] = []

    class Counted(SEARCHERS["optuna-tpe"]):
        """Counts trials: Optuna repeats cells."""

        def _suggest(self) -> Any:
            trials[-1] += 1
            return super()._suggest()

    mine, theirs = count(), count()

    def ours() -> float:
        trials.append(0)
        start = perf_counter()
        nm.search(Counted, TASK, evaluations=TRIALS, seed=next(mine))
        return 1e3 * (perf_counter() - start) / trials[-1]

    def alone() -> float:
        objective = nm.optuna_objective(TASK)
        start = perf_counter()
        sampler = optuna.samplers.TPESampler(seed=next(theirs))
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.optimize(objective, n_trials=trials[-1])
        return 1e3 * (perf_counter() - start) / trials[-1]

    ours_ms, alone_ms = in_turns(rounds, ours, alone)
    text = f"a trial of `optuna-tpe`, runs of {TRIALS} cells"
    return [Row("optuna_loop", text, "ms", ours_ms, peer="Optuna", peers=alone_ms)]
