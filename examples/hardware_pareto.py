"""Search under latency budgets, and compare the selected cells with the Pareto front.

The latency is the authors' measurement for one batch on their GPU. ``nasmeta data fetch hw-nas-bench`` adds devices
such as the Pixel 3, and tasks such as ``nb201/cifar10/within-5ms/pixel3``. Run it from the root of the repository; it
writes ``pareto.png``::

    python examples/hardware_pareto.py
"""

import argparse

from matplotlib.figure import Figure

import nasmeta as nm
from nasmeta.tasks import Objective, Task

BUDGETS = (0.014, 0.016, 0.018, 0.020)  # seconds


def main() -> None:
    """Search once for each budget, and draw."""
    table = nm.load_table("nb201")
    accuracy, latency = (
        table.task(metric, "cifar10") for metric in ("accuracy", "latency_seconds")
    )
    both = nm.multi_objective_task(["accuracy", "latency_seconds"], "cifar10")
    front = both.front.architectures[::-1]  # from the fastest
    print(f"{len(front)} of {len(accuracy.values):,} cells are on the Pareto front")

    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(
        1000 * latency.values, accuracy.values, ".", markersize=2.5, color="0.75", label="all cells"
    )
    axes.step(
        1000 * latency.values[front],
        accuracy.values[front],
        where="post",
        color="black",
        label="Pareto front",
    )
    for budget in BUDGETS:
        within = Objective(latency.signal, "within", budget)
        task = Task(
            f"nb201/cifar10/within-{1000 * budget:g}ms", table, accuracy.signal, objective=within
        )
        run = nm.search("gp", task, evaluations=60, seed=0)
        pick = run.best.architecture
        print(
            f"within {1000 * budget:g} ms: {accuracy.values[pick]:.2f} % in {1000 * latency.values[pick]:.1f} ms, "
            f"best possible {task.optimum:.2f} %"
        )
        axes.axvline(1000 * budget, color="0.7", linewidth=0.8, linestyle="--")
        label = "gp, 60 evaluations" if budget == BUDGETS[0] else None
        axes.plot(
            1000 * latency.values[pick], accuracy.values[pick], "o", color="#0072B2", label=label
        )
    axes.set(
        xlabel="latency of a batch (ms)", ylabel="CIFAR-10 validation accuracy (%)", ylim=(84, 92.2)
    )
    axes.legend(loc="lower right")
    figure.savefig("pareto.png", dpi=120)


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    ).parse_args()
    main()
