"""Few-shot prediction: ``experts`` and ``maml`` against predictors without sources.

Run with ``python reports/transfer/few_shot.py``; writes few_shot.md. Rows are appended to
experts.csv and maml.csv one at a time, so interrupted runs resume. ``--page`` only rewrites the
page.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.meta import META_PREDICTORS, proxy_scores
from nasmeta.meta.in_context import Similarity, SourceView, deviations_of, read
from nasmeta.predictors import make_predictor
from nasmeta.tasks import normal_scores
from reports.common import Rows, report, with_interval
from reports.meta.in_context_network import TrainedNetwork
from reports.meta.in_context_tasks import GROUPS
from reports.transfer.cases import HALVES, Case, cases, draw_sources

HERE = Path(__file__).parent
DATE = "2026-12-02"  # of experts.csv; maml.csv: 2026-12-03
MARGIN = 0.01
SINGLES = ("ridge", "xgboost", "gp", "random-forest")
OF_TEN = {"transformer": "trained", "weighted": "by errors", "uniform": "equal"}
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
CHOSEN_ON = HALVES["A"]
MAML_ON = ("tnb101", "tnb101-macro", "hpobench-mlp")
CASE = ["family", "target", "labels", "draw"]
NATURAL = [*CASE, "experts", *OF_TEN, *SINGLES]


def targets(family: str) -> Iterator[Case]:
    """Yield the targets of a family."""
    return (
        case for case in cases(family) if case.target.name.rpartition("/")[2] in TARGETS[family]
    )


def labelled(case: Case, n: int, draw: int) -> tuple[Any, Any, Any]:
    """Return utilities of all architectures, n that get labels, and others to score, the same for every method."""
    task = case.target
    order = np.random.default_rng([draw, n, 57]).permutation(task.measured)
    return task.sign * task.values, np.sort(order[:n]), order[n : n + SCORED]


def combined(
    network: TrainedNetwork,
    similarity: Similarity,
    view: SourceView,
    known: Any,
    labels: Any,
    rest: Any,
):  # type: ignore[no-untyped-def]
    """Return the combinations of the transformer's ten experts."""
    reading = read(
        similarity, view, known, normal_scores(labels), rest, np.arange(view.each.shape[1])
    )
    with torch.inference_mode():
        trained = network(*(torch.from_numpy(part)[None] for part in reading))[0][0].numpy()
    weights = softmax(-len(known) / 2 * np.log(deviations_of(reading.errors)))
    return {
        "transformer": trained,
        "weighted": reading.experts @ weights,
        "uniform": reading.experts.mean(axis=1),
    }


def measure_experts(rows: Rows) -> None:
    """Append missing rows on ``experts``, other combinations, and predictors without sources."""
    every = [case for family in TARGETS for case in targets(family)]
    for draw, case in product(range(DRAWS), every):
        space, name = case.target.space, case.target.name
        sizes = [n for n in LABELS if n + FEWEST_SCORED <= len(case.target.measured)]
        sizes = [n for n in sizes if not rows.has(case.family, name, n, draw)]
        if not sizes:
            continue
        learner = META_PREDICTORS["experts"](space).meta_fit(
            draw_sources(case, "natural", SOURCE_LABELS, draw)
        )
        unseen = next(
            (f"without-{group}" for group, families in GROUPS.items() if case.family in families),
            "all",
        )
        network = TrainedNetwork.read(HERE.parent / "meta/in_context/likelihood" / f"{unseen}.npz")
        view, similarity = (
            SourceView.of(learner.meta_model_, proxy_scores(space).T),
            Similarity(space),
        )
        for n in sizes:
            utilities, known, rest = labelled(case, n, draw)
            predicted = combined(network, similarity, view, known, utilities[known], rest)
            for method in ("experts", *SINGLES):
                model = learner if method == "experts" else make_predictor(method, space=space)
                predicted[method] = model.fit(known, utilities[known]).predict(rest)
            taus = {
                method: kendalltau(one, utilities[rest]).statistic
                for method, one in predicted.items()
            }
            rows.add(case.family, name, n, draw, **taus)


def measure_maml(rows: Rows) -> None:
    """Append missing rows of ``maml``, trained once per target."""
    for case in (case for family in MAML_ON for case in targets(family)):
        task, learner = case.target, None
        for n, draw in product(LABELS, range(DRAWS)):
            key = (case.family, task.name, n, draw)
            if rows.has(*key) or n + FEWEST_SCORED > len(task.measured):
                continue
            if learner is None:
                learner = META_PREDICTORS["maml"](task.space).meta_fit(
                    draw_sources(case, "natural", SOURCE_LABELS, 0)
                )
            utilities, known, rest = labelled(case, n, draw)
            predicted = learner.fit(known, utilities[known]).predict(rest)
            rows.add(*key, maml=kendalltau(predicted, utilities[rest]).statistic)


def by_family(frame: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return a table with a row per family, and differences from its best predictor without sources."""
    rows, differences = [], []
    for family in TARGETS:
        row = {"family": family, "half": "choice" if family in CHOSEN_ON else "report"}
        for labels in LABELS:
            part = frame[(frame["family"] == family) & (frame["labels"] == labels)]
            row[f"{labels} labels"] = "–"
            if len(part):
                best = part[[*SINGLES]].mean().idxmax()
                ahead = part["experts"] - part[best]
                low, high = nm.analysis.bootstrap_interval(ahead.to_numpy())
                row[f"{labels} labels"] = f"{ahead.mean():+.2f} [{low:+.2f}, {high:+.2f}] {best}"
                differences.append((row["half"], family, labels, ahead.mean(), high))
        rows.append(row)
    return to_markdown(pd.DataFrame(rows)), pd.DataFrame(
        differences, columns=["half", "family", "labels", "mean", "high"]
    )


def combinations(frame: pd.DataFrame) -> str:
    """Return a table with a row per half and number of labels: mean τ over families, and the gain by training."""
    rows, rng = [], np.random.default_rng(0)
    for labels in LABELS:
        part = frame[~frame["family"].isin(CHOSEN_ON) & (frame["labels"] == labels)]
        means = part.groupby("family")[NATURAL[4:]].mean().mean()
        row = {"labels": str(labels)}
        row |= {
            f"`{name}`" if name == "experts" else name: f"{means[name]:.3f}"
            for name in ("experts", *OF_TEN)
        }
        gain = with_interval((part["transformer"] - part["weighted"]).to_numpy(), "+.3f", rng)
        rows.append(row | {"transformer − weighted": gain})
    return to_markdown(pd.DataFrame(rows))


def baseline(frame: pd.DataFrame, maml: pd.DataFrame) -> str:
    """Return a table with one row per number of labels: the mean τ of ``maml`` and two others over its targets."""
    means = frame.merge(maml, on=CASE).groupby("labels")[["maml", "experts", "gp"]].mean()
    return to_markdown(
        means.rename(columns="`{}`".format).map("{:.2f}".format).reset_index().astype(str)
    )


def measure() -> None:
    """Append all missing rows."""
    torch.set_num_threads(1)
    measure_experts(Rows(HERE / "experts.csv", NATURAL, len(CASE)))
    measure_maml(Rows(HERE / "maml.csv", [*CASE, "maml"], len(CASE)))


def page() -> str:
    """Return the text of few_shot.md."""
    frame, maml = pd.read_csv(HERE / "experts.csv"), pd.read_csv(HERE / "maml.csv")
    table, ahead = by_family(frame)
    below = ahead[ahead["high"] < -MARGIN]
    worse = ", ".join(
        f"{one.family} with {one.labels} labels ({one.mean:+.2f})" for one in below.itertuples()
    )
    at_50 = frame[frame["labels"] == 50]
    single = at_50[[*SINGLES]].mean()
    return f"""# Which predictor ranks best from few labels?

`experts` does: its mean τ with 50 labels is {at_50["experts"].mean():.2f}; the best predictor without sources,
`{single.idxmax()}`, has {single.max():.2f}. Against the best one of each family, its interval is below 0 in
{(ahead["high"] < 0).sum()} of {len(ahead)} cases, and below -{MARGIN} in {len(below)}{": " * bool(worse)}{worse}.

Kendall's τ of `experts` minus that of the family's best predictor without sources, which is named (mean and 95 %
interval over targets and draws):

{table}
## Does training help?

Not clearly. A transformer trained on other families combines ten experts. *Weighted* combines them by their errors,
with weights softmax(−n/4 · log of the mean squared leave-one-out error), and *uniform* equally. `experts` adds
`ridge`, `xgboost` and `random-forest` to the ten. Mean τ over the families of
the half *report*:

{combinations(frame)}
## Is MAML a good baseline?

`maml` learns initial weights from the same sources. Its means are below those of `experts` and above those of `gp`
without sources. Mean τ over the six targets of {", ".join(f"`{family}`" for family in MAML_ON)}:

{baseline(frame, maml)}
## How it was run

`python reports/transfer/few_shot.py` on {DATE}; `maml`: 2026-12-03, nasmeta {nm.__version__}. All predictors have the
same labels, drawn with seeds 0 to {DRAWS - 1}. Sources have
{SOURCE_LABELS} labels each and share no dataset with the target.

## Limits

* Weights and members of `experts` were chosen on the half *choice*, with draws shown here.
* The best predictor without sources is selected on these results, which favours it.
* The cases of a target share its table, so they are not independent.
* `graphgym` has too few architectures for 100 labels.
* `maml` ran on the first three families only, to save time; `experts` was tuned on all of them.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "few_shot.md", page, measure)
