"""Recorded first cells of every searcher, so that a change of behaviour is seen.

Where the change is wanted, record anew and say so in CHANGELOG.md:

    NASMETA_RECORD_GOLDEN=1 pytest tests/searchers/test_golden.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import nasmeta as nm
from nasmeta.searchers import SEARCHERS, MultiFidelitySearcher

GOLDEN = Path(__file__).with_name("golden.json")
EVALUATIONS = 30
# Their training is long, or its floating point sums differ between machines: no trace is the right one.
META_TRAINED_NETWORKS = frozenset({"bananas", "meta-nas", "meta-np", "meta-predictor", "meta-rl", "ppo"})
THEIRS = ("ax", "botorch", "optuna", "pymoo", "smac", "syne-tune")  # to change
OTHERS = frozenset(name for name in SEARCHERS if name.startswith(THEIRS))


@pytest.mark.parametrize("name", sorted(SEARCHERS.keys() - META_TRAINED_NETWORKS - OTHERS))
def test_first_cells_are_the_recorded_ones(name: str) -> None:
    epochs = [200] if issubclass(SEARCHERS[name], MultiFidelitySearcher) else None  # short trainings may not be here
    task = "nb201/cifar10+train_seconds" if SEARCHERS[name].objectives == "several" else "nb201/cifar10"
    cells = nm.search(name, task, evaluations=EVALUATIONS, seed=0, epochs=epochs).cells.tolist()
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if os.environ.get("NASMETA_RECORD_GOLDEN") == "1":
        golden[name] = cells
        lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(golden[key])}" for key in sorted(golden))
        GOLDEN.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    assert name in golden, "No trace is recorded: NASMETA_RECORD_GOLDEN=1 pytest tests/searchers/test_golden.py"
    assert cells == golden[name]


def test_no_trace_of_a_searcher_that_is_gone() -> None:
    assert set(json.loads(GOLDEN.read_text(encoding="utf-8"))) <= set(SEARCHERS)
