"""Which acquisition `meta-gp` should use, chosen on source tasks: python reports/queries/optimism.py.

For every pair of datasets, one is the only source and the other is searched. A choice for a held-out dataset may look
at the two pairs that do not contain it; its result with both other datasets as sources stands in the last columns.
"""

from __future__ import annotations

import argparse
from itertools import permutations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.meta import MetaGPSearch
from nasmeta.searchers import GPSearch

BUDGET = 300


class ExpectedImprovement(MetaGPSearch):
    """`meta-gp` with the acquisition of `gp`."""

    _score = GPSearch._score


class ImprovementProbability(MetaGPSearch):
    """`meta-gp` with the probability of improvement."""

    def _score(
        self, mean: NDArray[np.float64], deviation: NDArray[np.float64], labels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return (mean - labels.max()) / deviation if len(labels) else mean


CHOICES: dict[str, tuple[type[MetaGPSearch], dict[str, float]]] = {
    "expected improvement": (ExpectedImprovement, {}),
    "probability of improvement": (ImprovementProbability, {}),
    **{f"mean + {o} deviations": (MetaGPSearch, {"beta": o}) for o in (0.0, 0.25, 0.5, 1.0, 2.0)},
}


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    tasks = list(nm.task_distribution("nb201"))
    rows = []
    for name, (kind, settings) in CHOICES.items():

        def needed(
            task: nm.tasks.Task,
            sources: list[nm.tasks.Task],
            kind: type[MetaGPSearch] = kind,
            settings: dict = settings,
        ) -> int:
            run = nm.search(kind, task, sources=sources, settings=settings, evaluations=BUDGET, stop_at_optimum=True)
            return len(run)

        pairs = {(a, b): needed(b, [a]) for a, b in permutations(tasks, 2)}
        row: dict[str, object] = {"acquisition": name}
        for held_out in tasks:
            row[f"pairs without {held_out.dataset}"] = sum(n for pair, n in pairs.items() if held_out not in pair)
        for held_out in tasks:
            row[held_out.dataset] = needed(held_out, [task for task in tasks if task is not held_out])
        rows.append(row)
    print(to_markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
