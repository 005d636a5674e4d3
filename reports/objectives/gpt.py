"""Search GPT sub-networks for perplexity and a cost, on surrogates of the whole space.

Run ``nasmeta data fetch hw-gpt-s``, then ``python reports/objectives/gpt.py --folder DIR``. It
writes gpt.md and the folder gpt. With the same folder, an interrupted run resumes. ``--page``
rewrites gpt.md and the figures from the CSV files and the table. Needs the extra ``optuna``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval
from nasmeta.plotting import draw_grid, house_style, label_panels, legend_below, new_panels, styles
from nasmeta.surrogates import Surrogate
from nasmeta.tasks import Front, MultiObjectiveTask, pareto_front
from reports.common import report, with_interval
from reports.drawing import WIDTH, save_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent / "gpt"
DATE = "2026-12-02"
PERPLEXITY = "hw-gpt-s/gpt-s"
# Seeds, and evaluations without and with a model.
COSTS = {"latency/h100": (5, 500, 150), "memory": (3, 500, 100), "energy/h100": (3, 100, 100)}
TITLES = {
    "latency/h100": "latency, H100 (ms)",
    "memory": "memory, A100 (MB)",
    "energy/h100": "energy, H100 (mJ)",
}
SEARCHERS = ("random", "nsga2", "optuna-nsgaii", "ehvi")
SETTINGS = {"optuna-nsgaii": {"options": {"population_size": 20}}}  # like `nsga2`
WITH_MODEL = ("ehvi",)
AT = (10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 400, 500)
DRAWN = ("random", "nsga2", "ehvi")  # fronts
MEASURED = "measured networks"


def runs_of(cost: str, folder: Path, workers: int) -> pd.DataFrame:
    """Return the runs of all searchers on perplexity and a cost."""
    (repeats, many, few), frames = COSTS[cost], []
    for searcher in SEARCHERS:
        frame = nm.compare(
            [searcher], task_of(cost), evaluator="surrogate", repeats=repeats, workers=workers,
            evaluations=few if searcher in WITH_MODEL else many,
            settings={searcher: SETTINGS[searcher]} if searcher in SETTINGS else None,
            folder=folder / cost.replace("/", "-") / searcher,
        )  # fmt: skip
        print(
            cost,
            searcher,
            frame.groupby("seed")["incumbent_value"].last().round(2).tolist(),
            flush=True,
        )
        frames.append(frame)
    frame = pd.concat(frames, ignore_index=True).astype({"searcher": str}).assign(cost=cost)
    return frame.rename(columns={"incumbent_value": "share"})


def task_of(cost: str) -> MultiObjectiveTask:
    """Return the task of perplexity and a cost on the measured networks."""
    return nm.multi_objective_task(["gpt-s", cost], table="hw-gpt-s")


def fronts_of(cost: str, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the predicted fronts of the first runs of some searchers."""
    frames = []
    for name in DRAWN:
        values = runs.query("searcher == @name and seed == 0")[
            ["objective_1", "objective_2"]
        ].to_numpy()
        front = values[pareto_front(values, ["min", "min"])]
        frames.append(
            pd.DataFrame(front, columns=["perplexity", "value"]).assign(name=name, cost=cost)
        )
    return pd.concat(frames)


def checks_of(cost: str, runs: pd.DataFrame) -> dict[str, object]:
    """Compare the surrogates with held-out measurements, and the networks found with the measured ones."""
    task = task_of(cost)
    (space, at), models = task.space.whole, [Surrogate.load(part) for part in task.parts]
    held_out = ~np.isin(at, models[0].trained)
    measured, predicted = (
        task.values[held_out],
        np.column_stack([model.means(at[held_out]) for model in models]),
    )
    chosen, front = pareto_front(predicted, task.directions), Front(measured, task.directions)
    found = runs.query("searcher == 'nsga2' and seed == 0")
    on_front = pareto_front(found[["objective_1", "objective_2"]].to_numpy(), task.directions)
    measured_codes = space.codes_of(at)
    edits = [
        (measured_codes != codes).sum(axis=1).min()
        for codes in space.codes_of(found["cell"].iloc[on_front])
    ]
    taus = [model.card["scores"]["held out"]["tau"] for model in models]
    return {
        "cost": cost, "tau_perplexity": taus[0], "tau_cost": taus[1], "edits": np.median(edits),
        "correlation": spearmanr(*task.values.T).statistic,
        "predicted": front.hypervolumes(predicted[chosen])[-1], "measured": front.hypervolumes(measured[chosen])[-1],
        **dict(zip(("worst_perplexity", "worst_cost"), task.front.reference, strict=True)),
    }  # fmt: skip


@house_style()
def draw_fronts(fronts: pd.DataFrame) -> Figure:
    """Draw the borders of the regions that fronts dominate, a panel per cost."""
    figure, panels = new_panels([""] * len(TITLES), WIDTH, (WIDTH / 3, 2.3), sharey=True)
    looks = styles(DRAWN)
    for panel, cost in zip(panels, TITLES, strict=True):
        y, x = task_of(cost).front.values.T
        panel.plot(
            x[::-1], y[::-1], color="0.6", linewidth=3.0, drawstyle="steps-post", label=MEASURED
        )
        for name, points in (
            fronts[fronts["cost"] == cost].sort_values("value").groupby("name", sort=False)
        ):
            look = looks[name].line() | {"drawstyle": "steps-post", "markevery": 8}
            panel.plot(points["value"], points["perplexity"], label=name, **look)
        draw_grid(panel)
    label_panels(panels, "", "perplexity")
    for panel, cost in zip(panels, TITLES.values(), strict=True):
        panel.set_xlabel(cost)
    legend_below(figure, "front: of a run (predicted), of the measured networks")
    return figure


@house_style()
def draw_hypervolumes(results: pd.DataFrame) -> Figure:
    """Draw the mean hypervolume of each searcher against evaluations, with its 95 % interval, a panel per cost."""
    figure, panels = new_panels(list(TITLES.values()), WIDTH, (WIDTH / 3, 2.5))
    for panel, cost in zip(panels, TITLES, strict=True):
        of_cost = results[results["cost"] == cost]
        for name, look in styles(SEARCHERS).items():
            wide = of_cost[of_cost["searcher"] == name].pivot(
                index="seed", columns="evaluation", values="share"
            )
            low, high = np.transpose([bootstrap_interval(wide[n].to_numpy()) for n in wide])
            panel.plot(wide.columns, wide.mean(), label=name, markersize=4, **look.line())
            panel.fill_between(wide.columns, low, high, color=look.colour, alpha=0.15, linewidth=0)
        panel.axhline(100, color="0.35", linewidth=0.8)
        panel.set(xscale="log")
        shown = [n for n in (10, 30, 100, 300) if n <= of_cost["evaluation"].max()]
        panel.set_xticks(shown, [str(n) for n in shown])
        panel.minorticks_off()
        draw_grid(panel)
    label_panels(panels, "evaluations", "hypervolume (% of the measured front's)")
    legend_below(figure, "mean; 95 % bootstrap interval")
    return figure


def measure(folder: Path, workers: int) -> None:
    """Run all searchers, and write the CSV files."""
    HERE.mkdir(exist_ok=True)
    runs = {cost: runs_of(cost, folder, workers) for cost in COSTS}
    results = pd.concat(runs.values()).query("evaluation in @AT")
    tables = {
        "results": results[["cost", "searcher", "seed", "evaluation", "share"]],
        "fronts": pd.concat(fronts_of(*pair) for pair in runs.items()),
        "checks": pd.DataFrame(checks_of(*pair) for pair in runs.items()),
    }
    for name, table in tables.items():
        table.to_csv(HERE / f"{name}.csv", index=False, float_format="%.5g")


def page() -> str:
    """Draw the figures; return the text of gpt.md."""
    results, fronts, checks = (
        pd.read_csv(HERE / f"{name}.csv") for name in ("results", "fronts", "checks")
    )
    save_png(draw_fronts(fronts), HERE / "fronts")
    save_png(draw_hypervolumes(results), HERE / "hypervolume")
    main = results[results["cost"] == "latency/h100"].set_index(["searcher", "evaluation"])["share"]
    latency, energy = (
        checks.set_index("cost").loc[cost] for cost in ("latency/h100", "energy/h100")
    )
    shares = {
        name: with_interval(main[name, at], ".1f")
        for name, at in (("nsga2", 500), ("ehvi", 150), ("random", 500))
    }
    return f"""# GPT sub-networks: perplexity against latency

On the shipped surrogates, `nsga2` reaches {shares["nsga2"]} % of the hypervolume of the 10,000 measured networks after
500 evaluations, and `random` {shares["random"]} %. `ehvi` reaches {shares["ehvi"]} % after 150 (H100 latency; mean of
{COSTS["latency/h100"][0]} runs, 95 % interval).

![Fronts](gpt/fronts.png)

![Hypervolumes](gpt/hypervolume.png)

The true front of the 1.9 · 10¹² networks is unknown, so hypervolumes are in percent of the measured front's. Reference
point: perplexity {latency["worst_perplexity"]:.1f} and {latency["worst_cost"]:.1f} ms.

Are predicted fronts believable? The surrogates' front of the 2,000 held-out networks claims
{latency["predicted"]:.1f} % of their hypervolume; measurements of the same networks reach {latency["measured"]:.1f} %.
Networks on a front of `nsga2` differ from the nearest measured one in {latency["edits"]:.0f} of 27 positions (median).
Energy is not believable: its measurements correlate with perplexity at {energy["correlation"]:.2f} (latency:
{latency["correlation"]:.2f}), and its surrogate has a Kendall's τ of {energy["tau_cost"]:.2f} (latency:
{latency["tau_cost"]:.2f}).

`python reports/objectives/gpt.py` on {DATE}, nasmeta {nm.__version__}; {COSTS["memory"][0]} runs for memory and energy;
NSGA-II with a population of 20. Perplexities use the supernet's weights.
"""


if __name__ == "__main__":
    report(__doc__, HERE.parent / "gpt.md", page, measure, "folder", "workers")
