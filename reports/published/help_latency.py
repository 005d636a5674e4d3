"""HELP's table 3: the order of networks by latency on devices of which ten networks were timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pages import against, measured, spread, write_page  # beside this file
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.meta import MetaLinear
from nasmeta.predictors import make_predictor, normal_scores
from nasmeta.spaces import get_cell_space
from nasmeta.tasks import SourceTask
from nasmeta.threads import one_thread

NAME = "help-latency"
TITLE = "HELP's table 3: latency on unseen devices from ten measurements"
SOURCES = ("1080ti_batch1", "1080ti_batch32", "1080ti_batch256", "silver_4114", "silver_4210r")
SOURCES += ("samsung_a50", "pixel3", "essential_ph_1", "samsung_s7")
TARGETS = {
    "titan_rtx_batch256": "Titan RTX, batch 256",
    "gold_6226": "Gold 6226",
    "pixel2": "Pixel2",
    "raspi4": "Raspi4",
    "eyeriss": "ASIC Eyeriss",
    "fpga": "FPGA",
}
# README of github.com/HayeonLee/HELP at 11970ec, "Architecture Ranking Correlation Results (Table 3)".
PUBLISHED = {
    "FLOPs": (0.950, 0.826, 0.765, 0.846, 0.437, 0.900),
    "BRP-NAS, 900 labels": (0.814, 0.796, 0.666, 0.847, 0.811, 0.801),
    "HELP, 10 labels": (0.987, 0.989, 0.802, 0.890, 0.940, 0.985),
}
PAIRS = {"FLOPs": "FLOPs", "BRP-NAS, 900 labels": "gp, 720 labels", "HELP, 10 labels": "meta-linear, 10 labels"}
POOL, QUERIES = 900, 1000  # the first cells in the official order; the next ones


def latency(device: str) -> NDArray[np.float64]:
    """Return the milliseconds of all cells as HELP's files have them."""
    table = nm.load_table("nb201")
    metric = f"latency_{device}_milliseconds"
    column = table.column("cifar10", metric, release="HELP")
    return np.asarray(column, dtype=np.float64)


def middle(cells: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the cells without the fastest and the slowest tenth, as HELP's loader does."""
    ordered = cells[np.argsort(values[cells], kind="stable")]
    return ordered[len(cells) // 10 : len(cells) - len(cells) // 10]


def correlations(draws: int) -> pd.DataFrame:
    """Return Spearman's ρ on the query cells of each device, method and draw."""
    space = get_cell_space("nb201")
    pool, rest = np.arange(POOL), np.arange(POOL, POOL + QUERIES)
    known = {device: latency(device) for device in (*SOURCES, *TARGETS)}
    sources = []
    for device in SOURCES:
        cells = middle(pool, known[device])
        held_out = (device.split("_batch")[0],)
        sources.append(SourceTask(device, "cifar10", space, cells, -known[device][cells], held_out, True, "latency"))
    learner = MetaLinear(space).meta_fit(sources)
    mean = -np.mean([normal_scores(known[device]) for device in SOURCES], axis=0)
    flops = np.asarray(space.flops(np.arange(space.size), "cifar10"), dtype=np.float64)
    rows: list[dict[str, Any]] = []

    def score(method: str, device: str, draw: int, latencies: NDArray[np.float64]) -> None:
        rho = spearmanr(latencies, known[device][queries]).statistic
        rows.append({"method": method, "device": device, "draw": draw, "spearman": float(rho)})

    for device in TARGETS:
        own, queries = middle(pool, known[device]), middle(rest, known[device])
        score("FLOPs", device, 0, flops[queries])
        score("mean of the sources, query cells timed on them", device, 0, -mean[queries])
        whole = make_predictor("gp", space=space).fit(own, np.log(known[device][own]))
        score("gp, 720 labels", device, 0, whole.predict(queries))
        for draw in range(draws):
            order = np.random.default_rng([draw, list(TARGETS).index(device)]).permutation(own)
            for n in (10, 20):
                cells = order[:n]
                adapted = learner.fit(cells, -known[device][cells])
                score(f"meta-linear, {n} labels", device, draw, -adapted.predict(queries))
            cells = order[:10]
            for name in ("gp", "ridge"):
                fitted = make_predictor(name, space=space).fit(cells, np.log(known[device][cells]))
                score(f"{name}, 10 labels", device, draw, fitted.predict(queries))
    return pd.DataFrame(rows)


def help_latency(kept: Any, output: Path) -> str:
    """Few-shot prediction of latency."""
    draws = max(2, round(50 * kept.scale))
    with one_thread():
        found, seconds = measured(kept.folder, f"{NAME}-{draws}", lambda: correlations(draws))
    values = found.set_index(["method", "device"])["spearman"]
    rows = []
    for published, own in PAIRS.items():
        for device, figure in zip(TARGETS, PUBLISHED[published], strict=True):
            row = {"device": TARGETS[device], "published method": published, "method here": own}
            rows.append(row | against(values.loc[[(own, device)]], figure, None, None, 3))
    table = pd.DataFrame(rows)
    table.to_csv(output / f"{NAME}.csv", index=False)
    every = []
    for method in found["method"].unique():
        row = {"method": method}
        row |= {label: spread(values.loc[[(method, device)]], 3) for device, label in TARGETS.items()}
        row["mean"] = f"{found[found['method'] == method].groupby('device')['spearman'].mean().mean():.3f}"
        every.append(row)
    means = {name: float(np.mean(figures)) for name, figures in PUBLISHED.items()}
    own_mean = {row["method"]: row["mean"] for row in every}
    flops = table[table["published method"] == "FLOPs"].set_index("device")["difference"].astype(float)
    worst = flops.abs().idxmax()
    lead = float(own_mean["meta-linear, 10 labels"]) - means["HELP, 10 labels"]
    body = f"""\
Ten networks were timed on a new device; the others are put in order by latency. The mean of Spearman's ρ over six
devices is {own_mean["meta-linear, 10 labels"]} here (`meta-linear`), {means["HELP, 10 labels"]:.3f} as published
for HELP, which times another ten: `meta-linear` is not shown to be better. Its design was tried out on these same
six target devices. And the row of FLOPs, in which nothing is fitted, tells how well the protocol is met: it misses
the published figures by {flops.abs().min():.3f} to {flops.abs().max():.3f}, the most on {worst}, which is more than
the lead of {lead:.3f}. By FLOPs alone the mean is {own_mean["FLOPs"]} here and {means["FLOPs"]:.3f} as published;
by `gp`, which has seen no other device, {own_mean["gp, 10 labels"]}.

{to_markdown(table)}

*Published*: Lee et al., "HELP", NeurIPS 2021, table 3, as the README of github.com/HayeonLee/HELP has it (commit
11970ec); it gives no deviations. So *standard errors* counts the spread of the {draws} draws here only, and is an
upper bound; what is fitted to no draw has none.

All that was measured, mean ± standard deviation of {draws} draws:

{to_markdown(pd.DataFrame(every))}

The protocol is that of the authors' `loader.py`, `parser.py` and `help.py` at that commit: nine source devices with
the first 900 cells of the official order, ten cells of these drawn for each target, Spearman's ρ on the next 1,000,
all without the fastest and the slowest tenth on each device. What differs:

* HELP reads the latencies of ten fixed reference cells of the new device as well (`hw_embed`), beside the ten that
  it is fitted to. `meta-linear` with 20 labels has as many, drawn at random.
* HELP trains a network by gradients of gradients, choosing the best of its epochs on four further devices (Titan X
  in three batch sizes, Gold 6240). `meta-linear` is fitted in closed form and reads none of these.
* BRP-NAS is a graph network of 900 labels. Beside it stands `gp` with the 720 of them that the loader keeps. It was
  not run again.
* `gp` and `ridge` see logarithms of the latency, `meta-linear` square roots.
* "Mean of the sources" is no method of the paper: it needs the query cells timed on the source devices.
* The design of `meta-linear` for devices was tried out on the devices of these files, the six targets among them:
  so its figures are not those of a benchmark that nobody had seen.
* How many runs each published figure is the mean of is not stated there.
"""
    write_page(output, NAME, TITLE, body, seconds, "latencies of github.com/HayeonLee/HELP (`help-latency`)")
    return f"meta-linear {own_mean['meta-linear, 10 labels']}, HELP {means['HELP, 10 labels']:.3f}; {seconds:.0f} s"
