"""Recorded cells of every searcher, so that a change of behaviour is noticed.

If the change is intended, record the traces again and describe the change in CHANGELOG.md:

    NASMETA_RECORD_GOLDEN=1 pytest tests/searchers/test_golden.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from example_spaces import example_space

import nasmeta as nm
from nasmeta.searchers import SEARCHERS, MultiFidelitySearcher
from nasmeta.testing import made_up_values

GOLDEN = Path(__file__).with_name("golden.json")
EVALUATIONS = 100  # more than three populations, and several rounds of each model
# Its training is long, and its floating point sums differ between machines.
META_TRAINED_NETWORKS = frozenset({"meta-predictor"})
THEIRS = ("botorch", "command", "optuna", "smac", "syne-tune")  # to change
OTHERS = frozenset(name for name in SEARCHERS if name.startswith(THEIRS))
# Searchers on a part of a space, in batches: branches that a run of `nm.search` with the defaults
# does not reach.
IN_BATCHES = {
    "asha, batches": ("asha", "mixed", {"eta": 2}),
    "bohb, batches": ("bohb", "mixed", {"num_samples": 16}),
    "bohb, HpBandSter": ("bohb", "mixed", {"hpbandster_bandwidths": True, "rungs": 2}),
    "ehvi, batches": ("ehvi", "sample", {}),
    "evolution, listed": ("evolution", "sample", {"population": 2, "sample_size": 2}),
    "gp, batches": ("gp", "sample", {}),
    "hyperband, batches": ("hyperband", "mixed", {"rungs": 4}),
    "local-search, listed": ("local-search", "sample", {}),
    "local-search-full, listed": ("local-search-full", "sample", {}),
    "nsga2, listed": ("nsga2", "sample", {"population": 6}),
    "predictor, greedy": ("ridge-greedy", "mixed", {"labels": "value"}),
    "predictor, thompson": ("random-forest-thompson", "mixed", {"options": {"n_estimators": 5}}),
    "predictor, ucb": ("gp-ucb", "sample", {"beta": 2.0}),
    "random, replacement": ("random", "mixed", {"replacement": True}),
    "reinforce, listed": ("reinforce", "sample", {"learning_rate": 0.1}),
    "successive-halving, batches": ("successive-halving", "mixed", {"size": 12}),
    "tpe, batches": ("tpe", "mixed", {"top": 0.2}),
    "tpe, two parts": ("tpe", "sizes", {}),
}
ALL = [*sorted(SEARCHERS.keys() - META_TRAINED_NETWORKS - OTHERS), *IN_BATCHES]


def of_a_run(name: str) -> list[int]:
    settings = {"epochs": [200]} if issubclass(SEARCHERS[name], MultiFidelitySearcher) else {}
    task = (
        "nb201/cifar10+train_seconds"
        if SEARCHERS[name].objectives == "several"
        else "nb201/cifar10"
    )
    architectures = nm.search(
        name, task, evaluations=EVALUATIONS, seed=0, settings=settings
    ).architectures.tolist()
    return architectures


def in_batches(name: str, space_name: str, settings: dict) -> list[int]:
    space = example_space(space_name)
    searcher = SEARCHERS[name](space, np.random.default_rng(0), **settings)
    values = made_up_values(space)
    if searcher.objectives == "several":
        values = np.column_stack([values, made_up_values(space, shift=1.0)])
    searcher.restrict(np.arange(0, space.size, 2, dtype=np.int32))
    is_multi_fidelity = isinstance(searcher, MultiFidelitySearcher)
    if is_multi_fidelity:
        searcher.begin((1, 3, 9))
        searcher.begin_with(np.array([4, 8], np.int32))
    found = []
    # until all neighbours of its small population are known
    rounds = 40 if name == "evolution" else 8
    for size in [5, 1, 3, 3] * rounds:
        if is_multi_fidelity:
            architectures, epochs = searcher.ask_at(size)
            found += np.column_stack([architectures, epochs]).ravel().tolist()
            searcher.tell_at(
                architectures[::-1].copy(),
                epochs[::-1].copy(),
                (values[architectures] + np.log(epochs))[::-1].copy(),
            )
        else:
            architectures = searcher.ask(size)
            found += architectures.tolist()
            searcher.tell(architectures[::-1].copy(), values[architectures[::-1]])
    return found


@pytest.mark.parametrize("name", ALL)
def test_cells_are_the_recorded_ones(name: str) -> None:
    architectures = in_batches(*IN_BATCHES[name]) if name in IN_BATCHES else of_a_run(name)
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if os.environ.get("NASMETA_RECORD_GOLDEN") == "1":
        golden[name] = architectures
        lines = ",\n".join(
            f"  {json.dumps(key)}: {json.dumps(golden[key])}" for key in sorted(golden)
        )
        GOLDEN.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    assert name in golden, (
        "No trace is recorded: NASMETA_RECORD_GOLDEN=1 pytest tests/searchers/test_golden.py"
    )
    assert architectures == golden[name]


def test_every_trace_has_a_searcher() -> None:
    assert set(json.loads(GOLDEN.read_text(encoding="utf-8"))) == set(ALL)
