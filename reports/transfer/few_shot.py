"""Few-shot prediction on tasks unlike their sources: meta-predictors alone and blended, against a plain ``gp``.

Run with ``python reports/transfer/few_shot.py``; writes few_shot.md. Rows are appended to few_shot.csv one at a time,
so interrupted runs resume. ``--draws`` adds draws, ``--minutes`` limits the time, ``--family`` selects families, and
``--page`` only rewrites the page.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from cases import HALVES, Case, cases, draw_sources
from scipy.stats import kendalltau

sys.path.insert(0, str(Path(__file__).parent.parent))

from drawing import curves, in_order

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, save_figure, to_markdown
from nasmeta.meta import META_PREDICTORS
from nasmeta.predictors import make_predictor

HERE = Path(__file__).parent
DATE = "2026-11-28"  # of few_shot.csv
HARM = 0.02  # loss in Kendall's τ
METHODS = ("meta-linear", "meta-dkl", "maml")
LABELS = (10, 20, 50, 100)
SOURCE_LABELS = 400
SCORED = 3000  # architectures of a target that rank correlations are computed on
FEWEST_SCORED = 30
DRAWS = 3
TARGETS = {  # two of each family
    "tnb101": ("class_scene", "room_layout"),
    "tnb101-macro": ("class_object", "segmentsemantic"),
    "hpobench-mlp": ("car", "vehicle"),
    "graphgym": ("amazoncomputers", "tu_dd"),
    "nb201": ("cifar100", "imagenet16-120"),
    "robust": ("square@1", "pgd@0.5"),
    "latency": ("pixel3", "fpga"),
    "graph": ("citeseer", "arxiv"),
    "fcnet": ("naval_propulsion", "slice_localization"),
}
STRESSED = ("nb201/cifar100", "tnb101/class_scene")
STRESS = ("reversed", "wrong at the top")
KEYS = ("family", "target", "sources", "method", "labels", "draw")
FIELDS = (*KEYS, "gp", "own", "blended", "weight_adapted", "weight_alone")


def questions(families: list[str]) -> list[tuple[Case, str]]:
    """Return targets with a kind of sources."""
    found = []
    for family in families:
        every = list(cases(family))
        chosen = [case for case in every if case.target.name.rpartition("/")[2] in TARGETS[family]] or every[:2]
        for case in chosen:
            found += [(case, kind) for kind in ("natural", *(STRESS if case.target.name in STRESSED else ()))]
    return found


def tau(predicted: np.ndarray, truth: np.ndarray) -> str:
    """Return Kendall's rank correlation as the rows have it."""
    return f"{kendalltau(predicted, truth).statistic:.4f}"


def measure(path: Path, asked: list[tuple[Case, str]], draws: int, until: float) -> None:
    """Append what is missing."""
    done = set()
    if path.is_file():
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)  # without the line that a kill has cut off
        with path.open(newline="") as file:
            done = {tuple(row[: len(KEYS)]) for row in csv.reader(file)}
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(FIELDS)
        for method in METHODS:
            for case, kind in asked:
                task, measured = case.target, case.target.measured
                rows = [
                    (case.family, task.name, kind, method, str(n), str(draw))
                    for n in (0, *LABELS)
                    for draw in range(draws)
                    if (n or not draw) and n + FEWEST_SCORED <= len(measured)
                ]
                left = [row for row in rows if row not in done]
                if not left:
                    continue
                if time.monotonic() > until:
                    print("The time is over.", flush=True)
                    return
                learner = META_PREDICTORS[method](task.space)
                learner.meta_fit(draw_sources(case, kind, SOURCE_LABELS, 0))
                utilities = task.sign * task.values
                for row in left:
                    n, draw = int(row[4]), int(row[5])
                    order = np.random.default_rng([draw, n, 57]).permutation(measured)  # the same for every method
                    known, rest = np.sort(order[:n]), order[n : n + SCORED]

                    truth = utilities[rest]
                    if not n:
                        writer.writerow([*row, "", tau(learner.prior()[0][rest], truth), "", "", ""])
                        continue
                    plain = make_predictor("gp", space=task.space).fit(known, utilities[known])
                    learner.blends = False
                    own = learner.fit(known, utilities[known]).predict(rest)
                    learner.blends = True
                    blended = learner.fit(known, utilities[known]).predict(rest)
                    weights = [f"{learner.weights_[part]:.3f}" for part in ("adapted", "alone")]
                    writer.writerow(
                        [*row, tau(plain.predict(rest), truth), tau(own, truth), tau(blended, truth), *weights]
                    )
                    file.flush()
                print(f"{method} on {task.name}, {kind} sources", flush=True)


def table(means: pd.DataFrame) -> str:
    """Return a row per kind of sources and number of labels, with means over the targets."""
    rows = []
    for (sources, labels), part in means.groupby(["sources", "labels"], sort=False):
        row = {"sources": sources, "labels": str(labels), "targets": str(part["target"].nunique())}
        row["`gp`"] = f"{part['gp'].mean():.2f}"
        for method in METHODS:
            of_method = part[part["method"] == method]
            row[f"`{method}`"] = f"{of_method['own'].mean():.2f}→**{of_method['blended'].mean():.2f}**"
        harmed = [int((part["gp"] - part[kind] > HARM).sum()) for kind in ("own", "blended")]
        row["worse than `gp`"] = f"{harmed[0]}→**{harmed[1]}** of {len(part)}"
        rows.append(row)
    return to_markdown(pd.DataFrame(rows))


def draw(means: pd.DataFrame, path: Path) -> None:
    """Draw the mean τ against the number of labels: a panel per learner and kind of sources."""
    names = {"gp": "gp, without sources", "own": "learner alone", "blended": "blended with gp"}
    shown = means[means["sources"].isin(["natural", "reversed"])].melt(
        ["sources", "method", "labels"], list(names), "name", "y"
    )
    shown["panel"] = shown["method"] + ", " + shown["sources"] + " sources"
    lines = shown.groupby(["sources", "method", "panel", "name", "labels"], as_index=False)["y"].mean()
    lines = lines.sort_values(["sources", "method"]).rename(columns={"labels": "x"}).replace({"name": names})
    figure = curves(lines, "labels of the target", (10, 20, 50, 100), y="Kendall's τ", looks=in_order(names.values()))
    save_figure(figure, path, formats=("png",))


def write_page(folder: Path) -> None:
    """Write few_shot.md and few_shot.png from few_shot.csv."""
    frame = pd.read_csv(folder / "few_shot.csv")
    keys = ["family", "target", "sources", "method", "labels"]
    means = frame[frame["labels"] > 0].groupby(keys, sort=False)[["gp", "own", "blended"]].mean().reset_index()
    means["loss"] = means["gp"] - means["blended"]
    harmed, largest = means["loss"].gt(HARM).groupby(means["labels"]).sum(), means.groupby("labels")["loss"].max()
    at_50 = means[means["labels"] == 50]
    worst = at_50.loc[at_50["loss"].idxmax()]
    gains = -at_50.groupby("target")["loss"].mean()
    low, high = bootstrap_interval(gains.to_numpy())
    draw(means, folder / "few_shot")
    from_better = (means["blended"] - means[["gp", "own"]].max(axis=1)).mean()
    text = f"""# Does blending protect meta-predictors from unsuitable sources?

With 50 labels, blended predictions gain {gains.mean():+.3f} [{low:+.3f}, {high:+.3f}] in Kendall's τ over a plain `gp`
(mean over {len(gains)} targets, 95 % interval), and {harmed[50]} of {len(at_50)} cases is worse by more than {HARM}.

![Kendall's τ of gp, of the learner alone and of the blend, by number of labels](few_shot.png)

A case is a learner, a target and a kind of sources. Each entry is the mean τ of the learner alone → **blended** with
Gaussian processes of the target's labels, which is the default. `gp` uses only these labels. The last column counts
cases that are worse than `gp` by more than {HARM}.

{table(means)}
The largest loss at 50 labels is {worst["loss"]:.3f}, by `{worst["method"]}` on {worst["target"]} with
{worst["sources"]} sources. It is {largest[10]:.3f} with 10 labels ({harmed[10]} cases are worse) and {largest[20]:.3f}
with 20 labels ({harmed[20]} cases). Over all numbers of labels, the blend differs from the better of `gp` and the
learner by {from_better:+.3f} on average.

## How it was run

`python reports/transfer/few_shot.py` on {DATE}, nasmeta {nm.__version__}. All learners have the same labels, drawn
with seeds 0 to {frame["draw"].max()}. Sources have {SOURCE_LABELS} labels each and share no dataset with the target.
Each family has two targets.

## Limits

* The predictions to average were chosen on `nb201` and `robust`. The folds were chosen with `meta-linear` on `nb201`,
  `tnb101`, `tnb101-macro` and `robust`, on draws that are shown here.
* Only {len(STRESSED)} targets have misleading sources.
* The cases of a target share its labels, so they are not independent.
* `graphgym` has too few architectures for 100 labels.
"""
    (folder / "few_shot.md").write_text(text, encoding="utf-8")
    print(f"Written: {folder / 'few_shot.md'}")


def main() -> None:
    """Measure and write."""
    families = [family for half in HALVES.values() for family in half if family in TARGETS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of labels")
    parser.add_argument("--minutes", type=float, default=np.inf, help="begin nothing new after so long")
    parser.add_argument("--family", action="append", choices=families, help="may be given several times")
    parser.add_argument("--out", type=Path, default=HERE, help="where rows and page are written")
    parser.add_argument("--page", action="store_true", help="only rewrite the page from few_shot.csv")
    chosen = parser.parse_args()
    if chosen.page:
        write_page(chosen.out)
        return
    chosen.out.mkdir(parents=True, exist_ok=True)
    asked = questions(chosen.family or families)
    measure(chosen.out / "few_shot.csv", asked, chosen.draws, time.monotonic() + 60 * chosen.minutes)
    write_page(chosen.out)


if __name__ == "__main__":
    main()
