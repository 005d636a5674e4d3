"""Write the page of the transfer benchmark: speed-ups over ``gp`` by family and by kind of sources."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.arrays import Floats
from reports.drawing import dot_plot, save_png
from reports.transfer.cases import HALVES, NEAR, STRESS

DATE = "2026-12-02"  # of results.csv
KEYS = ["family", "target", "sources", "labels"]
SLOWER = 0.8  # speed-up of a case that counts as harm
LEVEL = 0.05
FEWEST_DRAWS = 3  # for a test
SHOWN = ("meta", "multi-task-gp", "rgpe", "source-order", "evolution", "random")
MODEL_FREE = ("evolution", "random")
LABELS = "400"  # per source
KINDS = ("natural", "unlike", "misleading")
GROUPS = {
    "NAS-Bench-201": ("nb201", "nb201-seed"),
    "architectures beyond NAS-Bench-201": ("tnb101", "tnb101-macro", "graphgym", "graph"),
    "hyperparameters": ("hpobench-mlp", "fcnet"),
    "language models": ("hw-gpt", "step-law"),
}


def ratios(frame: pd.DataFrame, names: Sequence[str] = SHOWN) -> pd.DataFrame:
    """Return for each case the mean evaluations of ``gp`` and of a searcher in the same draws, and their ratio.

    ``p``: a paired t test of a speed-up of 0.8 against a lower one.
    """
    keys, rows = ["family", "target", "draw"], []
    plain = frame[frame["searcher"] == "gp"].set_index(keys)["evaluations"].rename("gp")
    is_free = frame["searcher"].isin(MODEL_FREE)
    with_sources = frame[~is_free & (frame["searcher"] != "gp")]
    cases = with_sources[["family", "target", "sources"]].drop_duplicates()
    free = frame[is_free].drop(columns="sources").merge(cases, on=["family", "target"])
    whole = pd.concat([with_sources, free]).rename(columns={"evaluations": "own"})
    whole = whole[whole["searcher"].isin(names)].join(plain, on=keys, how="inner")
    for key, pairs in whole.groupby([*KEYS, "searcher"], sort=False):
        excess = SLOWER * pairs["own"] - pairs["gp"]
        p = 1.0 - (excess > 0).all()
        if excess.std() > 0:
            p = float(ttest_1samp(excess, 0, alternative="greater").pvalue)
        gp, own = pairs[["gp", "own"]].mean()
        rows.append([*key, len(pairs), gp, own, gp / own, p])
    gains = pd.DataFrame(rows, columns=[*KEYS, "searcher", "draws", "gp", "own", "ratio", "p"])
    gains["kind"] = gains["sources"].where(gains["sources"].isin(KINDS), "misleading")
    return gains


def table_target(part: pd.DataFrame) -> pd.Series:
    """Return the names of targets, the same for a single seed as for the mean of seeds."""
    return part["target"].str.partition("#")[0]


def pooled(part: pd.DataFrame) -> str:
    """Return the geometric mean over families of pooled evaluations' ratios, with a bootstrap over targets."""
    rng, logs, draws = np.random.default_rng(0), [], []
    for _, own in part.groupby(part["family"].replace("nb201-seed", "nb201")):
        pair = own.groupby(table_target(own))[["gp", "own"]].sum().to_numpy()
        logs.append(np.log(pair[:, 0].sum() / pair[:, 1].sum()))
        drawn = pair[rng.integers(len(pair), size=(2000, len(pair)))].sum(axis=1)
        draws.append(np.log(drawn[:, 0] / drawn[:, 1]))
    return text_of(np.mean(logs), np.mean(draws, axis=0))


def geometric(part: pd.DataFrame) -> str:
    """Return the geometric mean of the ratios with its 95 % interval by a bootstrap over targets, not over cases."""
    logs, rng = np.log(part["ratio"]), np.random.default_rng(0)
    of_target = logs.groupby(table_target(part))
    sums, sizes = of_target.sum().to_numpy(), of_target.size().to_numpy()
    drawn = rng.integers(len(sums), size=(2000, len(sums)))
    return text_of(logs.mean(), sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))


def text_of(log: float, draws: Floats) -> str:
    """Return a mean of logarithms as a speed-up with its 95 % interval; equal draws have only a mean."""
    mean, low, high = np.exp([log, *np.quantile(draws, (0.025, 0.975))])
    return f"×{mean:.2f}" + (f" [{low:.2f}, {high:.2f}]" if np.ptp(draws) > 1e-9 else "")


def by_group(natural: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the pooled speed-up with natural sources by group of families: all, then each group."""
    groups = {"all": natural["family"].unique(), **GROUPS}
    rows = []
    for group, families in groups.items():
        part = natural[natural["family"].isin(families)]
        if len(part):
            each = {f"`{name}`": pooled(part[part["searcher"] == name]) for name in names}
            rows.append({"targets": group, "number": part["target"].nunique()} | each)
    return pd.DataFrame(rows)


def by_family(gains: pd.DataFrame) -> pd.DataFrame:
    """Return the pooled speed-up of ``meta`` in each family, without changed sources."""
    own = gains[(gains["searcher"] == "meta") & (gains["kind"] != "misleading")]
    rows = []
    for (kind, family), part in own.groupby(["kind", "family"], sort=False):
        sums = part[["gp", "own"]].mean()
        half = next(name for name, families in HALVES.items() if family in families)
        facts = {"family": family, "sources": kind, "half": half, "targets": len(part)}
        rows.append(facts | {"speed-up of `meta`": f"×{sums['gp'] / sums['own']:.2f}"})
    return pd.DataFrame(rows)


def by_kind(gains: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return for each searcher and kind of sources the speed-up, the harmed cases and the worst one."""
    rows = []
    for name in names:
        own = gains[gains["searcher"] == name].sort_values("p")
        row: dict[str, object] = {"searcher": f"`{name}`"}
        for kind in KINDS:
            if len(part := own[own["kind"] == kind]):
                row[kind] = geometric(part)
                row[f"{kind}: worst"] = f"×{part['ratio'].min():.2f}"
        own = own.drop_duplicates(["family", "target"]) if name in MODEL_FREE else own
        row["slower"] = f"{(own['ratio'] < SLOWER).sum()} of {len(own)}"
        adjusted = np.maximum.accumulate(own["p"].to_numpy() * np.arange(len(own), 0, -1))
        rows.append(row | {"beyond chance": str((adjusted < LEVEL).sum())})
    return pd.DataFrame(rows)


def by_half(gains: pd.DataFrame) -> pd.DataFrame:
    """Return the speed-up of ``meta`` in each half of the families."""
    beyond = gains["family"].isin(GROUPS["architectures beyond NAS-Bench-201"])
    parts = {kind: gains["kind"] == kind for kind in KINDS}
    columns = {
        "natural": parts["natural"],
        "natural, beyond NAS-Bench-201": parts["natural"] & beyond,
    }
    rows = []
    for half, families in HALVES.items():
        own = gains["family"].isin(families) & (gains["searcher"] == "meta")
        of_half = {name: gains[own & is_in] for name, is_in in (columns | parts).items()}
        texts = {name: geometric(part) for name, part in of_half.items() if len(part)}
        rows.append({"half": half} | texts)
    return pd.DataFrame(rows)


def by_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the speed-up of `meta` with natural sources by the number of labels per source, on the same targets."""
    parts = {}
    for labels in ("100", LABELS, "all"):
        gains = ratios(frame[frame["labels"].isin(["-", labels])], ["meta"])
        parts[labels] = gains[gains["kind"] == "natural"].set_index("target", drop=False)
    common = reduce(pd.Index.intersection, [part.index for part in parts.values()])
    rows = []
    for labels, part in parts.items():
        natural = part.loc[common]
        row: dict[str, object] = {"labels per source": labels, "all": geometric(natural)}
        for group, families in GROUPS.items():
            if len(own := natural[natural["family"].isin(families)]):
                row[group] = geometric(own)
        rows.append(row)
    return pd.DataFrame(rows)


def picture(gains: pd.DataFrame, path: Path) -> None:
    """Draw the speed-up of each case and the geometric means: a row per kind of sources."""
    order = {kind: number for number, kind in enumerate((*KINDS[:2], *STRESS))}
    gains = gains[~gains["searcher"].isin(MODEL_FREE)].sort_values(
        "sources", key=lambda c: c.map(order), kind="stable"
    )
    rows = []
    for (name, kind), part in gains.groupby(["searcher", "sources"], sort=False):
        mean, low, high = (float(x) for x in re.findall(r"[\d.]+", geometric(part)))
        rows.append((kind, name, mean, low, high))
    means = pd.DataFrame(rows, columns=["row", "name", "mean", "low", "high"]).assign(panel="")
    cases = pd.DataFrame(
        {"panel": "", "row": gains["sources"], "name": gains["searcher"], "value": gains["ratio"]}
    )
    means, cases = (part.replace({"row": {"one sister": "one related"}}) for part in (means, cases))
    x = "speed-up over gp: mean evaluations of gp / of the searcher, log scale"
    title = "geometric mean with 95 % interval over targets; faint: one case"
    ticks = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16)
    figure = dot_plot(means, x, log=True, line=1, cases=cases, title=title, ticks=ticks)
    save_png(figure, path)


def write_page(folder: Path) -> None:
    """Write README.md and gains.png from results.csv."""
    frame = pd.read_csv(folder / "results.csv", dtype={"labels": str})
    gains = ratios(frame[frame["labels"].isin(["-", LABELS])])
    names = [name for name in SHOWN if name in set(gains["searcher"])]
    first = [name for name in names if name not in (*MODEL_FREE, "source-order")]
    groups = by_group(gains[gains["kind"] == "natural"], first)
    one = groups.set_index("targets")["`meta`"].str.split().str[0].str[1:]
    beyond = one.get("architectures beyond NAS-Bench-201")
    text = f"""# When does transfer help, and when does it harm?

With sources of the same kind, `meta` is {beyond} times as fast as `gp` on architectures beyond NAS-Bench-201,
{one.get("hyperparameters")} times on hyperparameters and {one.get("language models")} times on language models. With
sources that measure something else, and with misleading ones, it is on average not slower.

{to_markdown(groups)}
Sources: the family's other datasets, {LABELS} labels each; `hw-gpt`: a smaller supernet; `step-law`: other scales, all
labels. Evaluations are summed by family (`nb201-seed` in `nb201`);
geometric means over families, intervals over targets. `hw-gpt` has a single target, so the intervals on language models
are those of `step-law`.

{to_markdown(by_family(gains))}
*Unlike* sources measure something else on the same space: accuracy for latency, energy and accuracy
under attack, and costs for accuracy or perplexity.

![Speed-up over gp by kind of sources: cases and geometric means](gains.png)

Speed-up: mean evaluations of `gp` until one of the best 0.1 % (`step-law`: within {NEAR} nats of the best), divided by
the searcher's in the same draws. A case is a target with a kind of sources; `evolution`
lacks 17 targets, which are partly measured. *Slower*: speed-up below {SLOWER}; *beyond
chance*: by a paired t test with Holm's correction over the searcher's cases.

{to_markdown(by_kind(gains, names))}
Misleading sources are changed real columns. *Reversed*: the best value becomes the worst. *Permuted*: values are
shuffled. *One related*: one natural source among six unrelated ones. *Wrong at the top*: the best tenth is exchanged.

Settings of `meta` were chosen on half A and on unlike sources of B, in other draws. Geometric means over targets:

{to_markdown(by_half(gains))}
"""
    if "all" in set(frame["labels"]):
        text += f"""Natural sources, geometric means over targets by the number of labels (without `step-law`):

{to_markdown(by_labels(frame))}
"""
    text += f"""## How it was run

`python reports/transfer/run.py` on {DATE}, nasmeta {nm.__version__}: {draws_of(gains)} draws, at most 100 evaluations.
An unsuccessful run enters with 100 evaluations.

## Limits

* Intervals over targets show the differences between targets, not between runs; `hw-gpt` has one target.
* Settings were chosen with five draws; their differences were small.
* Targets with many ties for the best 0.1 % are excluded. [LCBench](lcbench.md) has its own page.
"""
    (folder / "README.md").write_text(text, encoding="utf-8")
    picture(gains, folder / "gains")
    print(f"Written: {folder / 'README.md'}")


def draws_of(gains: pd.DataFrame) -> str:
    """Return the numbers of draws of ``meta`` and of the others, as text."""
    texts = []
    for of_meta in (True, False):
        draws = gains.loc[(gains["searcher"] == "meta") == of_meta, "draws"]
        texts.append(" to ".join(map(str, sorted({draws.min(), draws.max()}))))
    meta, others = texts
    return meta if meta == others else f"{meta} (`meta`) or {others}"
