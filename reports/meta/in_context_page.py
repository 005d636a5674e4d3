"""The page of the in-context learner, from its rows and those of the other learners."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent / "transfer"))

from cases import HALVES
from few_shot import LABELS, SOURCE_LABELS, paragraph
from in_context_tasks import GROUPS

from nasmeta.analysis import to_markdown
from nasmeta.meta.in_context._network import read_weights, shipped_weights

TRANSFER = Path(__file__).parent.parent / "transfer"
SEARCHED = 50  # evaluations of a search
CASE = ["family", "target", "sources"]
RIVALS = ("meta-linear", "meta-dkl", "maml")


TRIED = """\
The weights of a case have not seen its group of families. What a person chose is another matter, and was looked at on
families that are reported here:

* The first version compared cells by the count features alone. On targets of seven families, with 15 and 50 labels,
  its process of the labels fell short of the predictor `gp` where cells are graphs, with fitted and averaged
  hyperparameters alike; the columns that `gp` reads closed most of the gap there and lost on `hpobench-mlp`. So both
  kinds of similarity are there, and the network weighs them. On the same targets a few lengths, noises and scales
  were compared.
* Zero-cost proxies, for spaces that have some, were added after a first measurement on the group of `nb201`, since
  `meta-linear` reads them and was ahead on robustness. Processes with and without them are weighed by likelihood. The
  network was not trained with them. On `tnb101` nobody had looked before.
* It blends by default although it gains little by that on either half: on a made-up space of five-node cells, unlike
  all in its training, it was below a plain `gp` on its own, and blended it was not.
* Width, layers, learning rate, steps and the mixture of sources were set once and not varied."""


def write_page(folder: Path) -> None:
    """Write README.md in a folder."""
    own = pd.read_csv(folder / "few_shot.csv")
    others = pd.read_csv(TRANSFER / "few_shot.csv")
    others = others[others["method"].isin(RIVALS)]
    plain = others.groupby([*CASE, "labels", "draw"], as_index=False)["gp"].first()
    own = own.merge(plain, on=[*CASE, "labels", "draw"], how="left")
    frame = pd.concat([own, others], ignore_index=True)
    means = frame.groupby([*CASE, "method", "labels"], sort=False)[["gp", "own", "blended"]].mean().reset_index()
    asked = own[CASE].drop_duplicates()
    means = means.merge(asked, on=CASE)
    parts = [
        "# One transformer for all families, given a target's labels and its sources",
        paragraph(_summary(means)),
        "## Few labels",
        paragraph(
            "Mean of Kendall's τ over the cases, each a target with natural or misleading sources, from draws of "
            f"labels that all learners share. Sources have {SOURCE_LABELS} labels each and nothing of the target's "
            "data set. Each entry: the learner on its own → **blended** with processes of the target, the default."
        ),
        to_markdown(_by_labels(means)).strip(),
        paragraph(
            f"Halves are those of the benchmark of transfer: A is {', '.join(HALVES['A'])}; B is "
            f"{', '.join(HALVES['B'])}. What was chosen on which family stands under “What was tried”."
        ),
        *[_details(means, labels) for labels in (0, *LABELS)],
        "## What each weights' file has seen",
        to_markdown(_seen()).strip(),
        paragraph(
            '`weights="auto"` takes the file with the most families that knows neither the space nor a data set or '
            "device of the sources; one that is named and knows them is refused. The report fails where a file has "
            "seen the family that it is asked about."
        ),
        *_searches(folder),
        "## How it works",
        paragraph(
            "Six experts predict each cell: processes of the labels alone, and around what the sources say, each with "
            "two kinds of similarity (the count features of the project's kernel, and what the predictor `gp` reads); "
            "the sources' mean; and the sources that agree most with the labels. Hyperparameters are averaged by "
            "likelihood, not maximised, and a labelled cell is predicted without its own label. The transformer reads "
            "these predictions, the experts' errors at labelled cells, and how near these are; it weighs the experts "
            "cell by cell, adds a correction and says a deviation. It reads no feature itself, only similarities, so "
            "it fits any space. Trained on episodes of real tasks and, one in four, of functions drawn from processes; "
            "sources are natural, reversed, permuted, one sister among strangers, or wrong at the top; contexts have 0 "
            "to 100 labels, drawn at random or as a search would."
        ),
        *_training(folder),
        "## What was tried",
        TRIED,
        "`python reports/meta/in_context_train.py` trains, `python reports/meta/in_context.py` measures what is "
        "missing and writes this page.",
    ]
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"Written: {folder / 'README.md'}")


def _summary(means: pd.DataFrame) -> str:
    """Say first whether it is better than what was there."""
    rng, said, ties = np.random.default_rng(0), [], []
    for labels in LABELS:
        some = means[means["labels"] == labels]
        mine = some[some["method"] == "in-context"].set_index(CASE)["blended"]
        others = some[some["method"].isin(RIVALS)].pivot_table(index=CASE, columns="method", values="blended")
        best = str(others.mean().idxmax())
        ahead = (mine - others[best]).dropna().to_numpy()
        low, high = np.quantile(rng.choice(ahead, (2000, len(ahead))).mean(axis=1), (0.025, 0.975))
        said.append(
            f"{mine.mean():.3f} at {labels} labels, `{best}` {others[best].mean():.3f} ({ahead.mean():+.3f}, 95 % "
            f"interval over the cases {low:+.3f} to {high:+.3f})"
        )
        ties += [] if low > 0 else [str(labels)]
    before = means[means["labels"] == 0].groupby("method")["own"].mean()
    first = str(before.idxmax())
    own = means[(means["method"] == "in-context") & (means["labels"] == 50)]
    harmed, alone = (((own["gp"] - own[part]) > 0.02).sum() for part in ("blended", "own"))
    return (
        "On families that its weights have not seen, all learners blended as by default, Kendall's τ and that of the "
        "best other learner: "
        f"{'; '.join(said)}. So it is ahead where labels are few, and no more than a tie at "
        f"{' and '.join(ties) or 'none of these numbers'} labels. Before any label it has only the sources' mean: "
        f"{before['in-context']:.3f}, `{first}` {before[first]:.3f}. At 50 labels it is more than .02 below a plain "
        f"`gp` in {harmed} of {len(own)} cases, on its own in {alone}. The others are trained on the sources, "
        "which it only reads. Its design was looked at on some of these targets (“What was tried”)."
    )


def _by_labels(means: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each number of labels, in all and in each half."""
    halves = {family: half for half, families in HALVES.items() for family in families}
    rows = []
    for half in ("all", *HALVES):
        some = means if half == "all" else means[means["family"].map(halves) == half]
        for labels in (0, *LABELS):
            part = some[some["labels"] == labels]
            if part.empty:
                continue
            row: dict[str, object] = {"families": half, "labels": labels}
            row["cases"] = len(part[part["method"] == "in-context"])
            row["`gp`"] = "" if not labels else f"{part[part['method'] == 'in-context']['gp'].mean():.3f}"
            for method in ("in-context", *RIVALS):
                one = part[part["method"] == method]
                row[f"`{method}`"] = _entry(one, labels, 3)
            rows.append(row)
    return pd.DataFrame(rows)


def _entry(some: pd.DataFrame, labels: int, digits: int) -> str:
    """Return the means of what a learner reaches on its own and blended."""
    own, blended = (f"{some[part].mean():.{digits}f}" for part in ("own", "blended"))
    if not labels:
        return own
    return f"{own} → **{blended}**"


def _details(means: pd.DataFrame, labels: int) -> str:
    rows = []
    for (_, target, sources), part in means[means["labels"] == labels].groupby(CASE, sort=False):
        row: dict[str, object] = {"target": target, "sources": sources}
        if labels:
            row["`gp`"] = f"{part['gp'].mean():.2f}"
        for method in ("in-context", *RIVALS):
            one = part[part["method"] == method]
            if len(one):
                row[f"`{method}`"] = _entry(one, labels, 2)
        rows.append(row)
    table = to_markdown(pd.DataFrame(rows).fillna("")).strip()
    return f"<details><summary>{labels} labels</summary>\n\n{table}\n\n</details>"


def _seen() -> pd.DataFrame:
    rows = []
    for name, path in shipped_weights().items():
        card = read_weights(path).card
        apart = [f for families in GROUPS.values() for f in families if f not in card["families"]]
        rows.append({
            "file": name, "kB": f"{path.stat().st_size / 1000:.0f}", "has seen": ", ".join(card["families"]),
            "is used here on": ", ".join(apart) or "nothing: for a user's own space",
        })  # fmt: skip
    return pd.DataFrame(rows)


def _training(folder: Path) -> list[str]:
    """Say how long the trainings took, and what the network adds to its experts on episodes of unseen families."""
    path = folder / "training.csv"
    if not path.is_file():
        return []
    frame = pd.read_csv(path)
    rows = []
    for (without, labels), part in frame.dropna(subset=["labels"]).groupby(["without", "labels"], sort=False):
        one = part.iloc[0]
        rows.append({
            "left out": without, "labels": int(labels), "network": f"{one['network']:.3f}",
            "best expert": f"{one['best_expert']:.3f}", "mean of the experts": f"{one['mean_of_experts']:.3f}",
        })  # fmt: skip
    times = frame.groupby("without")["seconds"].first()
    table = to_markdown(pd.DataFrame(rows)).strip()
    return [
        paragraph(
            f"A training took {times.min():.0f} to {times.max():.0f} seconds on one thread of a machine that others "
            f"used, {times.sum() / 60:.0f} minutes for the {len(times)} files together. Below, τ on episodes of the "
            "families that were left out; the best expert is that of each group and number of labels, known only "
            "afterwards."
        ),
        f"<details><summary>Network and experts</summary>\n\n{table}\n\n</details>",
    ]


def _runs(searches: pd.DataFrame) -> str:
    """Say how many runs a case has."""
    runs = searches.groupby([*CASE, "settings"]).size()
    return f"{runs.min()} runs" if runs.min() == runs.max() else f"{runs.min()} to {runs.max()} runs"


def _searches(folder: Path) -> list[str]:
    """Compare searches with those of the benchmark of transfer on the same seeds."""
    path, known = folder / "search.csv", TRANSFER / "results.csv"
    if not path.is_file() or not known.is_file():
        return []
    mine, theirs = pd.read_csv(path), pd.read_csv(known)
    keys = ["family", "target", "draw"]
    theirs = theirs.assign(evaluations=theirs["evaluations"].clip(upper=SEARCHED))
    gp = theirs[theirs["searcher"] == "gp"].set_index(keys)
    meta = theirs[(theirs["searcher"] == "meta") & (theirs["labels"] == str(SOURCE_LABELS))]
    meta = meta.set_index([*keys, "sources"])
    rows = []
    for (_, target, sources), part in mine.groupby(CASE, sort=False):
        of_first = part[part["settings"] == part["settings"].iloc[0]]
        at = [tuple(one) for one in of_first[keys].itertuples(index=False)]
        if not all(one in gp.index and (*one, sources) in meta.index for one in at):
            continue
        beside = meta.loc[[(*one, sources) for one in at]]
        needed = {name: one["evaluations"] for name, one in part.groupby("settings", sort=False)}
        rank = {name: one["rank"] for name, one in part.groupby("settings", sort=False)}
        needed |= {"meta": beside["evaluations"], "gp": gp.loc[at, "evaluations"]}
        rank |= {"meta": beside["rank_50"], "gp": gp.loc[at, "rank_50"]}
        rows.append({
            "target": target, "sources": sources,
            **{f"`{name}`": float(values.mean()) for name, values in needed.items()},
            **{f"rank `{name}`": 100 * float(values.mean()) for name, values in rank.items()},
        })  # fmt: skip
    if not rows:
        return []
    frame = pd.DataFrame(rows)

    def gain(some: pd.DataFrame, name: str) -> str:
        return f"{np.exp(np.log(some['`gp`'] / some[f'`{name}`']).mean()):.2f}"

    names = list(mine["settings"].unique())
    natural, stressed = frame[frame["sources"] == "natural"], frame[frame["sources"] != "natural"]
    seconds = (mine["seconds"] / SEARCHED).groupby(mine["family"]).mean()
    shown = frame.copy()
    for column in frame.columns[2:]:
        shown[column] = frame[column].map("{:.1f}".format if not column.startswith("rank") else "{:.2f} %".format)
    return [
        "## As a searcher",
        paragraph(
            f"`in-context-ucb`, {SEARCHED} evaluations, {_runs(mine)} of a case, by the deviations β that the bound "
            "adds (0.5: the default of any meta-predictor as a searcher). Evaluations to one of the best 0.1 % (a run "
            f"that finds none counts as {SEARCHED}) relative to `gp` on the same seeds, geometric mean: "
            + "; ".join(
                f"{kind} sources ({len(some)} cases) "
                + ", ".join(f"`{name}` {gain(some, name)}" for name in (*names, "meta"))
                for kind, some in (("natural", natural), ("misleading", stressed))
                if len(some)
            )
            + f". A step took {1000 * seconds.min():.0f} to {1000 * seconds.max():.0f} ms by family. As a member of "
            "`meta` it changed nothing. On its own it begins with the sources' favourites, and where "
            "these are the target's worst, their values tell little, or tie as failed networks do. By default "
            "it falls back: it competes with `gp`, and chance draws two of the first five cells."
        ),
        "<details><summary>Evaluations, and rank of the best after the last</summary>\n\n"
        + to_markdown(shown).strip()
        + "\n\n</details>",
    ]
