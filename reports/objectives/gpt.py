"""Search GPT sub-networks for perplexity and a cost: seven searchers on surrogates of the whole space.

Run ``nasmeta data fetch hw-gpt-s``, then ``python reports/objectives/gpt.py --folder DIR``. It writes gpt.md and
gpt/. With the same folder, an interrupted run resumes. ``--page`` rewrites gpt.md and the figures from the CSV files.
Needs the extras ``objectives`` and ``optuna``.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))

from common import options_of

import nasmeta as nm
from nasmeta.evaluators import MultiObjectiveEvaluator, SurrogateEvaluator
from nasmeta.surrogates import Surrogate, fit_surrogate

HERE = Path(__file__).parent / "gpt"
PERPLEXITY = "hw-gpt-s/gpt-s"
COSTS = {"latency/h100": (5, 200), "energy/h100": (3, 100), "memory": (3, 100)}  # seeds, evaluations with a model
SEARCHERS = ("random", "pareto-local-search", "nsga2", "pymoo-nsga2", "optuna-nsgaii", "parego", "ehvi")
SETTINGS = {"optuna-nsgaii": {"options": {"population_size": 20}}}  # like the other two
WITH_MODEL = ("parego", "ehvi")
EVALUATIONS = 500  # without a model


@cache
def surrogate(name: str) -> Surrogate:
    """Return the surrogate of an objective."""
    return fit_surrogate(name, predictor="xgboost")


def evaluator(cost: str) -> MultiObjectiveEvaluator:
    """Return the evaluator of perplexity and a cost on the whole space."""
    task = nm.get_task(f"{PERPLEXITY}+{cost}")
    return MultiObjectiveEvaluator(task, [SurrogateEvaluator(surrogate(part.name)) for part in task.parts])


def runs(folder: Path, workers: int) -> pd.DataFrame:
    """Return the runs of all searchers on all costs."""
    frames = []
    for cost, (repeats, few) in COSTS.items():
        for searcher in SEARCHERS:
            n = few if searcher in WITH_MODEL else EVALUATIONS
            settings = {searcher: SETTINGS[searcher]} if searcher in SETTINGS else None
            frame = nm.compare(
                [searcher], evaluator(cost), repeats=repeats, evaluations=n, settings=settings,
                folder=folder / cost.replace("/", "-") / searcher, workers=workers,
            )  # fmt: skip
            print(cost, searcher, frame.groupby("seed")["incumbent_value"].last().round(2).tolist(), flush=True)
            frames.append(frame.assign(cost=cost))
    return pd.concat(frames, ignore_index=True).astype({"task": str, "searcher": str})


if __name__ == "__main__":
    options = options_of(__doc__, "gpt")
    runs(options.folder, options.workers)
