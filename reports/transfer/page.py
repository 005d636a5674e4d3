"""The page of the benchmark of transfer: what each searcher gains over ``gp``, by family and by kind of sources."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from cases import HALVES, STRESS

from nasmeta.analysis import save_figure, to_markdown

KINDS = ("natural", *STRESS)
KEYS = ["family", "target", "sources", "labels"]
FLOOR = 2.5e-4  # a share of architectures below which two ranks are the same: four in 15,625
HARM = 1 / 1.1
FEWEST_DRAWS = 3  # of which an interval is made
SHOWN = ("meta", "multi-task-gp", "rgpe", "meta-gp", "source-order")
CHOICE = "meta, cross-fitted"
LABELS = "400"  # a source, but in the table of other numbers


def read(folder: Path) -> pd.DataFrame:
    """Return the results, with the gain of each run over the mean of ``gp`` on its target."""
    frame = pd.read_csv(folder / "results.csv", dtype={"labels": str})
    ranks = np.maximum(frame[["rank_10", "rank_25", "rank_50"]], FLOOR)
    frame["halvings"] = -np.log2(ranks).mean(axis=1)
    plain = frame[frame["searcher"] == "gp"].groupby("target")[["halvings", "evaluations"]].mean()
    reference = plain.reindex(frame["target"])
    frame["gain"] = frame["halvings"] - reference["halvings"].to_numpy()
    frame["gp"] = reference["evaluations"].to_numpy()
    return frame


def candidates(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the mean gain of each candidate on each half and kind of sources, of the draws that all have."""
    own = frame[(frame["searcher"] == "meta") | frame["searcher"].str.startswith("meta, ")]
    own = own[own["searcher"] != CHOICE]
    there = own.groupby([*KEYS, "draw"])["searcher"].transform("nunique")
    own = own[there == own["searcher"].nunique()]
    means = own.groupby([*KEYS, "searcher"])["gain"].mean().reset_index()
    means["kind"] = np.where(means["sources"] == "natural", "natural", "stress")
    means["half"] = [next(half for half, families in HALVES.items() if name in families) for name in means["family"]]
    return means.pivot_table(index="searcher", columns=["half", "kind"], values="gain")


def choose(frame: pd.DataFrame, half: str) -> str:
    """Return the candidate of the highest mean gain on a half of the families, natural and stress sources alike."""
    return str(candidates(frame)[half].mean(axis=1).idxmax())


def with_choice(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Add rows of what was chosen on the other half of the families."""
    halves = [half for half, families in HALVES.items() if frame["family"].isin(families).any()]
    if len(halves) < 2:
        return frame, {}
    chosen = {half: choose(frame, other) for half, other in zip(halves, reversed(halves), strict=True)}
    parts = [
        frame[frame["family"].isin(HALVES[half]) & (frame["searcher"] == name)].assign(searcher=CHOICE)
        for half, name in chosen.items()
    ]
    return pd.concat([frame, *parts], ignore_index=True), chosen


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return of each case the draws that all shown searchers have, and the runs of ``gp`` of the same draws."""
    names = [name for name in SHOWN if name in set(frame["searcher"])]
    own = frame[frame["searcher"].isin(names)]
    kept = own[own.groupby([*KEYS, "draw"])["searcher"].transform("nunique") == len(names)]
    pairs = kept[[*KEYS, "draw"]].drop_duplicates()
    plain = frame[frame["searcher"] == "gp"]
    beside = pairs.merge(plain.drop(columns=["sources", "labels"]), on=["family", "target", "draw"])
    chosen = pairs.merge(frame[frame["searcher"] == CHOICE], on=[*KEYS, "draw"])
    return pd.concat([kept, beside, chosen], ignore_index=True)


def ratios(frame: pd.DataFrame) -> pd.DataFrame:
    """Return for each case and searcher the mean evaluations of ``gp`` over its own, with a bootstrap interval."""
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
        rows.append([*key, len(mine), gp.mean() / mine.mean(), low, high, own["gain"].mean()])
    return pd.DataFrame(rows, columns=[*KEYS, "searcher", "draws", "ratio", "low", "high", "gain"])


def geometric(part: pd.DataFrame) -> tuple[float, float, float]:
    """Return the geometric mean of the ratios and its 95 % interval by a bootstrap over targets, not over cases."""
    logs, rng = np.log(part["ratio"]), np.random.default_rng(0)
    of_target = logs.groupby(part["target"])
    sums, sizes = of_target.sum().to_numpy(), of_target.size().to_numpy()
    drawn = rng.integers(len(sums), size=(2000, len(sums)))
    draws = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return tuple(np.exp([logs.mean(), *np.quantile(draws, (0.025, 0.975))]))  # type: ignore[return-value]


def said(values: tuple[float, float, float]) -> str:
    """Return a mean with its interval."""
    return "×{:.2f} [{:.2f}, {:.2f}]".format(*values)


def by(found: pd.DataFrame, column: str, order: tuple[str, ...], searchers: list[str]) -> pd.DataFrame:
    """Return geometric means of the speed-up, a row a searcher, a column a family or a kind of sources."""
    rows = []
    for searcher in searchers:
        own = found[found["searcher"] == searcher]
        row = {"searcher": f"`{searcher}`"}
        for name in order:
            part = own[own[column] == name]
            if len(found[found[column] == name]):
                row[name] = said(geometric(part)) if len(part) else "–"
        rows.append(row)
    return pd.DataFrame(rows)


def harm(found: pd.DataFrame, searchers: list[str]) -> pd.DataFrame:
    """Return how many cases each searcher slows down, beyond chance and in the mean, and its worst case."""
    rows = []
    for searcher in searchers:
        own = found[found["searcher"] == searcher]
        row = {"searcher": f"`{searcher}`"}
        for kind, part in (("natural", own[own["sources"] == "natural"]), ("stress", own[own["sources"] != "natural"])):
            if not len(part):
                continue
            worst = part.loc[part["ratio"].idxmin()]
            row[f"{kind}: slower by more than 10 %"] = f"{(part['ratio'] < HARM).sum()} of {len(part)}"
            tested = part["high"].notna().sum()
            row[f"{kind}: beyond chance"] = f"{(part['high'] < 1).sum()} of {tested} tested"
            row[f"{kind}: worst case"] = f"×{worst['ratio']:.2f} {worst['target']}" + (
                f", {worst['sources']}" if kind == "stress" else ""
            )
        rows.append(row)
    return pd.DataFrame(rows)


def candidate_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the gains of the candidates for the page."""
    table = candidates(frame)
    table.columns = [f"half {half}, {kind}" for half, kind in table.columns]
    return table.map("{:.2f}".format).rename(index=lambda name: f"`{name}`").reset_index()


def plain_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what searchers without sources need, mean evaluations of each family."""
    own = frame[frame["sources"] == "-"]
    table = own.groupby(["searcher", "family"])["evaluations"].mean().unstack()
    return table.round(0).astype("Int64").rename(index=lambda name: f"`{name}`").reset_index()


def picture(found: pd.DataFrame, path: Path) -> None:
    """Draw the gain of each case, a row a kind of sources, a colour a searcher."""
    names = [name for name in SHOWN if name in set(found["searcher"])]
    kinds = [kind for kind in KINDS if kind in set(found["sources"])]
    figure, axes = plt.subplots(figsize=(7, 0.9 + 0.75 * len(kinds)), layout="constrained")
    for i, name in enumerate(names):
        for j, kind in enumerate(kinds):
            gains = found[(found["searcher"] == name) & (found["sources"] == kind)]["gain"].to_numpy()
            y = -j - 0.32 + 0.64 * i / max(1, len(names) - 1)
            axes.scatter(gains, np.full(len(gains), y), s=9, alpha=0.4, color=f"C{i}", linewidths=0)
            axes.scatter(gains.mean(), y, s=60, marker="|", color=f"C{i}", label=name if j == 0 else None)
    axes.axvline(0, color="0.5", linewidth=0.8)
    axes.set(
        yticks=-np.arange(len(kinds)), yticklabels=[f"{kind} sources" if kind == "natural" else kind for kind in kinds]
    )
    axes.set_xlabel("gain over gp: halvings of the share of better architectures")
    figure.legend(loc="outside upper center", ncols=len(names), frameon=False)
    save_figure(figure, path, formats=("png",))


def paragraph(text: str) -> str:
    """Fill lines."""
    return textwrap.fill(" ".join(text.split()), 118, break_on_hyphens=False)


def folded(table: pd.DataFrame) -> str:
    """Return a wide table below a line that unfolds it."""
    return f"<details><summary>Table</summary>\n\n{to_markdown(table).strip()}\n\n</details>"


def summary(found: pd.DataFrame, chosen: dict[str, str]) -> str:
    """Return the findings."""
    natural, stress = found[found["sources"] == "natural"], found[found["sources"] != "natural"]
    lines = ["How many times fewer evaluations than `gp` each needs, geometric mean over targets (above 1 is faster)."]
    for title, part in (("natural sources", natural), ("stress sources", stress)):
        means = {
            name: geometric(part[part["searcher"] == name])
            for name in (*SHOWN, CHOICE, "gp")
            if len(part[part["searcher"] == name])
        }
        if means:
            told = ", ".join(f"`{name}` {said(values)}" for name, values in means.items())
            lines.append(f"With {title}: {told}.")
    if chosen:
        lines.append(
            "Cross-fitting chose "
            + ", ".join(f"`{name}` for half {half}" for half, name in chosen.items())
            + f"; the row `{CHOICE}` reports each choice on the families that had no part in it."
        )
    return paragraph(" ".join(lines))


def verdict(chosen: dict[str, str]) -> str:
    """Say whether the default is what the halves chose."""
    own = [half for half, name in chosen.items() if name == "meta"]
    if len(own) == len(chosen):
        return "Each half chose `meta`, the default, so its figures on the other half had no part in the choice."
    return (
        f"The default is `meta`, which {len(own)} of {len(chosen)} halves chose; on the families of the half that "
        "chose it, its figures are not free of the choice."
    )


def by_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the speed-up of each searcher by the number of labels a source has, on the cases and draws of all."""
    numbers = sorted(set(frame["labels"]) - {"-"}, key=lambda text: float("inf") if text == "all" else int(text))
    rows = []
    for kind in ("natural", "stress"):
        for name in SHOWN:
            own = frame[(frame["searcher"] == name) & ((frame["sources"] == "natural") == (kind == "natural"))]
            there = own.groupby(["target", "sources", "draw"])["labels"].transform("nunique")
            own = own[there == len(numbers)]
            if not len(own):
                continue
            row = {"sources": kind, "searcher": f"`{name}`", "cases": own.groupby(["target", "sources"]).ngroups}
            for number in numbers:
                part = own[own["labels"] == number].groupby(["target", "sources"])[["gp", "evaluations"]].mean()
                ratio = (part["gp"] / part["evaluations"]).rename("ratio").reset_index()
                row[f"{number} labels"] = said(geometric(ratio))
            rows.append(row)
    return pd.DataFrame(rows)


def write_page(folder: Path) -> None:
    """Write README.md and gains.png beside results.csv."""
    whole = read(folder)
    frame, chosen = with_choice(whole[whole["labels"].isin(["-", LABELS])])
    found = ratios(frame)
    searchers = [name for name in (*SHOWN, CHOICE, "gp") if name in set(found["searcher"])]
    families = tuple(family for half in HALVES.values() for family in half)
    natural, stress = found[found["sources"] == "natural"], found[found["sources"] != "natural"]
    draws = found["draws"]
    listed = "; ".join(f"half {half}: {', '.join(names)}" for half, names in HALVES.items())
    parts = [
        "# Transfer on tasks unlike their sources",
        summary(found, chosen),
        "![Gains over gp](gains.png)",
        "## Natural sources: all tasks of the family but those of the target's dataset",
        paragraph(NATURAL_TEXT),
        folded(by(natural, "family", families, searchers)),
        "## Stress sources",
        paragraph(STRESS_TEXT.format(targets=stress["target"].nunique(), families=stress["family"].nunique())),
        to_markdown(by(found, "sources", KINDS[1:], searchers)).strip(),
        "## Who is slowed down",
        paragraph(HARM_TEXT),
        folded(harm(found, searchers)),
        "## How the default was chosen",
        paragraph(CHOICE_TEXT.format(halves=listed, verdict=verdict(chosen))),
        to_markdown(candidate_table(frame)).strip(),
        *(
            ["## Fewer and more labels", paragraph(LABELS_TEXT), to_markdown(by_labels(whole)).strip()]
            if set(whole["labels"]) - {"-", LABELS}
            else []
        ),
        "## Without sources",
        paragraph(PLAIN_TEXT),
        to_markdown(plain_table(frame)).strip(),
        "## How it was run",
        paragraph(
            RUN_TEXT.format(
                draws=" to ".join(map(str, sorted({draws.min(), draws.max()}))),
                labels=" and ".join(sorted(set(natural["labels"]))),
            )
        ),
    ]
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    picture(found, folder / "gains")
    print(f"Written: {folder / 'README.md'}")


NATURAL_TEXT = """
Mean evaluations of `gp`, which has no sources, over those of the searcher, until one of the best 0.1 % is found; a run
that finds none counts 100. Geometric mean over the targets of a family, and a 95 % interval by a bootstrap over them.
Above 1 is faster than `gp`. Few runs inflate all ratios: the row `gp` has its runs of the same draws against all that
it has, and should be 1. `robust` and `latency` have the accuracies on the other two datasets as sources of targets
on the same cells: adversarial accuracy and milliseconds on a device, for which accuracy is a poor guide."""

STRESS_TEXT = """
Made of real columns. *Reversed*: the best of a source is its worst. *Permuted*: values shuffled among cells. *One
sister*: one natural source among six strangers, which are natural sources whose choices were renamed at random in each
position; they are somewhat less smooth in live paths and counts, and on `graph`, where renaming leads out of the space,
they lose half of the labels before 400 are drawn. *Wrong at the top*: the best tenth has changed values with the cells
between the 40 % and the 50 % quantile from the top. Each kind has {targets} targets, from {families} families."""

HARM_TEXT = """
Cases are targets with a kind of sources. *Beyond chance*: the 95 % interval of the ratio, by a bootstrap over the runs,
ends below 1, of those cases that have three draws or more; with so few that is a weak test."""

CHOICE_TEXT = """
The gain of a run over `gp` is measured in halvings of the share of architectures that are better than its best, the
mean after 10, 25 and 50 evaluations: it is steadier than the number of evaluations to a hit. The candidates differ in
how many of the first five cells are drawn at random, and in their members. One half of the families chooses for the
other ({halves}): the candidate of the highest gain, natural and stress sources counting the same, on the draws that all
candidates have. {verdict} The candidates themselves were narrowed beforehand, with 1,000 labels a source and other
draws, on tasks of tnb101, tnb101-macro, nb201, robust and graph, so there not even the row `meta, cross-fitted` is free
of all choices; hpobench-mlp, graphgym, latency and fcnet had no part in it."""

LABELS_TEXT = """
As above, by how many labels each source has; *all* are all that its table has. Only cases and draws that have all
columns count, one or two draws a case, so compare columns and not these figures with those above."""

PLAIN_TEXT = """
Mean evaluations to one of the best 0.1 %, at most 100, of searchers without sources."""

RUN_TEXT = """
`python reports/transfer/run.py` runs everything and writes this page; `--draws` asks for more, `--searcher` of some,
and what results.csv has is not run again. Draws behind a figure: {draws}, the same of all searchers in a case but
those of the last three tables; each draws anew which labels a source has ({labels} of each), the permutations, and
the searcher's seed. Few draws: intervals over targets say how targets differ, not how runs do. Where no table above
has them, other numbers of labels (`--labels`) were not run. `fcnet` was measured last, when the default had long been
chosen. Searchers learn from what the case allows and from nothing of the target. Targets of which more than four
times 0.1 % of the architectures tie for the best are left out. [Few-shot prediction](few_shot.md) and the
[searchers with a transformer](../meta/in_context/search.md) have pages of their own."""
