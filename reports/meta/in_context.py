"""Few-shot prediction of the in-context learner on families that its weights have not seen, next to other learners.

Run with ``python reports/meta/in_context.py``; writes in_context/README.md and its rows. The protocol, the draws and
the other learners' rows are those of reports/transfer/few_shot.py. An interrupted run resumes; ``--page`` only rewrites
the page.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "transfer")]

from common import Rows, page_only, with_interval
from few_shot import HARM, KEYS, LABELS, SOURCE_LABELS, TARGETS, measure, questions
from in_context_tasks import GROUPS

import nasmeta as nm
from nasmeta.analysis import to_markdown

HERE = Path(__file__).parent / "in_context"
TRANSFER = Path(__file__).parents[1] / "transfer"
FIELDS = (*KEYS, "own", "blended")
DRAWS = 3
DATE = "2026-11-30"  # of few_shot.csv and training.csv
CASE = ["family", "target", "sources"]
RIVALS = ("meta-dkl", "maml")


def read(folder: Path) -> pd.DataFrame:
    """Return the mean τ of each learner per case and number of labels."""
    own, others = pd.read_csv(folder / "few_shot.csv"), pd.read_csv(TRANSFER / "few_shot.csv")
    others = others[others["method"].isin(RIVALS)]
    plain = others.groupby([*CASE, "labels", "draw"], as_index=False)["gp"].first()
    frame = pd.concat([own.merge(plain, on=[*CASE, "labels", "draw"], how="left"), others], ignore_index=True)
    means = frame.groupby([*CASE, "method", "labels"], sort=False)[["gp", "own", "blended"]].mean().reset_index()
    return means.merge(own[CASE].drop_duplicates(), on=CASE)


def gains(means: pd.DataFrame) -> dict[int, str]:
    """Return the gain over the better of the others for each number of labels, with an interval over the cases."""
    rng, leads = np.random.default_rng(0), {}
    for labels in LABELS:
        wide = means[means["labels"] == labels].pivot_table(index=CASE, columns="method", values="blended")
        best = wide[list(RIVALS)].mean().idxmax()
        ahead = (wide["in-context"] - wide[best]).dropna()
        leads[labels] = with_interval(ahead, "+.3f", rng)
    return leads


def labels_table(means: pd.DataFrame, ahead: dict[int, str]) -> str:
    """Return a row per number of labels, with means over the cases."""
    rows = []
    for labels in (0, *LABELS):
        of_method = dict(list(means[means["labels"] == labels].groupby("method")))
        own = of_method["in-context"]
        row = {"labels": str(labels), "cases": str(len(own)), "`gp`": f"{own['gp'].mean():.3f}" if labels else "–"}
        for method in ("in-context", *RIVALS):
            row[f"`{method}`"] = f"{of_method[method]['own'].mean():.3f}"
            if labels:
                row[f"`{method}`"] += f"→**{of_method[method]['blended'].mean():.3f}**"
        rows.append(row | {"gain over the better": ahead.get(labels, "–")})
    return to_markdown(pd.DataFrame(rows))


def write_page(folder: Path) -> None:
    """Write README.md from the rows in a folder."""
    means = read(folder)
    ahead = gains(means)
    own = means[(means["method"] == "in-context") & (means["labels"] == 50)]
    harmed, alone = (((own["gp"] - own[kind]) > HARM).sum() for kind in ("blended", "own"))
    groups = "; ".join(", ".join(f"`{family}`" for family in families) for families in GROUPS.values())
    seconds = pd.read_csv(folder / "training.csv").groupby("without")["seconds"].first()
    text = f"""# Does a pretrained transformer rank better than learners trained on the sources?

With 10 labels, `in-context` gains {ahead[10]} in Kendall's τ over the better of `meta-dkl` and `maml`, and with 50
labels {ahead[50]} (mean over the cases, 95 % interval).

The transformer's weights have not seen the target's family. It only reads the sources; the other learners are trained
on them. A case is a target with natural or misleading sources. Each entry is the mean τ of the
learner alone → **blended** with Gaussian processes of the target's labels, which is the default.

{labels_table(means, ahead)}
With 50 labels, `in-context` is worse than `gp` by more than {HARM} in {harmed} of {len(own)} cases ({alone} without
the blend). Without labels, it ranks almost like the sources' mean.

## How it works

The transformer weights ten experts: zero; Gaussian processes of the labels alone and around the sources' mean, each
with three kernels; the processes' average, weighted by marginal likelihood; the sources' mean; and the sources that
agree most with the labels. It adds a correction and returns a deviation. It reads similarities instead of features, so
it works in any space.

## How it was run

`python reports/meta/in_context.py` on {DATE}, nasmeta {nm.__version__}. Labels have the seeds 0 to 2, as
[for the other learners](../../transfer/few_shot.md). Sources have {SOURCE_LABELS} labels each and share no dataset with
the target.

`python reports/meta/in_context_train.py` trains each file of weights in {seconds.min():.0f} to {seconds.max():.0f}
seconds on one thread, after drawing episodes. Each file except `all` leaves out one group of families:
{groups}.

## Limits

* The kernels, their average, the zero-cost proxies and the blend were chosen on targets shown here, in part with the
  same labels.
* Only {(own["sources"] != "natural").sum()} cases have misleading sources.
* Experts use zero-cost proxies in spaces that have them; during training they had none.
"""
    (folder / "README.md").write_text(text, encoding="utf-8")
    print(f"Written: {folder / 'README.md'}")


def main() -> None:
    """Measure and write."""
    if not page_only(__doc__):
        asked = questions(list(TARGETS))
        measure(Rows(HERE / "few_shot.csv", FIELDS, len(KEYS)), ("in-context",), asked, DRAWS)
    write_page(HERE)


if __name__ == "__main__":
    main()
