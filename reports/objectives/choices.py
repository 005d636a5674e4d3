"""What `ehvi` expects of cells far from the front found: the choice of its labels and lengthscales.

Run with ``python reports/objectives/choices.py``; writes choices.csv and choices.md beside this file. A killed run goes
on. None of the tasks is one of run.py, but the accuracies of those with energies are.
"""

from __future__ import annotations

import argparse
import csv
import textwrap
from itertools import product
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.predictors import normal_scores
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
VARIANTS = {
    "ranks, usual lengthscales": (1.0, normal_scores),
    "ranks, three times as long": (3.0, normal_scores),
    "ranks and values, usual lengthscales": (1.0, _ehvi._labels_of),
    "ranks and values, three times as long": (3.0, _ehvi._labels_of),
}
AT = (50, 100, 150)


def main() -> None:
    """Measure what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs, path = parser.parse_args().runs, HERE / "choices.csv"
    done = set()
    if path.is_file():
        done = set(pd.read_csv(path)[["task", "variant", "seed"]].itertuples(index=False, name=None))
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(("family", "task", "variant", "seed", *AT))
        for seed, (family, tasks), variant in product(range(100, 100 + runs), TASKS.items(), VARIANTS):
            longer, labels = VARIANTS[variant]
            for task in tasks:
                if (task, variant, seed) in done:
                    continue
                with patch.object(_ehvi, "_LONGER", longer), patch.object(_ehvi, "_labels_of", labels):
                    run = nm.search("ehvi", task, evaluations=max(AT), seed=seed)
                regrets = 100 - np.asarray(run.hypervolumes)
                writer.writerow((family, task, variant, seed, *(f"{regrets[at - 1]:.4f}" for at in AT)))
                file.flush()
    frame = pd.read_csv(path)
    columns = [str(at) for at in AT]
    means = frame.groupby(["family", "variant", "task"], sort=False)[columns].mean()
    table = np.exp(np.log(means).groupby(["family", "variant"], sort=False).mean()).reset_index()
    table = table.rename(columns={at: f"after {at}" for at in columns})
    for column in table.columns[2:]:
        table[column] = table[column].map("{:.2f}".format)
    text = (
        f"Hypervolume regret (%): the mean of the runs of a task ({frame['seed'].nunique()}, seeds from 100 on), then "
        "the geometric mean of the tasks. Labels are normal scores of ranks, or half these and half the values with "
        "their lowest quarter clipped; a priori lengthscales are those of `gp`, or three times as long. Energy: four "
        "tasks of accuracy and energy on NAS-Bench-201; graph: five of NAS-Bench-Graph. The last row of each is what "
        "`ehvi` does."
    )
    page = f"# Labels and lengthscales of `ehvi`\n\n{textwrap.fill(text, 118)}\n\n{to_markdown(table).strip()}\n"
    (HERE / "choices.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
