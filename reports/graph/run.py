"""All searchers on NAS-Bench-Graph: the ready specifications ``graph`` and ``graph-slow``, and their page.

Run with ``python reports/graph/run.py --folder DIR``; writes README.md, the tables as CSV and regret.png beside this
file. A killed run goes on with the same folder. ``--repeats`` and ``--minutes`` end it sooner: the page then shows what
is finished, and says how many runs that is. ``--quick`` is a trial of seconds, with its page in the folder.
"""

from __future__ import annotations

import argparse
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm, rankdata

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, plot_regret, save_figure, to_markdown
from nasmeta.analysis.report import deterministic_runs
from nasmeta.experiments import Specification, picks_of, provenance_of, read_specification, run_specification

HERE = Path(__file__).parent
SPECIFICATIONS = ("graph", "graph-slow")
TOP = 1000  # one in so many networks is one of the best
BUDGETS = (50, 100, 200)
SEEN = ("citeseer", "photo", "pubmed", "arxiv")  # the features of the space were chosen on these
NEW = ("cora", "cs", "physics", "computers")
CHECK_RUNS = 300
SHOWN = ("random", "evolution", "tpe", "gp", "source-order", "rgpe", "meta-gp")
QUICK = ("random", "local-search", "evolution", "source-order", "reinforce")
# Mean evaluations to one of the best 26, cap 200, of 60 runs of a separate implementation on the same files, and where
# the mean normal score of the other seven datasets (without proteins) finds one.
CHECKED_ON = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv")
REFERENCE = {
    "evolution": (164, 107, 155, 116, 132, 118, 144, 97),
    "local-search": (169, 120, 161, 128, 141, 99, 152, 91),
}
REFERENCE_RUNS = 60
REFERENCE_ORDER = (None, 17, None, None, 38, 26, 58, None)


def parts(names: tuple[str, ...], repeats: int | None) -> Iterator[tuple[Specification, str]]:
    """Yield each specification cut to one searcher on one task, in the order of its file, which is that of cost."""
    for name in names:
        whole = read_specification(name)
        seeds = whole.seeds if repeats is None else whole.seeds[:repeats]
        for label, searcher in whole.searchers.items():
            for task in whole.tasks:
                report = tuple(one for one in whole.report if one.partition("/")[0] == task.partition("/")[2])
                yield replace(whole, searchers={label: searcher}, tasks=(task,), seeds=seeds, report=report), label


def home_of(folder: Path, part: Specification, label: str) -> Path:
    """Return where one searcher's runs on one task are kept."""
    return folder / str(part.name) / label / part.tasks[0].replace("/", "-")


def run_all(folder: Path, todo: list[tuple[Specification, str]], until: float) -> None:
    """Run what is not finished, until the time is over."""
    for part, label in todo:
        home = home_of(folder, part, label)
        done = home / f"finished-{len(part.seeds)}"
        if done.is_file():
            continue
        if time.monotonic() > until:
            print("The time is over.", flush=True)
            return
        began, processor = time.perf_counter(), time.process_time()
        run_specification(part, home)
        done.write_text(f"{time.perf_counter() - began:.1f} s, {time.process_time() - processor:.1f} s of processor\n")
        print(f"{label} on {part.tasks[0]}, {len(part.seeds)} runs: {done.read_text().strip()}", flush=True)


def finished(folder: Path, todo: list[tuple[Specification, str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the results of all that is finished, and what each run picked."""
    frames, picks = [], []
    for part, label in todo:
        home = home_of(folder, part, label)
        if not any(home.glob("finished-*")):
            continue
        frame = pd.read_parquet(home / "results.parquet")
        frames.append(frame)
        own = picks_of(frame, part)[["task", "searcher", "seed"]].astype({"task": str, "searcher": str})
        picks.append(own.assign(test=picks_of(frame, part)[part.columns[0].address].to_numpy()))
    return pd.concat(frames, ignore_index=True).astype({"task": str, "searcher": str}), pd.concat(picks)


def seconds_a_run(folder: Path, todo: list[tuple[Specification, str]]) -> dict[str, float]:
    """Return the processor seconds of a run of each searcher, median over the datasets."""
    found: dict[str, list[float]] = {}
    for part, label in todo:
        done = {int(path.name.partition("-")[2]): path for path in home_of(folder, part, label).glob("finished-*")}
        if done:
            spent = sum(float(path.read_text().split()[2]) for path in done.values())
            found.setdefault(label, []).append(spent / max(done))
    return {label: float(np.median(values)) for label, values in found.items()}


def best_value(task: nm.tasks.Task) -> float:
    """Return the value from which on a network is one of the best 0.1 %."""
    values = np.sort(task.values[task.measured])[::-1]
    return float(values[max(1, round(len(values) / TOP)) - 1])


def needed(runs: pd.DataFrame, task: nm.tasks.Task, cap: int) -> np.ndarray:
    """Return for each run how many evaluations it took to one of the best, at most the cap."""
    values = runs.pivot(index="seed", columns="evaluation", values="value").to_numpy()
    hit = values >= best_value(task)
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, cap)


def summary(frame: pd.DataFrame, picks: pd.DataFrame, cap: int) -> pd.DataFrame:
    """Return one row for each task and searcher."""
    rows, alike = [], deterministic_runs(frame)
    for (name, searcher), runs in frame.groupby(["task", "searcher"], sort=False):
        task = nm.get_task(str(name))
        found = needed(runs, task, cap)
        regrets = runs.pivot(index="seed", columns="evaluation", values="regret").to_numpy()
        low, high = bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
        tests = picks.loc[(picks["task"] == name) & (picks["searcher"] == searcher), "test"]
        row = {"dataset": str(name).partition("/")[2], "searcher": searcher, "runs": len(found)}
        row["alike"] = (name, searcher) in alike
        row |= {"evaluations": found.mean(), "low": float(low), "high": float(high)}
        hits = runs["value"] >= best_value(task)
        row["found"] = runs.loc[hits, "seed"].nunique() / len(found)
        row |= {f"regret_{budget}": regrets[:, min(budget, regrets.shape[1]) - 1].mean() for budget in BUDGETS}
        row |= {"test": tests.mean(), "test_deviation": tests.std()}
        rows.append(row)
    return pd.DataFrame(rows)


def complete(found: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return what was found, and from before what is not in this folder, in the order of the specifications."""
    keys = ["dataset", "searcher"]
    old = before[~before.set_index(keys).index.isin(found.set_index(keys).index)]
    labels = [label for name in SPECIFICATIONS for label in read_specification(name).searchers]
    both = pd.concat([found, old])
    return both.sort_values("searcher", key=lambda own: own.map(labels.index), kind="stable", ignore_index=True)


def wide(found: pd.DataFrame, text: list[str], datasets: list[str], order: list[str]) -> pd.DataFrame:
    """Return a table with a row a searcher and a column a dataset; a dash where nothing is finished."""
    table = found.assign(text=text).pivot(index="searcher", columns="dataset", values="text")
    table = table.reindex(index=order, columns=datasets).fillna("–")
    table.columns = [f"{name}*" if name in SEEN else name for name in table.columns]
    return table.rename(index=lambda name: f"`{name}`").reset_index()


def check(folder: Path, runs: int) -> pd.DataFrame:
    """Return the figures of the separate implementation beside ours."""
    tasks = [nm.get_task(f"graph/{name}") for name in CHECKED_ON]
    kept = folder / f"check-{runs}.parquet"
    if not kept.is_file():
        # Other seeds than those of the table: a second look, not the same one.
        nm.compare(list(REFERENCE), tasks, repeats=range(1000, 1000 + runs), evaluations=200).to_parquet(kept)
    frame = pd.read_parquet(kept)
    rows = []
    for searcher, figures in REFERENCE.items():
        total, lines = 0.0, []
        for task, figure in zip(tasks, figures, strict=True):
            found = needed(frame[(frame["task"] == task.name) & (frame["searcher"] == searcher)], task, 200)
            z = (found.mean() - figure) / (found.std() * np.sqrt(1 / REFERENCE_RUNS + 1 / runs))
            total += z**2
            lines.append(f"{figure} / {found.mean():.0f} ({z:+.1f})")
        chance = chi2.sf(total, len(tasks))
        rows.append([f"`{searcher}`", *lines, f"{chance:.2f}"])
    scores = [norm.ppf((rankdata(task.values) - 0.5) / len(task.values)) for task in tasks]
    lines = []
    for i, (task, figure) in enumerate(zip(tasks, REFERENCE_ORDER, strict=True)):
        order = np.argsort(-np.mean([own for j, own in enumerate(scores) if j != i], axis=0), kind="stable")
        first = int(np.argmax(task.values[order] >= best_value(task))) + 1
        lines.append(f"{figure or 'never'} / {first if first <= 200 else 'never'}")
    rows.append(["normal scores of the other seven", *lines, "–"])
    return pd.DataFrame(rows, columns=["", *CHECKED_ON, "chance"])


def paragraph(text: str) -> str:
    """Fill lines."""
    return textwrap.fill(" ".join(text.split()), 118, break_on_hyphens=False)


def lacking(found: pd.DataFrame) -> str:
    """Return which searchers have fewer runs than the specifications say."""
    names: dict[str, list[str]] = {}
    for name in SPECIFICATIONS:
        own = read_specification(name)
        for label in own.searchers:
            runs = found[found["searcher"] == label].set_index("dataset")["runs"]
            done = [int(runs.get(task.partition("/")[2], 0)) for task in own.tasks]
            if min(done) < len(own.seeds):
                said = f"{min(done)} to {max(done)}" if min(done) < max(done) else f"{min(done)}"
                names.setdefault(f"{said} of {len(own.seeds)}", []).append(f"`{label}`")
    return "; ".join(f"{', '.join(labels)}: {said}" for said, labels in names.items()) or "none"


def summary_text(found: pd.DataFrame, overall: pd.DataFrame, checked: pd.DataFrame, cap: int) -> str:
    """Return what the tables say, in at most ten lines."""
    new = overall["new"].dropna().sort_values()
    if new.empty:
        return "A trial: nothing can be said of so few runs."
    lines = [
        f"Mean evaluations (cap {cap}) to one of the best 0.1 % on the four datasets that are complete and on which "
        f"nothing was chosen (cora, cs, physics, computers): {', '.join(f'`{k}` {v:.0f}' for k, v in new.items())}."
    ]
    table = found.pivot(index="searcher", columns="dataset", values="evaluations")
    if {"gp", "source-order"} <= set(new.index):
        prior, gp = table.loc["source-order"], table.loc["gp"]
        never, wins = prior.index[prior >= cap], prior.index[prior < gp]
        lines.append(
            f"The order on the sources alone finds none on {', '.join(never)}; on {', '.join(wins) or 'none'} it is "
            "quicker than `gp`, which has no sources. Datasets agree little (rank correlations of .01 to .62)."
        )
        learners = [name for name in ("rgpe", "multi-task-gp", "meta-gp", "meta") if name in new.index]
        if learners:
            said = ", ".join(f"`{name}` on {(table.loc[name] < gp).sum()}" for name in learners)
            lines.append(f"Quicker in the mean than `gp` of the nine datasets: {said}.")
    chances = checked["chance"].replace("–", "1").astype(float)
    differ = checked.iloc[:, 0][chances < 0.05].tolist()
    lines.append(
        f"{' and '.join(differ)} differ from a separate implementation by more than chance."
        if differ
        else "Evolution and local search agree with a separate implementation."
    )
    lines.append(f"Runs behind a figure: {found['runs'].min()} to {found['runs'].max()}, as the first table says.")
    return paragraph(" ".join(lines))


def page(found: pd.DataFrame, checked: pd.DataFrame, cap: int) -> str:
    """Return the page."""
    seconds = found.groupby("searcher")["seconds"].median()
    datasets = [name for name in (*CHECKED_ON, "proteins") if name in set(found["dataset"])]
    means = found.pivot(index="searcher", columns="dataset", values="evaluations").reindex(columns=(*NEW, *SEEN))
    overall = pd.DataFrame({"new": means[list(NEW)].mean(axis=1, skipna=False)})
    overall["seen"] = means[list(SEEN)].mean(axis=1, skipna=False)
    overall["all"] = means.mean(axis=1)
    order = overall.sort_values(["new", "all"]).index.tolist()
    text = [
        f"{one.evaluations:.0f} ({one.low:.0f}–{one.high:.0f})" if one.low < one.high else f"{one.evaluations:.0f}"
        for one in found.itertuples()
    ]
    first = wide(found, text, datasets, order)
    counts = found.groupby("searcher")["runs"].agg(["min", "max"]).reindex(order)
    alike = found.groupby("searcher")["alike"].all().reindex(order)
    runs = [str(a) if a == b else f"{a}–{b}" for a, b in counts.to_numpy()]
    first.insert(1, "runs", [f"{n} alike" if same else n for n, same in zip(runs, alike, strict=True)])
    for key, title in (("new", "mean of 4 new"), ("seen", "mean of 4 seen*")):
        first[title] = [f"{value:.0f}" if np.isfinite(value) else "–" for value in overall.loc[order, key]]
    first["processor s"] = [f"{seconds[name]:.1f}" if seconds[name] >= 0.1 else "< 0.1" for name in order]
    regrets = [" / ".join(f"{getattr(one, f'regret_{b}'):.2f}" for b in BUDGETS) for one in found.itertuples()]
    kept = provenance_of(read_specification(SPECIFICATIONS[0]))
    versions = ", ".join(f"{name} {version}" for name, version in kept["versions"].items() if name != "torch")
    parts = [
        "# All searchers on NAS-Bench-Graph",
        summary_text(found, overall, checked, cap),
        "## Evaluations to one of the best 0.1 %",
        paragraph(FIRST_TEXT.format(cap=cap)),
        "<details><summary>All searchers and datasets</summary>",
        to_markdown(first).strip(),
        "</details>",
        paragraph(SEEN_TEXT),
        "## Regret after 50 / 100 / 200 evaluations",
        paragraph(SECOND_TEXT),
        "<details><summary>All searchers and datasets</summary>",
        to_markdown(wide(found, regrets, datasets, order)).strip(),
        "</details>",
        "![Mean regret against evaluations](regret.png)",
        "## Beside a separate implementation",
        paragraph(CHECK_TEXT.format(runs=CHECK_RUNS)),
        to_markdown(checked).strip(),
        "## How it was run",
        paragraph(RUN_TEXT.format(lacking=lacking(found))),
        f"Versions: {versions}, {kept['machine']}.",
    ]
    return "\n\n".join(parts) + "\n"


FIRST_TEXT = """
Mean and its 95 % bootstrap interval; a run that finds none in {cap} counts {cap}. The best 0.1 % are the best 26 and
what ties with the 26th (27 to 43 networks), on proteins the best 2 of its 2,021. One number alone: the same in all
runs. *Alike*: nothing is random, so they are one run, and how far chance carries is not known. Sorted by the mean of
the four new datasets. The last column is processor seconds of a run, median over the datasets, with its share of what
was learnt from sources."""

SEEN_TEXT = """
**What has seen what.** The features by which networks are compared were chosen on the datasets with a star, by the
rank correlation of predictions and by short searches: `gp`, `multi-task-gp`, `rgpe`, `meta-gp`, `meta`, `predictor` and
all that train networks on sources use them, so their figures there are no new ones. Nothing was chosen on the other
five. Searchers that learn from sources have seen the other datasets of the family completely, the 2,021 networks of
proteins among them, and nothing of the target's. `source-order` is the prior alone: the order of mean z-scores on the
sources, whatever the target's values say. `meta-predictor` ran without the fall-back on `gp` that it has by
default (`falls_back = false`)."""

SECOND_TEXT = """
Mean, in percentage points of validation accuracy (proteins: ROC-AUC). The share of runs that found one of the best,
and the test accuracy of what each run picked with its standard deviation, are in [results.csv](results.csv)."""

CHECK_TEXT = """
Theirs / ours, and in brackets the difference in standard errors of both: mean evaluations to one of the best 26, cap
200, of 60 runs there and {runs} here, on other seeds than above. *Chance*: of differences at least as large, over the
eight datasets together, if both are the same. The last row is computed without a draw: where the order of the mean
normal score of the other seven datasets has the first of the best 26. `source-order` differs from it: it takes
z-scores, in which the good networks of a dataset lie close together, as its worst are 6 to 14 standard deviations
below the mean; and proteins is an eighth source."""

RUN_TEXT = """
`nasmeta compare graph --out FOLDER` and `nasmeta compare graph-slow --out FOLDER` run the two ready specifications.
`python reports/graph/run.py --folder FOLDER` runs both, a searcher and a dataset at a time, and writes this page; what
is not in the folder is taken from results.csv. It completes what is missing: runs of each searcher on a dataset, of
those specified: {lacking}."""


def main() -> None:
    """Run, summarise, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep results here, to go on with")
    parser.add_argument("--repeats", type=int, help="at most so many runs, fewer than the specifications say")
    parser.add_argument("--minutes", type=float, default=np.inf, help="begin nothing new after so long")
    parser.add_argument("--only", action="append", help="run this searcher only; may be given several times")
    parser.add_argument("--quick", action="store_true", help="few searchers, two runs of 20 evaluations, two datasets")
    parser.add_argument("--no-page", action="store_true", help="only run")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        everything = list(parts(SPECIFICATIONS, chosen.repeats))
        cap = 200
        if chosen.quick:
            cap, folder = 20, folder / "quick"
            everything = [
                (replace(part, seeds=part.seeds[:2], evaluations=cap), label)
                for part, label in everything
                if label in QUICK and part.tasks[0] in ("graph/cora", "graph/proteins")
            ]
        todo = [one for one in everything if not chosen.only or one[1] in chosen.only]
        run_all(folder, todo, time.monotonic() + 60 * chosen.minutes)
        if chosen.no_page:
            return
        output = folder if chosen.quick else HERE
        frame, picks = finished(folder, everything)
        found = summary(frame, picks, cap)
        found["seconds"] = found["searcher"].map(seconds_a_run(folder, everything))
        kept = output / "results.csv"
        if kept.is_file():
            found = complete(found, pd.read_csv(kept))
        found.to_csv(kept, index=False, float_format="%.5g")
        shown = frame[frame["searcher"].isin(SHOWN)]
        if set(SHOWN) <= set(shown["searcher"]) or not (output / "regret.png").is_file():
            save_figure(plot_regret(shown, share_y=False), output / "regret", formats=("png",))
        checked = check(folder, 10 if chosen.quick else CHECK_RUNS)
        (output / "README.md").write_text(page(found, checked, cap), encoding="utf-8")
        print(f"Written: {output / 'README.md'}")


if __name__ == "__main__":
    main()
