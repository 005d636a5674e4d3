"""Syne Tune's simulator on a table: run by a Python that has it, one line of numbers for each line of input.

The table holds digits (n, 6), errors and elapsed seconds (n, levels). A line ``asha 2000 4 7`` asks
for a run of ASHA with 2,000 results on 4 workers and seed 7; the answer is the number of results
and the seconds that `Tuner.run` took.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular
from syne_tune.blackbox_repository.simulated_tabular_backend import UserBlackboxBackend
from syne_tune.config_space import choice, randint
from syne_tune.optimizer.baselines import ASHA, RandomSearch

# of training, in units that give ASHA with eta 3 one rung below the full one
LEVELS = {
    "asha": [1, 3],
    "random": [1],
}


def blackbox_of(table: Any, searcher: str) -> BlackboxTabular:
    """Build the table into the format of Syne Tune's blackboxes; random search has the full training alone."""
    levels = LEVELS[searcher]
    space = {
        f"edge{edge}": choice(list(range(int(table["digits"].max()) + 1))) for edge in range(6)
    }
    objectives = np.stack([table["errors"], table["elapsed"]], axis=-1)[:, None, -len(levels) :, :]
    box = BlackboxTabular(
        hyperparameters=pd.DataFrame(table["digits"], columns=list(space)),
        configuration_space=space,
        fidelity_space={"level": randint(1, levels[-1])},
        objectives_evaluations=objectives.astype(np.float64),
        fidelity_values=np.array(levels),
        objectives_names=["error", "elapsed"],
    )
    box.objectives_names = ["error", "elapsed"]
    return box


def run(
    box: BlackboxTabular, searcher: str, results: int, workers: int, seed: int, folder: str
) -> tuple[int, float]:
    """Return the number of results of one run, and its seconds without the making of tuner, backend and scheduler."""
    backend = UserBlackboxBackend(
        blackbox=box, elapsed_time_attr="elapsed", seed=0, support_checkpointing=True
    )
    if searcher == "asha":
        scheduler: Any = ASHA(
            box.configuration_space,
            metric="error",
            time_attr="level",
            max_t=3,
            reduction_factor=3,
            random_seed=seed,
        )
    else:
        scheduler = RandomSearch(box.configuration_space, metrics=["error"], random_seed=seed)
    callback = SimulatorCallback()
    tuner = Tuner(
        trial_backend=backend,
        scheduler=scheduler,
        stop_criterion=StoppingCriterion(max_num_evaluations=results),
        n_workers=workers,
        sleep_time=0,
        callbacks=[callback],
        results_update_interval=1e9,
        print_update_interval=1e9,
        save_tuner=False,
        trial_backend_path=folder,
    )
    start = perf_counter()
    tuner.run()
    return len(callback.results), perf_counter() - start


def main() -> None:
    """Answer lines until there are none."""
    logging.disable(logging.CRITICAL)
    table = np.load(sys.argv[1])
    boxes = {searcher: blackbox_of(table, searcher) for searcher in LEVELS}
    answers, sys.stdout = sys.stdout, sys.stderr  # Syne Tune prints
    for line in sys.stdin:
        searcher, results, workers, seed = line.split()
        with tempfile.TemporaryDirectory() as folder:
            found, seconds = run(
                boxes[searcher], searcher, int(results), int(workers), int(seed), folder
            )
        print(found, seconds, file=answers, flush=True)


if __name__ == "__main__":
    main()
