"""Measure how well predictors rank the architectures of NAS-Bench-201 from few labels.

Run ``python reports/predictors/run.py`` after ``nasmeta data fetch meco constrained-tpe
zero-cost-nb201``. It writes README.md, results.csv and the figures. Journals are kept in a folder,
so an interrupted run resumes. ``--page`` rewrites README.md and the figures from results.csv.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.prediction import plot_calibration, plot_predictions, summarise_predictions
from reports.common import report
from reports.drawing import save_png

HERE = Path(__file__).parent
DATE = "2026-11-27"  # of results.csv; `mlp`: 2026-12-03
SIZES = (10, 20, 50, 78, 156, 469, 781, 1563)
SHOWN = (78, 156, 469, 781, 1563)
BEST = "gp/xgboost:default+proxies"
LARGEST = "gp/gp:default+proxies/xgboost/xgboost:default+proxies"
DRAWS = {  # cheap ones first
    "nwot": 20,
    "synflow": 20,
    "parameters": 20,
    "ridge": 20,
    BEST: 20,
    "xgboost": 20,
    "gp": 20,
    "ensemble": 10,
    "xgboost:default+proxies": 10,
    "xgboost:published-proxies": 10,
    "xgboost:default+published-proxies": 10,
    "gp:default+proxies": 5,
    LARGEST: 5,
    "random-forest": 3,
}
PERCEPTRONS = {"mlp:default+proxies": 3}
TWO_SIZES = (78, 781)
# a GP on 7,812 labels is slow
HALF = {
    "nwot": 3,
    "ridge": 3,
    "xgboost": 3,
    "xgboost:default+proxies": 3,
    BEST: 1,
}


def measure(folder: Path) -> None:
    """Run every part and write results.csv; finished fits are read from their journals."""

    def part(
        name: str, plan: dict[str, int], task: str = "nb201/cifar10", **options: object
    ) -> pd.DataFrame:
        frames = []
        for predictor, draws in plan.items():
            print(f"{name}: {predictor}, {draws} draws", flush=True)
            frames.append(
                nm.predict(predictor, task, draws=draws, folder=folder / name, **options).frame
            )
        return pd.concat(frames, ignore_index=True)

    few = [part("few", DRAWS, sizes=SIZES), part("few", PERCEPTRONS, sizes=TWO_SIZES)]
    frames = {
        "few": pd.concat(few, ignore_index=True),
        "function": part("function", {BEST: 3}, sizes=SHOWN, rule="function"),
        **{
            name: part(name, {BEST: 3}, f"nb201/{name}", sizes=SHOWN)
            for name in ("cifar100", "imagenet16-120")
        },
        "half": part("half", HALF, protocol="half"),
    }
    every = [summarise_predictions(frame).assign(part=name) for name, frame in frames.items()]
    pd.concat(every).to_csv(HERE / "results.csv", index=False, float_format="%.5g")


def tau_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Return τ-b by predictor and number of labels; no scored architecture has an isomorph with a label."""
    rows = summary[(summary.scope == "isomorph-disjoint") & summary.n_train.isin(TWO_SIZES)]
    halves = (rows.kendall_tau_high - rows.kendall_tau_low) / 2
    texts = [f"{tau:.3f} ± {half:.3f}" for tau, half in zip(rows.kendall_tau, halves, strict=True)]
    shown = rows.assign(
        size=[f"{n} labels" for n in rows.n_train], text=texts, predictor="`" + rows.predictor + "`"
    )
    wide = shown.pivot(index="predictor", columns="size", values="text")
    draws = shown.groupby("predictor", sort=False)["draws"].max().astype(int)
    return draws.to_frame().join(wide[[f"{n} labels" for n in TWO_SIZES]]).reset_index()


def ceiling() -> float:
    """Return τ between the validation and test accuracies of all architectures."""
    table = nm.load_table("nb201")
    test = table.column(
        "cifar10", "accuracy", split="test", epochs=200, seed="mean", release="NB201 v1.1"
    )
    return float(kendalltau(nm.get_task("nb201/cifar10").values, test).statistic)


def page() -> str:
    """Draw the picture; return the text of README.md."""
    results = pd.read_csv(HERE / "results.csv")
    few = results[results.part == "few"]
    drawn = few[
        few.predictor.isin([BEST, "ensemble", "gp", "xgboost", "ridge", "nwot", "parameters"])
    ]
    save_png(plot_predictions(drawn), HERE / "kendall_tau")
    save_png(plot_calibration(drawn[drawn.n_train.isin(TWO_SIZES)]), HERE / "calibration")
    best = few[few.predictor == BEST].set_index(["scope", "n_train"])
    disjoint, every = best.loc["isomorph-disjoint"], best.loc["all"]
    most = disjoint.loc[781]
    scored, shown = (
        ", ".join(texts)
        for texts in ([f"{every.kendall_tau[n]:.3f}" for n in SHOWN], map(str, SHOWN))
    )
    return f"""# How well do predictors rank architectures from few labels?

From 781 validation labels, `{BEST}` ranks the other architectures of NAS-Bench-201 by CIFAR-10
test accuracy with Kendall's τ-b {most.kendall_tau:.3f} (95 % interval {most.kendall_tau_low:.3f} to
{most.kendall_tau_high:.3f}, mean of {most.draws:.0f} draws).

![Kendall's τ against the number of labels](kendall_tau.png)

τ-b by number of labels; architectures with a labelled isomorph are not scored:

{to_markdown(tau_table(few))}
`NAME:ENCODER` is a predictor on an encoding, `a/b` an ensemble, `ensemble` is `gp/xgboost`. ± is half of the 95 %
bootstrap interval of the mean over draws; it is a rough value for 3 to 5 draws. `proxies` are nine zero-cost proxies
[measured by this project](../proxies/README.md); `published-proxies` are from NAS-Bench-Suite-Zero.

Published papers score all architectures, including labelled ones and their isomorphs, which gives higher values
({scored} for the same predictor with {shown} labels; [published ones](../published/predictor-tau.md)).

## How it was run

`python reports/predictors/run.py` on {DATE} (`mlp`: 2026-12-03) with nasmeta {nm.__version__}, numpy
{np.__version__}; the draws use seeds spawned from 0. Labels are validation accuracies after 200 epochs, mean over
seeds (NATS-tss v1.0), of random architectures. Predictions are compared with the test accuracy of networks trained on
all of CIFAR-10 (NB201 v1.1). All predictors see the same draws.

## Limits

* Encoders, kernels and settings were chosen on CIFAR-100, and the three datasets agree with each other.
* The τ-b between validation and test accuracy is {ceiling():.3f}; label noise limits every predictor to about that.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure, "folder")
