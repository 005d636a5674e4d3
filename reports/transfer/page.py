"""Write the page of the transfer benchmark: speed-ups over ``gp`` by family and by kind of sources."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from cases import HALVES, STRESS

sys.path.insert(0, str(Path(__file__).parent.parent))

from drawing import dot_plot, save_png

import nasmeta as nm
from nasmeta.analysis import to_markdown

DATE = "2026-11-28 to 2026-12-02"  # of results.csv
KINDS = ("natural", *STRESS)
KEYS = ["family", "target", "sources", "labels"]
HARM = 1 / 1.1
FEWEST_DRAWS = 3  # for an interval
SHOWN = ("meta", "multi-task-gp", "rgpe", "meta-gp", "source-order")
LABELS = "400"  # per source
HYPERPARAMETERS = ("hpobench-mlp", "fcnet")


def read(folder: Path) -> pd.DataFrame:
    """Return the results."""
    return pd.read_csv(folder / "results.csv", dtype={"labels": str})


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the draws that all shown searchers have, and the runs of ``gp`` with the same draws."""
    names = [name for name in SHOWN if name in set(frame["searcher"])]
    own = frame[frame["searcher"].isin(names)]
    kept = own[own.groupby([*KEYS, "draw"])["searcher"].transform("nunique") == len(names)]
    pairs = kept[[*KEYS, "draw"]].drop_duplicates()
    plain = frame[frame["searcher"] == "gp"]
    same_draws = pairs.merge(plain.drop(columns=["sources", "labels"]), on=["family", "target", "draw"])
    return pd.concat([kept, same_draws], ignore_index=True)


def ratios(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the mean evaluations of ``gp`` over the searcher's per case, with a bootstrap interval."""
    rng, rows = np.random.default_rng(0), []
    plain = {
        target: own["evaluations"].to_numpy() for target, own in frame[frame["searcher"] == "gp"].groupby("target")
    }
    for key, own in comparable(frame).groupby([*KEYS, "searcher"], sort=False):
        if key[1] not in plain:
            continue
        mine, gp = own["evaluations"].to_numpy(), plain[key[1]]
        low = high = np.nan
        if min(len(mine), len(gp)) >= FEWEST_DRAWS:
            draws = [rng.choice(gp, len(gp)).mean() / rng.choice(mine, len(mine)).mean() for _ in range(500)]
            low, high = np.quantile(draws, (0.025, 0.975))
        rows.append([*key, len(mine), gp.mean() / mine.mean(), low, high])
    return pd.DataFrame(rows, columns=[*KEYS, "searcher", "draws", "ratio", "low", "high"])


def geometric(part: pd.DataFrame) -> tuple[float, float, float]:
    """Return the geometric mean of the ratios and its 95 % interval by a bootstrap over targets, not over cases."""
    logs, rng = np.log(part["ratio"]), np.random.default_rng(0)
    of_target = logs.groupby(part["target"])
    sums, sizes = of_target.sum().to_numpy(), of_target.size().to_numpy()
    drawn = rng.integers(len(sums), size=(2000, len(sums)))
    draws = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return tuple(np.exp([logs.mean(), *np.quantile(draws, (0.025, 0.975))]))  # type: ignore[return-value]


def text_of(values: tuple[float, float, float]) -> str:
    """Return a mean with its interval."""
    return "×{:.2f} [{:.2f}, {:.2f}]".format(*values)


def by_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the speed-up of `meta` by the number of labels per source, and the cases that it slows down."""
    frame = frame[frame["searcher"].isin(["meta", "gp"])]
    rows = []
    for labels in (label for label in ("100", "all") if label in set(frame["labels"])):
        gains = ratios(frame[frame["labels"].isin(["-", labels])]).query("searcher == 'meta'")
        (cases,) = harm(gains, ["meta"]).drop(columns="searcher").to_dict("records")
        rows.append({"labels per source": labels} | speed_ups(gains) | cases)
    return pd.DataFrame(rows)


def speed_ups(gains: pd.DataFrame) -> dict[str, str]:
    """Return the geometric means of the speed-up by kind of sources."""
    natural = gains["sources"] == "natural"
    parts = (("natural sources", gains[natural]), ("misleading sources", gains[~natural]))
    return {kind: text_of(geometric(part)) for kind, part in parts if len(part)}


def by_family(natural: pd.DataFrame, searchers: list[str]) -> pd.DataFrame:
    """Return the geometric means of the speed-up with natural sources: searchers × families."""
    families = [family for half in HALVES.values() for family in half if family in set(natural["family"])]
    parts = natural.groupby(["searcher", "family"])
    means = {key: f"×{geometric(part)[0]:.2f}" for key, part in parts}
    rows = [{"speed-up of": f"`{s}`"} | {family: means[s, family] for family in families} for s in searchers]
    return pd.DataFrame(rows)


def by_field(natural: pd.DataFrame, searchers: list[str]) -> pd.DataFrame:
    """Return the speed-up with natural sources of each searcher: all targets, and groups of families."""
    is_own, is_hyper = natural["family"] == "nb201", natural["family"].isin(HYPERPARAMETERS)
    parts = {
        "all": natural,
        "NAS-Bench-201": natural[is_own],
        "other architectures": natural[~is_own & ~is_hyper],
        "hyperparameters": natural[is_hyper],
    }
    rows = []
    for name, part in ((name, part) for name, part in parts.items() if len(part)):
        row = {"targets": name, "number": part["target"].nunique()}
        rows.append(row | {f"`{s}`": text_of(geometric(part[part["searcher"] == s])) for s in searchers})
    return pd.DataFrame(rows)


def harm(gains: pd.DataFrame, searchers: list[str]) -> pd.DataFrame:
    """Return the number of cases that each searcher slows down, and its worst case."""
    rows = []
    for searcher in searchers:
        own = gains[gains["searcher"] == searcher]
        row = {"searcher": f"`{searcher}`"}
        is_natural = own["sources"] == "natural"
        for kind, part in (("natural", own[is_natural]), ("misleading", own[~is_natural])):
            if not len(part):
                continue
            worst = part.loc[part["ratio"].idxmin()]
            row[f"{kind}: slower by more than 10 %"] = f"{(part['ratio'] < HARM).sum()} of {len(part)}"
            row[f"{kind}: significant"] = str((part["high"] < 1).sum())
            row[f"{kind}: worst"] = f"×{worst['ratio']:.2f}"
        rows.append(row)
    return pd.DataFrame(rows)


def picture(gains: pd.DataFrame, path: Path) -> None:
    """Draw the speed-up of each case and the geometric means: a row per kind of sources."""
    shown = gains[gains["sources"].isin(KINDS)]
    rows = [
        (kind, name, *geometric(shown[(shown["searcher"] == name) & (shown["sources"] == kind)]))
        for name in SHOWN
        for kind in KINDS
        if len(shown[(shown["searcher"] == name) & (shown["sources"] == kind)])
    ]
    means = pd.DataFrame(rows, columns=["row", "name", "mean", "low", "high"]).assign(panel="")
    cases = pd.DataFrame({"panel": "", "row": shown["sources"], "name": shown["searcher"], "value": shown["ratio"]})
    means, cases = (frame.replace({"row": {"one sister": "one related"}}) for frame in (means, cases))
    x = "speed-up over gp: mean evaluations of gp / of the searcher, log scale"
    title = "geometric mean with 95 % interval over targets; faint: one case"
    figure = dot_plot(means, x, log=True, line=1, cases=cases, title=title, ticks=(0.125, 0.25, 0.5, 1, 2, 4, 8, 16))
    save_png(figure, path)


def write_page(folder: Path) -> None:
    """Write README.md and gains.png from results.csv."""
    frame = read(folder)
    gains = ratios(frame[frame["labels"].isin(["-", LABELS])])
    searchers = [name for name in SHOWN if name in set(gains["searcher"])]
    natural, stress = gains[gains["sources"] == "natural"], gains[gains["sources"].isin(STRESS)]
    overall = [{"searcher": f"`{name}`"} | speed_ups(gains[gains["searcher"] == name]) for name in searchers]
    table = pd.DataFrame(overall).merge(harm(gains, searchers), on="searcher")
    first = searchers[:3]
    fields = by_field(natural, first)
    one = fields.set_index("targets")["`meta`"].str.split().str[0].str[1:]
    text = f"""# When does transfer help, and when does it harm?

It helps on hyperparameters, where `meta` is {one.get("hyperparameters")} times as fast as `gp`, and on the three
datasets of NAS-Bench-201. On other architectures the gain is small ({one.get("other architectures")} times).
Misleading sources can harm every meta-searcher.

{to_markdown(fields)}
{to_markdown(by_family(natural, first))}
Geometric means over targets with natural sources, all on other datasets; 95 % intervals over targets.

![Speed-up over gp by kind of sources: cases and geometric means](gains.png)

Speed-up: mean evaluations of `gp` until one of the best 0.1 %, divided by the searcher's. A case is a target with a
kind of sources. *Significant*: cases whose 95 % bootstrap interval over runs ends below 1.

{to_markdown(table)}
"""
    if "all" in set(frame["labels"]):
        text += f"""Speed-up of `meta` with other numbers of labels per source than {LABELS}. If all sources label
the same half of the space, `meta-gp` chooses the first architectures, and is a member if they agree:

{to_markdown(by_labels(frame))}
"""
    if len(stress):
        text += """Misleading sources are changed real columns. *Reversed*: the best value becomes the worst.
*Permuted*: values are shuffled. *One related*: one natural source among six unrelated ones. *Wrong at the top*: the
best tenth is exchanged.

"""
    text += f"""## How it was run

`python reports/transfer/run.py` on {DATE}, nasmeta {nm.__version__}: {gains["draws"].max()} draws of {LABELS} labels
per source, at most 100 evaluations. An unsuccessful run enters with 100 evaluations.

## Limits

* Intervals over targets show the differences between targets, not between runs.
* The number of random initial evaluations and the members `rgpe` and `multi-task-gp` were chosen on this benchmark.
  `meta-gp` became a member after trials on 20 of these targets. The condition that sources agree was chosen after a
  look at these draws (all labels); only sources of `nb201` meet it.
* `robust` and `latency` have accuracies of `nb201` as sources, which predict these targets poorly.
* Targets with many ties for the best 0.1 % are excluded. [LCBench](lcbench.md) and
  [language models](../scales/README.md) have their own pages.
"""
    (folder / "README.md").write_text(text, encoding="utf-8")
    picture(gains, folder / "gains")
    print(f"Written: {folder / 'README.md'}")
