"""Frames: by hand, drawn at random, and from the real tables of NAS-Bench-201."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm

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
    frame = nm.compare(["source-order", "random"], "nb201", repeats=20, evaluations=200)
    frame = frame[(frame["searcher"] == "random") | (frame["seed"] == 0)]
    return frame.astype({"task": str, "searcher": str}).reset_index(drop=True)
