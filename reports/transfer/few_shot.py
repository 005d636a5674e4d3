"""Few-shot prediction on tasks unlike their sources: meta-predictors on their own and blended, against a plain ``gp``.

Run with ``python reports/transfer/few_shot.py``; writes few_shot.md beside this file. Rows are appended to few_shot.csv
one at a time, so a killed run goes on; ``--draws`` asks for more, ``--minutes`` ends it sooner, ``--family`` keeps to
some.
"""

from __future__ import annotations

import argparse
import csv
import os
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
from cases import HALVES, Case, cases, draw_sources
from scipy.stats import kendalltau

from nasmeta.analysis import to_markdown
from nasmeta.meta import META_PREDICTORS
from nasmeta.predictors import make_predictor

HERE = Path(__file__).parent
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


def paragraph(text: str) -> str:
    """Return text in lines of 118 characters."""
    return textwrap.fill(" ".join(text.split()), 118)


def write_page(folder: Path) -> None:
    """Write few_shot.md beside the rows."""
    frame = pd.read_csv(folder / "few_shot.csv")
    with_labels = frame[frame["labels"] > 0]
    keys = ["family", "target", "sources", "method", "labels"]
    means = with_labels.groupby(keys, sort=False)[["gp", "own", "blended"]].mean().reset_index()
    prior = frame[frame["labels"] == 0].set_index(keys[:4])["own"]
    at_50 = means[means["labels"] == 50]
    worst = at_50.assign(loss=at_50["gp"] - at_50["blended"], own_loss=at_50["gp"] - at_50["own"])
    last = worst.loc[worst["loss"].idxmax()]
    harmed = [
        f"{(lost > 0.02).sum()} at {labels} labels (largest {lost.max():.3f})"
        for labels, part in means[means["labels"] < 50].groupby("labels")
        for lost in [part["gp"] - part["blended"]]
    ]
    ratio = means.assign(gain=means["blended"] - means[["gp", "own"]].max(axis=1))
    summary = (
        f"Blended predictions at 50 labels, {len(at_50)} cases of learner, target and sources: below a plain `gp` by "
        f"more than .02 in Kendall's τ in {(worst['loss'] > 0.02).sum()} (the learners on their own in "
        f"{(worst['own_loss'] > 0.02).sum()}); the largest loss is {last['loss']:.3f}, `{last['method']}` on "
        f"{last['target']} with {last['sources']} sources. With fewer labels it is "
        f"{' and '.join(harmed)}. Over all numbers of labels the blend is on average "
        f"{ratio['gain'].mean():+.3f} from the better of the two, which nobody knows beforehand."
    )
    tables = []
    for labels in LABELS:
        of_labels = means[means["labels"] == labels]
        rows = []
        for (target, sources), part in of_labels.groupby(["target", "sources"], sort=False):
            row: dict[str, object] = {"target": target, "sources": sources, "`gp`": f"{part['gp'].mean():.2f}"}
            for one in part.itertuples():
                before = prior.get((one.family, target, sources, one.method), np.nan)
                row[f"`{one.method}`"] = f"{before:.2f} → {one.own:.2f} → **{one.blended:.2f}**"
            rows.append(row)
        table = to_markdown(pd.DataFrame(rows).fillna("")).strip()
        tables.append(f"<details><summary>{labels} labels</summary>\n\n{table}\n\n</details>")
    draws = with_labels.groupby(keys).size()
    how_many = f"{draws.min()}" if draws.min() == draws.max() else f"{draws.min()} to {draws.max()}"
    parts = [
        "# Few-shot prediction on tasks unlike their sources",
        paragraph(summary),
        "## Kendall's τ",
        paragraph(
            "Each entry: the prediction before any label of the target → after adapting to its labels → **blended** "
            "with Gaussian processes of these labels, as the predictors are by default. `gp` knows the labels alone. "
            f"Sources are those of the benchmark of transfer, {SOURCE_LABELS} labels each, and nothing of the "
            f"target's data set; two targets of each family. Means of {how_many} draws of labels."
        ),
        *tables,
        "## How the blend works",
        paragraph(
            "From eight labels on, three predictions are weighed by pseudo-BMA+: the learner's own, whose predictions "
            "of the labels come from five folds; a multiple of it plus a process of the target; a process of the "
            "target alone. What is weighed was tried out on nb201 and robust with all labels of the sources; that all "
            "three predict the same folds was preferred to leaving labels out one by one on nb201, tnb101, "
            "tnb101-macro and robust with `meta-linear`, on draws that are among those shown. The other families and "
            "learners had no part in it."
        ),
        "`python reports/transfer/few_shot.py` runs everything that is missing and writes this page.",
    ]
    (folder / "few_shot.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"Written: {folder / 'few_shot.md'}")


def main() -> None:
    """Measure and write."""
    families = [family for half in HALVES.values() for family in half if family in TARGETS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of labels")
    parser.add_argument("--minutes", type=float, default=np.inf, help="begin nothing new after so long")
    parser.add_argument("--family", action="append", choices=families, help="may be given several times")
    parser.add_argument("--out", type=Path, default=HERE, help="where rows and page are written")
    parser.add_argument("--no-page", action="store_true", help="only measure")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    asked = questions(chosen.family or families)
    measure(chosen.out / "few_shot.csv", asked, chosen.draws, time.monotonic() + 60 * chosen.minutes)
    if not chosen.no_page:
        write_page(chosen.out)


if __name__ == "__main__":
    main()
