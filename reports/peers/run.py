"""Compare other packages' optimisers with `gp` and `meta`: evaluations until one of the best architectures.

Run ``python reports/peers/run.py``. It appends one row per run to results.csv and transfer.csv, so
an interrupted command resumes, and writes README.md and found.png. Needs the extra ``peers`` and
``nasmeta data fetch all``.
"""

from __future__ import annotations

import json
import time
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.code_identity import versions_of
from nasmeta.searchers import SEARCHERS, GPSearch
from nasmeta.threads import one_thread
from reports.common import NB201, Rows, in_processes, report, run_to, teach
from reports.peers.equal_inputs import BoTorchOnFeatures, GPOnPositions
from reports.peers.page import PACKAGES, PLAIN, TRANSFER, page
from reports.transfer.cases import Case, cases, draw_sources

HERE = Path(__file__).parent
TNB101 = (
    "class_scene",
    "class_object",
    "room_layout",
    "jigsaw",
    "segmentsemantic",
    "normal",
    "autoencoder",
)
TASKS = (
    *NB201,
    *(f"nb201/robust/{attack}" for attack in ("square@1", "pgd@0.5", "fgsm@1")),
    *(f"tnb101/{task}" for task in ("class_scene", "jigsaw", "normal", "autoencoder")),
    *(f"tnb101-macro/{task}" for task in ("class_scene", "jigsaw", "normal")),
    *(f"hpobench-mlp/{dataset}" for dataset in ("car", "credit_g", "phoneme", "vehicle")),
    *(f"graph/{dataset}" for dataset in ("cora", "physics", "arxiv")),
)
PARTS = {  # file: searchers, tasks, evaluations, runs
    "results.csv": (PLAIN, TASKS, 40, 10),
    "transfer.csv": (
        ("gp-default", *TRANSFER),
        (*NB201, *(f"tnb101/{task}" for task in TNB101)),
        100,
        20,
    ),
}
VARIANTS = {
    "gp-default": GPSearch,
    "gp-positions": GPOnPositions,
    "botorch-features": BoTorchOnFeatures,
}
SETTINGS: dict[
    str, dict[str, Any]
] = {  # BoTorch, SMAC and Optuna's TPE start with ten architectures by default
    "gp": {"n_initial": 10},
    "gp-positions": {"n_initial": 10},
    "syne-tune-cqr": {"options": {"update_frequency": 4}},
    "syne-tune-kde": {"options": {"num_min_data_points": 10}},
}
COLUMNS = ("task", "searcher", "seed", "needed", "ms")


@cache
def case_of(task: str) -> Case:
    """Return the task with its sources, as in the report on transfer."""
    family = "robust" if "robust" in task else task.partition("/")[0]
    return next(case for case in cases(family) if case.target.name == task)


@one_thread()
def measure(name: str, searcher: str, seeds: list[int], cap: int) -> list[tuple[int, int, float]]:
    """Return seed, evaluations to one of the best 0.1 % (0: none) and milliseconds per evaluation of each run."""
    case, kind = case_of(name), VARIANTS.get(searcher) or SEARCHERS[searcher]
    models: dict[str, object] = {}
    measured = []
    settings = {} if kind.budget_setting is None else {kind.budget_setting: cap}
    settings |= SETTINGS.get(searcher, {})
    for seed in seeds:
        one = kind(case.target.space, np.random.default_rng(seed), **settings)
        teach(one, models, searcher, lambda: draw_sources(case, "natural", None, 0))
        began = time.process_time()
        evaluations, is_found = run_to(one, case.target, case.least_of_best, cap)
        ms = 1e3 * (time.process_time() - began) / evaluations
        measured.append((seed, evaluations if is_found else 0, ms))
    return measured


def measure_missing(workers: int) -> None:
    """Append the missing runs; those of a searcher with sources share what it learns from them."""
    for file, (searchers, tasks, cap, repeats) in PARTS.items():
        rows = Rows(HERE / file, COLUMNS, 3)
        together = [[seed] for seed in range(repeats)]
        if file == "transfer.csv":
            together = [[*range(repeats)]]
        todo = []
        for seeds, name, task in product(together, searchers, tasks):
            if missing := [seed for seed in seeds if not rows.has(task, name, seed)]:
                todo.append((task, name, missing, cap))
        for (task, searcher, *_), measured in in_processes(measure, todo, workers):
            for seed, needed, ms in measured:
                rows.add(task, searcher, seed, needed=needed, ms=ms)
    versions = json.dumps(versions_of(PACKAGES), indent=1)
    (HERE / "setup.json").write_text(versions + "\n", encoding="utf-8")


if __name__ == "__main__":
    caps = {file: part[2] for file, part in PARTS.items()}
    report(__doc__, HERE / "README.md", lambda: page(HERE, caps), measure_missing, "workers")
