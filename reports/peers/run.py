"""Compare other packages' optimisers with `gp` and `meta`: evaluations until one of the best architectures.

Run ``python reports/peers/run.py``. It appends one row per run to results.csv and transfer.csv, so
an interrupted command resumes, and writes README.md and found.png. Needs the extra ``peers`` and
``nasmeta data fetch all``.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.code_identity import versions_of
from nasmeta.evaluators import TableEvaluator
from nasmeta.runs import run_loop
from nasmeta.searchers import SEARCHERS, GPSearch, MetaSearcher
from nasmeta.threads import one_thread
from reports.common import NB201, Rows, page_parser
from reports.peers.equal_inputs import BoTorchOnFeatures, GPOnPositions
from reports.peers.page import PACKAGES, PLAIN, TRANSFER, write_page
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
def measure(
    name: str, searcher: str, seeds: tuple[int, ...], cap: int
) -> list[tuple[int, int, float]]:
    """Return seed, evaluations to one of the best 0.1 % (0: none) and milliseconds per evaluation of each run."""
    case, kind = case_of(name), VARIANTS.get(searcher) or SEARCHERS[searcher]
    task, learnt, measured = case.target, None, []
    settings = {} if kind.budget_setting is None else {kind.budget_setting: cap}
    settings |= SETTINGS.get(searcher, {})
    for seed in seeds:
        one = kind(task.space, np.random.default_rng(seed), **settings)
        if isinstance(one, MetaSearcher):
            if learnt is None:
                learnt = one.meta_fit(draw_sources(case, "natural", None, 0)).meta_model_
            one.meta_model_ = learnt
        began = time.process_time()
        history = run_loop(
            one, TableEvaluator(task), evaluations=cap, sign=task.sign, target=case.least_of_best
        )
        ms = 1e3 * (time.process_time() - began) / len(history)
        hits = np.flatnonzero(task.sign * history.values >= case.least_of_best)
        measured.append((seed, int(hits[0]) + 1 if len(hits) else 0, ms))
    return measured


def measure_missing(file: str, workers: int) -> None:
    """Append the missing runs; those of a searcher with sources share what it learns from them."""
    searchers, tasks, cap, repeats = PARTS[file]
    rows = Rows(HERE / file, COLUMNS, 3)
    together = [range(repeats)] if file == "transfer.csv" else [[seed] for seed in range(repeats)]
    todo = [
        (task, name, missing)
        for seeds in together
        for name in searchers
        for task in tasks
        if (missing := tuple(seed for seed in seeds if not rows.has(task, name, seed)))
    ]
    with ProcessPoolExecutor(workers) as pool:
        done = pool.map(measure, *zip(*todo, strict=True), [cap] * len(todo)) if todo else []
        for (task, searcher, _), measured in zip(todo, done, strict=True):
            for seed, needed, ms in measured:
                rows.add(task, searcher, seed, needed=needed, ms=ms)


def main() -> None:
    """Measure the missing runs, and write the page."""
    parser = page_parser(__doc__)
    parser.add_argument("--workers", type=int, default=1, help="number of processes")
    chosen = parser.parse_args()
    if not chosen.page:
        for file in PARTS:
            measure_missing(file, chosen.workers)
        versions = json.dumps(versions_of(PACKAGES), indent=1)
        (HERE / "setup.json").write_text(versions + "\n", encoding="utf-8")
    write_page(HERE, {file: part[2] for file, part in PARTS.items()})


if __name__ == "__main__":
    main()
