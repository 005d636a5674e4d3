"""The page and the figures of ``gp.py``, from its runs.csv alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from folding import folded  # beside this file
from gp_harm import FEW, harms, rule_table, short

from nasmeta.analysis import bootstrap_interval, save_figure, to_markdown

QUERIES = Path(__file__).parent.parent / "queries" / "queries.csv"
NB201 = {"nb201/cifar10": "CIFAR-10", "nb201/cifar100": "CIFAR-100", "nb201/imagenet16-120": "ImageNet16-120"}
GRID = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300)
COLOURS = {"multi-task-gp": "#0072B2", "rgpe": "#D55E00", "gp": "#555555", "meta": "#009E73"}
AIM = 1.5  # geometric mean of the speed-ups on TransNAS-Bench-101
MARKERS = {"multi-task-gp": "o", "rgpe": "s"}


def needed(runs: pd.DataFrame) -> str:
    """Return mean, 95 % interval and number of runs of evaluations that were needed."""
    n = runs.evaluations.to_numpy(float)
    if not len(n):
        return "–"
    text = short(n.mean())
    if len(n) > 1 and np.ptp(n) == 0:
        text += f" ({len(n)}, all alike)"
    elif 1 < len(n) < FEW:
        text += f" ({len(n)})"
    elif len(n) > 1:
        low, high = bootstrap_interval(n)
        text += f" [{short(low)}, {short(high)}] ({len(n)})"
    if not runs.found.all():
        text += f"; {int((1 - runs.found).sum())} not found"
    return text


def full_table(runs: pd.DataFrame) -> str:
    """Return evaluations to the optimum with full sources, beside searchers without any."""
    rows = []
    for searcher in ("source-order", "meta-gp", "multi-task-gp", "rgpe", "meta"):
        own = runs[(runs.part == "full") & (runs.searcher == searcher)]
        if len(own):
            rows.append({"searcher": f"`{searcher}`", **{NB201[t]: needed(own[own.task == t]) for t in NB201}})
    beside = pd.read_csv(QUERIES)
    for searcher in ("gp", "evolution", "local-search"):
        cells = {}
        for task, name in NB201.items():
            one = beside[(beside.searcher == searcher) & (beside.task == task)].iloc[0]
            cells[name] = f"{one['mean']:,.1f} [{one.mean_low:,.1f}, {one.mean_high:,.1f}] ({one.runs:,})"
        rows.append({"searcher": f"`{searcher}`, no sources", **cells})
    return to_markdown(pd.DataFrame(rows))


def label_table(runs: pd.DataFrame) -> str:
    """Return evaluations to the optimum by labels a source."""
    rows = []
    for labels in (25, 100, 400):
        for searcher in ("source-order", "multi-task-gp", "rgpe"):
            own = runs[(runs.part == "labels") & (runs.searcher == searcher) & (runs.labels == labels)]
            if len(own):
                cells = {NB201[t]: needed(own[own.task == t]) for t in NB201}
                rows.append({"labels a source": str(labels), "searcher": f"`{searcher}`", **cells})
    return to_markdown(pd.DataFrame(rows)) if rows else "Not measured yet."


def speed_up(
    own: pd.DataFrame, plain: pd.DataFrame, rng: np.random.Generator
) -> tuple[float, float, float, list[float]]:
    """Return the ratio of mean evaluations, plain over own, with its 95 % interval, and 2,000 draws of it."""
    a, b = own.evaluations.to_numpy(float), plain.evaluations.to_numpy(float)
    draws = [rng.choice(b, len(b)).mean() / rng.choice(a, len(a)).mean() for _ in range(2000)]
    low, high = np.quantile(draws, (0.025, 0.975))
    return b.mean() / a.mean(), float(low), float(high), draws


def speed_ups(runs: pd.DataFrame, part: str, plain: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a row a searcher and task, and each searcher's geometric mean over the tasks."""
    rows, overall, rng = [], {}, np.random.default_rng(0)
    for searcher in ("multi-task-gp", "rgpe"):
        logs, draws = [], []
        of_searcher = runs[(runs.part == part) & (runs.searcher == searcher)]
        for task in dict.fromkeys(of_searcher.task):
            own, without = of_searcher[of_searcher.task == task], plain[plain.task == task]
            if len(own) < 2 or len(without) < 2:
                continue
            ratio, low, high, drawn = speed_up(own, without, rng)
            rows.append(
                {"searcher": searcher, "task": task, "ratio": ratio, "low": low, "high": high, "runs": len(own)}
            )
            logs.append(np.log(ratio))
            draws.append(np.log(drawn))
        if logs:
            low, high = np.exp(np.quantile(np.mean(draws, axis=0), (0.025, 0.975)))
            overall[searcher] = f"{np.exp(np.mean(logs)):.2f}"
            if min(row["runs"] for row in rows if row["searcher"] == searcher) >= FEW:
                overall[searcher] += f" [{low:.2f}, {high:.2f}]"
    return pd.DataFrame(rows, columns=["searcher", "task", "ratio", "low", "high", "runs"]), overall


def with_speed_ups(row: dict[str, str], ratios: pd.DataFrame, task: str) -> dict[str, str]:
    """Return the row with the speed-ups beside the evaluations."""
    for _, ratio in ratios[ratios.task == task].iterrows():
        row[f"`{ratio.searcher}`"] += f" = ×{ratio.ratio:.2f}"
        if ratio.runs >= FEW:
            row[f"`{ratio.searcher}`"] += f" [{ratio.low:.2f}, {ratio.high:.2f}]"
    return row


def closed(rows: list[dict[str, str]], overall: dict[str, str]) -> str:
    """Return the table of the rows, with the geometric means of the speed-ups at its end."""
    if not rows:
        return "Not measured yet."
    last = dict.fromkeys(rows[0], "") | {"task": "geometric mean"}
    return to_markdown(pd.DataFrame([*rows, last | {f"`{name}`": f"×{text}" for name, text in overall.items()}]))


def transnas_table(runs: pd.DataFrame, ratios: pd.DataFrame, overall: dict[str, str]) -> str:
    """Return evaluations until one of the best 0.1 % of cells, task by task."""
    own, rows = runs[runs.part == "transnas"], []
    for task in dict.fromkeys(own.task):
        row = {"task": task.removeprefix("tnb101/")}
        for searcher in ("gp", "evolution", "local-search", "source-order", "meta-gp", "meta", "multi-task-gp", "rgpe"):
            row[f"`{searcher}`"] = needed(own[(own.task == task) & (own.searcher == searcher)])
        rows.append(with_speed_ups(row, ratios, task))
    return closed(rows, overall)


def verdict(overall: dict[str, str]) -> str:
    """Return whether the speed-up that was aimed at is reached."""
    return "; ".join(
        f"`{name}` {'reaches' if float(text.split()[0]) >= AIM else 'misses'} it with ×{text}"
        for name, text in overall.items()
    )


def times_table(times: pd.DataFrame) -> str:
    """Return times of meta-training and steps by number of labels."""
    rows = []
    for one in times.itertuples():
        rows.append(
            {
                "target": f"`{one.task}`",
                "labels a source": "all" if one.labels == -1 else f"{one.labels:,}",
                "searcher": f"`{one.searcher}`",
                "meta-training, s": f"{one.meta_cpu_seconds:.1f}",
                "first step, ms": f"{one.first_step_ms:,.0f}",
                "median of the others, ms": f"{one.median_step_ms:.0f}",
                "slowest of the others, ms": f"{one.slowest_later_step_ms:.0f}",
            }
        )
    return to_markdown(pd.DataFrame(rows))


def cross_table(runs: pd.DataFrame, ratios: pd.DataFrame, overall: dict[str, str]) -> str:
    """Return evaluations with sources of the other space."""
    own, rows = runs[runs.part == "cross"], []
    beside = pd.read_csv(QUERIES)
    for task in dict.fromkeys(own.task):
        known = beside[(beside.searcher == "gp") & (beside.task == task)]
        plain = needed(runs[(runs.part == "transnas") & (runs.searcher == "gp") & (runs.task == task)])
        row = {"task": task, "`gp`, no sources": short(known["mean"].iloc[0]) + " (100)" if len(known) else plain}
        for searcher in ("multi-task-gp", "rgpe"):
            row[f"`{searcher}`"] = needed(own[(own.task == task) & (own.searcher == searcher)])
        rows.append(with_speed_ups(row, ratios, task))
    return closed(rows, overall)


def plot_budgets(runs: pd.DataFrame, folder: Path) -> None:
    """Draw evaluations against labels a source."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(8, 2.9), sharey=True, layout="constrained")
    beside = pd.read_csv(QUERIES)
    for panel, (task, name) in zip(panels, NB201.items(), strict=True):
        for shift, searcher in ((0.95, "multi-task-gp"), (1.05, "rgpe")):
            own = runs[(runs.task == task) & (runs.searcher == searcher) & runs.part.isin(["full", "labels"])]
            points = []
            for labels, some in own.groupby(own.labels.replace(-1, 15_625)):
                n = some.evaluations.to_numpy(float)
                low, high = bootstrap_interval(n) if len(n) > 1 else (n[0], n[0])
                points.append((labels, n.mean(), n.mean() - low, high - n.mean()))
            if points:
                x, mean, below, above = np.array(points, dtype=float).T
                style = {"color": COLOURS[searcher], "marker": MARKERS[searcher], "markersize": 4, "capsize": 2}
                panel.errorbar(x * shift, mean, (below, above), linewidth=1.2, label=searcher, **style)
        plain = beside[(beside.task == task) & (beside.searcher == "gp")].iloc[0]
        panel.axhline(plain["mean"], color=COLOURS["gp"], linewidth=1, label="gp, no sources")
        panel.axhspan(plain.mean_low, plain.mean_high, color=COLOURS["gp"], alpha=0.15, linewidth=0)
        panel.axhline(plain["mean"] / 2, color=COLOURS["gp"], linewidth=1, linestyle=":", label="half of it")
        panel.set(title=name, xlabel="labels a source", xscale="log", yscale="log", xlim=(18, 25_000))
        panel.set_xticks([25, 100, 400, 15_625], ["25", "100", "400", "all"])
        panel.minorticks_off()
    panels[0].set_yticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    panels[0].set_ylabel("evaluations to the optimum")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8
    )
    save_figure(figure, folder / "budgets", formats=("png",))
    plt.close(figure)


def plot_speed_ups(ratios: pd.DataFrame, folder: Path) -> None:
    """Draw the speed-up of each TransNAS task with its interval."""
    import matplotlib.pyplot as plt

    tasks = list(dict.fromkeys(ratios.task))
    figure, panel = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
    for shift, searcher in ((-0.12, "multi-task-gp"), (0.12, "rgpe")):
        own = ratios[ratios.searcher == searcher].set_index("task").reindex(tasks)
        style = {"color": COLOURS[searcher], "marker": MARKERS[searcher], "markersize": 5, "capsize": 2}
        width = (own.ratio - own.low, own.high - own.ratio)
        panel.errorbar(own.ratio, np.arange(len(tasks)) + shift, xerr=width, linestyle="none", label=searcher, **style)
    panel.axvline(1, color=COLOURS["gp"], linewidth=1)
    panel.axvline(1 / 1.1, color=COLOURS["gp"], linewidth=1, linestyle=":")
    panel.set_yticks(range(len(tasks)), [task.removeprefix("tnb101/") for task in tasks])
    panel.set(xscale="log", xlabel="speed-up over gp, mean with 95 % interval (dotted: 1.1 times slower)")
    panel.set_xticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
    panel.minorticks_off()
    panel.invert_yaxis()
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False)
    save_figure(figure, folder / "speed_up", formats=("png",))
    plt.close(figure)


def plot_curves(runs: pd.DataFrame, folder: Path) -> None:
    """Draw mean regret against evaluations, 100 labels a source."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(8, 2.7), layout="constrained")
    for panel, (task, name) in zip(panels, NB201.items(), strict=True):
        for searcher in ("multi-task-gp", "rgpe"):
            own = runs[(runs.part == "labels") & (runs.task == task) & (runs.labels == 100)]
            own = own[own.searcher == searcher]
            if len(own) < 2:
                continue
            curves = np.array([[float(x) for x in text.split(";")] for text in own.regret])
            low, high = bootstrap_interval(curves)
            panel.plot(GRID, curves.mean(axis=0), color=COLOURS[searcher], label=searcher)
            panel.fill_between(GRID, low, high, color=COLOURS[searcher], alpha=0.2, linewidth=0)
        panel.set(title=name, xlabel="evaluations", xscale="log", ylim=(0, None))
        panel.set_xticks([1, 3, 10, 30, 100, 300], ["1", "3", "10", "30", "100", "300"])
        panel.minorticks_off()
    panels[0].set_ylabel("regret (percentage points)")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=8
    )
    save_figure(figure, folder / "curves", formats=("png",))
    plt.close(figure)


def write_page(folder: Path) -> None:
    """Write figures and README.md from runs.csv."""
    runs = pd.read_csv(folder / "runs.csv").drop_duplicates(["part", "task", "searcher", "labels", "run"])
    times = pd.read_csv(folder / "times.csv")
    plain = runs[(runs.part == "transnas") & (runs.searcher == "gp")]
    ratios, overall = speed_ups(runs, "transnas", plain)
    beside = pd.read_csv(QUERIES)
    known = beside[(beside.searcher == "gp") & beside.task.isin(NB201)]
    crossed, crossed_overall = speed_ups(runs, "cross", plain)
    steps = runs[runs.part.isin(["labels", "transnas", "cross"]) & runs.searcher.isin(["multi-task-gp", "rgpe"])]
    plot_budgets(runs, folder)
    plot_curves(runs, folder)
    pictures = ""
    if len(ratios):
        plot_speed_ups(ratios, folder)
        pictures = "![Speed-up over gp without sources, task by task](speed_up.png)\n"
    text = TEXT.format(
        full=full_table(runs),
        labels=label_table(runs),
        transnas=transnas_table(runs, ratios, overall),
        cross=cross_table(runs, crossed, crossed_overall),
        plain=" / ".join(f"{mean:.1f}" for mean in known["mean"]),
        speed=pictures,
        harms=harms(runs, ratios, crossed, dict(zip(known.task, known["mean"], strict=True))),
        times=times_table(times),
        late=int((times.first_step_ms > 50).sum()),
        timed=len(times),
        aim=AIM,
        rule=rule_table(runs),
        verdict=verdict(overall),
        step=f"{steps.step_cpu_milliseconds.median():.0f}",
        slowest=f"{steps.slowest_step_cpu_milliseconds.quantile(0.95):.0f}",
        most=f"{steps.slowest_step_cpu_milliseconds.max():.0f}",
        above=f"{100 * (steps.slowest_step_cpu_milliseconds > 50).mean():.0f}",
    )
    (folder / "README.md").write_text(folded(text).rstrip() + "\n", encoding="utf-8")


TEXT = """## Gaussian processes: `meta-gp`, `multi-task-gp`, `rgpe`, `meta`

Distinct cells evaluated until the best one was (NAS-Bench-201: the validation optimum, seed mean, 200 epochs;
TransNAS-Bench-101: one of the best 0.1 %, four cells, runs end at 300). Mean [95 % bootstrap interval of the mean]
(number of runs), without an interval below five runs; one number alone is one run of a searcher in which nothing is
random there. Sources never share a data set, or on TransNAS-Bench-101 a task, with the target. Runs that did not find
it count with the evaluations at which they ended. `rgpe` is a variant of the published one: its weighted sources are
the prior mean of the target's process, not an average of posteriors, and together weigh 0.5 at most.

**What these figures have seen.** The settings of `multi-task-gp` and `rgpe` (five first cells, weights) were chosen on
other draws of 100 labels, by the evaluations on the three data sets below, and the kernel of all of them
by searches on these data sets. So the three data sets are not new to the methods; the draws are. `meta` on
this page is the former rule, which picked one of the other searchers by the sources alone; it was replaced, and
`reports/transfer` measures its successor. The rule was changed four times after a look at runs on tasks of this page,
TransNAS-Bench-101's among them. Variants of `multi-task-gp` were tried on draws that are not here, and none was taken.
Only where all labels are known, so that nothing is drawn, no run can be a new one.

### Sources fully known

{full}

`meta` picked `meta-gp` here. *Fully known* does not mean fully used: the process of `multi-task-gp` and `rgpe` keeps at
most 400 labels of each source, the best ones and an even sample of the others, and 1,200 of all sources together.
`meta-gp` conditions on the 2,000 best cells. Only `source-order` reads every label.

### Few labels a source

Each run draws the labelled cells of the two sources anew; `gp` without sources needs {plain}.
`meta` picked `multi-task-gp` here, so it has no row of its own.

{labels}

![Evaluations against label budget](budgets.png)

![Regret with 100 labels a source](curves.png)

### Tasks that disagree: TransNAS-Bench-101, one task left out

`multi-task-gp` and `rgpe` draw 2,048 of the 4,096 cells of each of the six sources anew in each run, of which their
process keeps 200 a source; `source-order`, `meta-gp` and `meta`, which picked `multi-task-gp`, know all. × is the mean
number of evaluations of `gp` over that of the searcher. Searchers with one deterministic run a task get no × and no
geometric mean, because one run a task says little.

{transnas}

The aim was a geometric mean of {aim}: {verdict}.

{speed}
### Across spaces

Sources of the other benchmark, 2,048 labels each; `meta` picked `rgpe`. TransNAS-Bench-101's cells are cells of
NAS-Bench-201; those with average pooling get what the kernel extrapolates. × as above, for targets of
TransNAS-Bench-101.

{cross}

### `multi-task-gp` against `rgpe`

Evaluations of `multi-task-gp` over those of `rgpe`, geometric mean over tasks, on the same draws [95 % interval over
draws]: below 1, `multi-task-gp` is better. If the interval contains 1, neither is shown to be better.

{rule}

### Where transfer does not help

{harms}

**What was tried against it.** On draws of their own (from number 10,000 on, which are not in this report) some
fifteen variants were run on TransNAS-Bench-101 and with 100 labels on NAS-Bench-201: fewer or random first cells,
other weights, their scale by marginal likelihood, more labels in the process, a kernel on the sources' means, other
acquisitions. None was better than this one beyond chance; the one that looked best there, no first cells of the joint
process where tasks disagree, was not confirmed on new draws. So `normal`, and across spaces
`room_layout` and `autoencoder`, stay what they are.

### Time

Processor time of one core, one run of 60 steps each, while other work shared the machine; a step is proposal and what
is learnt from its value. What the sources say of all cells belongs to the meta-training; the first step is shown apart:
{late} of these {timed} first steps take more than the aim of 50 ms. The
first of two searchers that learn the same also computes the kernel's distances, which are kept.

{times}

In the runs of the tables above (few labels, TransNAS-Bench-101, across spaces), which shared the machine with other
work, the first step left out: {step} ms a step (median over runs of a run's median), the slowest step of a run
{slowest} ms (95 % quantile over runs; {above} % of runs have one above 50 ms, at most {most} ms).

Regenerate: `python reports/meta/gp.py`; `--parts` and `--runs` do some of it, and what is in runs.csv is not run again.
"""
