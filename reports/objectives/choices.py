"""What `ehvi` expects of cells far from the front found: the choice of its labels, lengthscales and linear part.

Run with ``python reports/objectives/choices.py``; writes choices.csv and choices.md beside this file. A killed run goes
on. None of the tasks is one of run.py, but the accuracies of those with energies are.
"""

from __future__ import annotations

import argparse
import csv
import textwrap
from functools import partial
from itertools import product
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.predictors import (
    CellGP,
    TrendGP,
    fit_hyperparameters,
    normal_scores,
    weak_prior,
)
from nasmeta.predictors._gaussian_process import Prior
from nasmeta.searchers import _ehvi

HERE = Path(__file__).parent
TASKS = {
    "energy": (
        "nb201/cifar10+energy/eyeriss", "nb201/cifar100+energy/fpga", "nb201/imagenet16-120+energy/edgegpu",
        "nb201/imagenet16-120+energy/fpga",
    ),
    "graph": (
        "graph/cora+latency_seconds", "graph/physics+latency_seconds", "graph/arxiv+latency_seconds",
        "graph/citeseer+parameters", "graph/photo+parameters",
    ),
}  # fmt: skip


class WithoutTrend(CellGP):
    """The process of `ehvi` without its linear part."""

    def fit(self, labels: NDArray[np.float64], prior: Prior) -> None:
        """Maximise the posterior density of the hyperparameters, and condition anew."""
        found = fit_hyperparameters(self.observed_distances(), [labels], self.hyperparameters, prior)
        self.set_hyperparameters(found)


VARIANTS = {  # the process, how much longer lengthscales are, labels, and runs of a task
    "ranks, usual lengthscales": (WithoutTrend, 1.0, normal_scores, 15),
    "ranks, three times as long": (WithoutTrend, 3.0, normal_scores, 5),
    "ranks and values, usual lengthscales": (WithoutTrend, 1.0, _ehvi._labels_of, 5),
    "ranks and values, three times as long": (WithoutTrend, 3.0, _ehvi._labels_of, 15),
    "ranks and values, three times as long, linear part": (TrendGP, 3.0, _ehvi._labels_of, 15),
    "ranks and values, usual lengthscales, linear part": (TrendGP, 1.0, _ehvi._labels_of, 15),
}
FORMER = ("ranks and values, three times as long, linear part", "ranks and values, three times as long")
AT = (50, 100, 150)
LEAST = 0.02  # percent, added to both regrets before they are divided


def prior_with(longer: float, n_features: int, lengthscales: NDArray[np.float64]) -> Prior:
    """Return the prior of hyperparameters with so much longer lengthscales."""
    return weak_prior(n_features, longer * lengthscales)


def against(frame: pd.DataFrame, former: str) -> str:
    """Say how the last variant compares with another, run by run."""
    before, now = (frame[frame["variant"] == name] for name in (former, list(VARIANTS)[-1]))
    both = before.merge(now, on=["family", "task", "seed"], suffixes=("_before", "_now"))
    ratios = []
    for family, own in both.groupby("family", sort=False):
        said = []
        for at in map(str, AT):
            ratio = np.log((own[f"{at}_now"] + LEAST) / (own[f"{at}_before"] + LEAST))
            error = ratio.std() / np.sqrt(len(ratio))
            low, middle, high = np.exp([ratio.mean() - 1.96 * error, ratio.mean(), ratio.mean() + 1.96 * error])
            said.append(f"{middle:.2f} [{low:.2f}, {high:.2f}] after {at}")
        ratios.append(f"{family} {', '.join(said)}")
    return f"Against *{former}*: {'; '.join(ratios)}."


def main() -> None:
    """Measure what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    path, most = HERE / "choices.csv", max(runs for *_, runs in VARIANTS.values())
    done = set()
    if path.is_file():
        done = set(pd.read_csv(path)[["task", "variant", "seed"]].itertuples(index=False, name=None))
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(("family", "task", "variant", "seed", *AT))
        for run, (family, tasks), variant in product(range(most), TASKS.items(), VARIANTS):
            (process, longer, labels, runs), seed = VARIANTS[variant], 100 + run
            for task in tasks:
                if run >= runs or (task, variant, seed) in done:
                    continue
                prior = partial(prior_with, longer)
                with patch.multiple(_ehvi, TrendGP=process, weak_prior=prior, _labels_of=labels):
                    found = nm.search("ehvi", task, evaluations=max(AT), seed=seed)
                regrets = 100 - np.asarray(found.hypervolumes)
                writer.writerow((family, task, variant, seed, *(f"{regrets[at - 1]:.4f}" for at in AT)))
                file.flush()
    frame = pd.read_csv(path)
    frame = frame.sort_values("variant", key=lambda names: names.map(list(VARIANTS).index), kind="stable")
    columns = [str(at) for at in AT]
    means = frame.groupby(["family", "variant", "task"], sort=False)[columns].mean()
    table = np.exp(np.log(means).groupby(["family", "variant"], sort=False).mean()).reset_index()
    table = table.rename(columns={at: f"after {at}" for at in columns})
    for column in table.columns[2:]:
        table[column] = table[column].map("{:.2f}".format)
    table.insert(2, "runs a task", table["variant"].map(lambda name: VARIANTS[name][-1]))
    text = (
        "Hypervolume regret (%): the mean of the runs of a task (seeds from 100 on), then the geometric mean of the "
        "tasks. Labels are normal scores of ranks, or half these and half the values with their lowest quarter "
        "clipped; a priori lengthscales are those of `gp`, or three times as long; the process is that of `gp`, or has "
        "a linear part. Energy: four tasks of accuracy and energy on NAS-Bench-201; graph: five of NAS-Bench-Graph. "
        "The last row of each family is what `ehvi` does."
    )
    verdicts = [against(frame, name) for name in (*FORMER, next(iter(VARIANTS)))]
    verdict = (
        "The last row against others, run by run with the same seed, as the geometric mean of the ratios of regrets "
        f"with its 95 % interval over runs. {' '.join(verdicts)} Below 1 `ehvi` gains by the change."
    )
    parts = [
        "# Labels, lengthscales and linear part of `ehvi`",
        textwrap.fill(verdict, 118),
        to_markdown(table).strip(),
    ]
    (HERE / "choices.md").write_text("\n\n".join([*parts, textwrap.fill(text, 118)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
