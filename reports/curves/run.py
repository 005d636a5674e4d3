"""Measure how well the end of a training is predicted from its first epochs, on cells that were left out.

Run ``python reports/curves/run.py`` after ``nasmeta data fetch nb201-curves``. It writes README.md, results.csv and the
figure in about a minute. ``--page`` rewrites README.md and the figure from results.csv.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))

from common import page_only
from drawing import curves, in_order, save_png

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.prediction import learning_curve_benchmark

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
DATE = "2026-11-25"  # of results.csv
BEGINNINGS = (5, 10, 20, 50, 100, 150)
METHODS = ("auto", "trees", "gains", "ridge", "gaussian", "power", "logarithm", "janoschek", "last-value", "mean-curve")
AXES = {"mean_absolute_error": "mean absolute error (points)", "kendall_tau": "Kendall's τ-b"}
QUOTED = (20, 50, 100)
DRAWN = ("auto", "trees", "gains", "ridge", "last-value", "mean-curve")


def table_of(frame: pd.DataFrame) -> str:
    """Return mean absolute error and τ-b: methods × epochs seen."""
    frame = frame[frame["seen_epochs"].isin(QUOTED)]
    text = [f"{row.mean_absolute_error:.2f} / {row.kendall_tau:.3f}" for row in frame.itertuples()]
    wide = frame.assign(text=text).pivot(index="method", columns="seen_epochs", values="text").loc[list(METHODS)]
    means = frame[frame["method"] == "mean-curve"].set_index("seen_epochs")["mean_absolute_error"]
    wide.loc["mean-curve"] = [f"{means[k]:.2f} / –" for k in wide.columns]  # it does not rank cells
    wide.columns = [f"{k} epochs" for k in wide.columns]
    return to_markdown(wide.reset_index())


def plot(frame: pd.DataFrame) -> Figure:
    """Return error and order against the number of epochs seen."""
    shown = frame[frame["method"].isin(DRAWN)].melt(["method", "seen_epochs"], list(AXES), "panel", "y")
    shown = shown[(shown["panel"] != "kendall_tau") | (shown["method"] != "mean-curve")]  # it does not rank cells
    shown = shown.rename(columns={"method": "name", "seen_epochs": "x"}).replace({"panel": AXES})
    return curves(shown, "epochs seen, of 200", BEGINNINGS, looks=in_order(DRAWN), log_y=(2, 5, 10, 20, 40))


def write_page(frame: pd.DataFrame) -> None:
    """Write README.md."""
    auto = frame[frame["method"] == "auto"].set_index("seen_epochs")
    errors = " / ".join(f"{auto['mean_absolute_error'][k]:.2f}" for k in QUOTED)
    coverage = auto["coverage_90"]
    text = f"""# How well do the first epochs predict the end of a training?

From the first 20 / 50 / 100 of 200 epochs, `auto` predicts the final CIFAR-10 validation accuracy with a mean absolute
error of {errors} percentage points; its 90 % intervals cover {100 * coverage.min():.1f} to {100 * coverage.max():.1f}
% of the values.

![Error and rank correlation by epochs seen](curves.png)

Mean absolute error (percentage points) / Kendall's τ-b:

{table_of(frame)}
`last-value` is the accuracy of the last epoch seen, and `mean-curve` the mean of the training curves. `results.csv` has
5, 10 and 150 epochs, root mean square errors and coverage.

## How it was run

`python reports/curves/run.py` on {DATE} with nasmeta {nm.__version__}; seed 0 for the trees. The data are the 200
cells of NAS-Bench-201 with complete curves (source `nb201-curves`, mean over seeds). In five folds, isomorphic cells
share a fold, and each cell is predicted from the curves of the other folds. `auto` chooses its methods by
cross-validation within the training folds.

## Limits

* The rule of `auto` and the method `gains` were chosen on these cells, so their values are slightly optimistic.
* No method is best at all numbers of epochs and in both scores.
* With 200 cells in one draw of folds, small differences between methods are not significant.
"""
    (HERE / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Measure, and write the report."""
    if not page_only(__doc__):
        frame = learning_curve_benchmark(beginnings=BEGINNINGS, methods=METHODS)
        frame.to_csv(HERE / "results.csv", index=False, float_format="%.6f", lineterminator="\n")
    frame = pd.read_csv(HERE / "results.csv")
    save_png(plot(frame), HERE / "curves")
    write_page(frame)


if __name__ == "__main__":
    main()
