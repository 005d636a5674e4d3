"""How well predictors order the cells of NAS-Bench-201 from few labels: τ, calibration and seconds.

Run with ``python reports/predictors/run.py`` after ``nasmeta data fetch meco constrained-tpe zero-cost-nb201``; writes
README.md, results.csv and the figures beside this file. ``--folder`` keeps the journals, so that a killed run goes on;
the networks need PyTorch, and ``--without-neural`` leaves them out. ``--only NAME`` measures one predictor
of the first part and takes all else from results.csv; the figures stay.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.analysis import plot_calibration, plot_predictions, save_figure, summarise_predictions, to_markdown

HERE = Path(__file__).parent
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
NEURAL = {"mlp:default+proxies": 3, "gnn": 3, "transformer": 3}  # the slowest
NEURAL_SIZES = (78, 781)
HALF = {"nwot": 3, "ridge": 3, "xgboost": 3, "xgboost:default+proxies": 3, BEST: 1}  # a GP on 7,812 labels is slow
PUBLISHED = {  # all cells scored; as stated in public repositories, not measured here
    "NP": (0.343, 0.413, 0.584, 0.634, 0.646),
    "TNASP": (0.539, 0.589, 0.640, 0.689, 0.724),
    "PINAT": (0.549, 0.631, 0.706, 0.761, 0.784),
    "ParZC": (0.638, 0.713, 0.805, 0.831, 0.855),
}
AIM = (0.75, 0.80, 0.84, 0.86, 0.88)


def measure(folder: Path, scale: float, neural: bool, only: list[str] | None) -> dict[str, pd.DataFrame]:
    """Run every part, or some predictors of the first; a part that is finished in its journal costs nothing."""

    def part(name: str, plan: dict[str, int], task: str = "nb201/cifar10", **options: object) -> pd.DataFrame:
        frames = []
        for predictor, draws in plan.items():
            print(f"{name}: {predictor}, {max(1, round(draws * scale))} draws", flush=True)
            frames.append(
                nm.predict(predictor, task, draws=max(1, round(draws * scale)), folder=folder / name, **options).frame
            )
        return pd.concat(frames, ignore_index=True)

    if only:
        chosen = [{name: plan[name] for name in only if name in plan} for plan in (DRAWS, NEURAL)]
        plans = zip(chosen, (SIZES, NEURAL_SIZES), strict=True)
        return {"few": pd.concat([part("few", plan, sizes=sizes) for plan, sizes in plans if plan])}
    frames = {"few": part("few", DRAWS, sizes=SIZES)}
    if neural:
        frames["few"] = pd.concat([frames["few"], part("few", NEURAL, sizes=NEURAL_SIZES)], ignore_index=True)
    frames["function"] = part("function", {BEST: 3}, sizes=SHOWN, rule="function")
    for dataset in ("cifar100", "imagenet16-120"):
        frames[dataset] = part(dataset, {BEST: 3}, f"nb201/{dataset}", sizes=SHOWN)
    frames["half"] = part("half", HALF, protocol="half")
    return frames


def joined(new: pd.DataFrame, former: Path) -> pd.DataFrame:
    """Return former results with those of some predictors of the first part measured anew, in the order of the plan."""
    old = pd.read_csv(former)
    few = pd.concat([old[(old.part == "few") & ~old.predictor.isin(new.predictor)], new])
    place = {name: i for i, name in enumerate([*DRAWS, *NEURAL])}
    few = few.sort_values("predictor", key=lambda names: names.map(place), kind="stable")
    return pd.concat([few, old[old.part != "few"]], ignore_index=True)


def tau_table(summary: pd.DataFrame, scope: str, sizes: tuple[int, ...], interval: bool = True) -> pd.DataFrame:
    """One row a predictor, one column a number of labels."""
    rows = []
    for name, of_name in summary[summary.scope == scope].groupby("predictor", sort=False):
        row: dict[str, object] = {"predictor": name, "draws": int(of_name.draws.max())}
        by_size = of_name.set_index("n_train")
        for n in sizes:
            if n not in by_size.index:
                row[f"{n:,}"] = "–"
                continue
            one = by_size.loc[n]
            half = (one.kendall_tau_high - one.kendall_tau_low) / 2
            row[f"{n:,}"] = f"{one.kendall_tau:.3f}" + (f" ± {half:.3f}" if interval and half >= 0.0005 else "")
        rows.append(row)
    return pd.DataFrame(rows)


def against_published(summary: pd.DataFrame) -> pd.DataFrame:
    """The best predictor beside published ones, all cells scored."""
    best = summary[(summary.scope == "all") & (summary.predictor == BEST)].set_index("n_train").kendall_tau
    rows = {f"{BEST} (here)": [f"{best[n]:.3f}" for n in SHOWN], "aim of this project": [f"{a:.2f}" for a in AIM]}
    rows |= {f"{name} (as published)": [f"{tau:.3f}" for tau in taus] for name, taus in PUBLISHED.items()}
    return pd.DataFrame([{"": name} | dict(zip(map(str, SHOWN), row, strict=True)) for name, row in rows.items()])


def seconds_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Seconds at 781 labels."""
    rows = summary[(summary.n_train == 781) & (summary.scope == "all")]
    table = rows[["predictor", "fit_seconds", "predict_seconds", "cpu_seconds"]].copy()
    for name in table.columns[1:]:
        table[name] = [f"{value:.2f}" for value in table[name]]
    return table


def calibration_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Coverage, CRPS and error of those that know a deviation."""
    rows = summary[(summary.scope == "isomorph-disjoint") & summary.n_train.isin((78, 781)) & summary.crps.notna()]
    table = rows[["predictor", "n_train", "rmse", "crps", "coverage_50", "coverage_80", "coverage_95"]].copy()
    for name in table.columns[2:]:
        table[name] = [f"{value:.2f}" for value in table[name]]
    return table


def ceiling() -> float:
    """τ between validation and test of all cells: what even all labels would not exceed by much."""
    table = nm.load_table("nb201")
    test = table.column("cifar10", "accuracy", split="test", epochs=200, seed="mean", release="NB201 v1.1")
    return float(kendalltau(nm.get_task("nb201/cifar10").values, test).statistic)


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep the journals here")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the number of draws, for a trial")
    parser.add_argument("--only", action="append", choices=[*DRAWS, *NEURAL], help="measure this one, keep the others")
    parser.add_argument("--without-neural", action="store_true", help="leave the networks out")
    parser.add_argument("--output", type=Path, default=HERE)
    arguments = parser.parse_args()
    output = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder, neural = arguments.folder or Path(temporary), not arguments.without_neural
        frames = measure(folder, arguments.scale, neural, arguments.only)
    every = pd.concat([summarise_predictions(frame).assign(part=name) for name, frame in frames.items()])
    if arguments.only:
        every = joined(every, HERE / "results.csv")
    else:
        few = frames["few"]
        drawn = few[few.predictor.isin([BEST, "ensemble", "gp", "xgboost", "ridge", "nwot", "parameters"])]
        save_figure(plot_predictions(drawn), output / "kendall_tau")
        save_figure(plot_calibration(drawn, [78, 781]), output / "calibration")
    every.to_csv(output / "results.csv", index=False, float_format="%.5g")
    of_part = {str(name): own for name, own in every.groupby("part", sort=False)}
    summary, half = of_part["few"], of_part["half"]
    disjoint = summary[(summary.scope == "isomorph-disjoint") & (summary.predictor == BEST)].set_index("n_train")
    every_cell = summary[(summary.scope == "all") & (summary.predictor == BEST)].set_index("n_train")
    others = pd.concat(
        [
            tau_table(of_part[d], scope, SHOWN).assign(dataset=d, scored=scope)
            for d in ("cifar100", "imagenet16-120")
            for scope in ("isomorph-disjoint", "all")
        ]
    )
    text = TEXT.format(
        best=BEST,
        tau=f"{disjoint.kendall_tau[781]:.3f}",
        low=f"{disjoint.kendall_tau_low[781]:.3f}",
        high=f"{disjoint.kendall_tau_high[781]:.3f}",
        tau_all=f"{every_cell.kendall_tau[781]:.3f}",
        draws=int(disjoint.draws[781]),
        few_disjoint=to_markdown(tau_table(summary, "isomorph-disjoint", SIZES)),
        few_all=to_markdown(tau_table(summary, "all", SIZES)),
        few_unseen=to_markdown(tau_table(summary, "unseen", SIZES, interval=False)),
        published=to_markdown(against_published(summary)),
        half_disjoint=to_markdown(tau_table(half, "isomorph-disjoint", (7812,))),
        half_unseen=to_markdown(tau_table(half, "unseen", (7812,))),
        function=to_markdown(tau_table(of_part["function"], "isomorph-disjoint", SHOWN)),
        others=to_markdown(others[["dataset", "scored", *[c for c in others if c not in ("dataset", "scored")]]]),
        seconds=to_markdown(seconds_table(summary)),
        calibration=to_markdown(calibration_table(summary)),
        ceiling=f"{ceiling():.3f}",
        neural=" Not in these tables: mlp, gnn, transformer." if arguments.without_neural else "",
        flag=" --without-neural" if arguments.without_neural else "",
        versions=f"nasmeta {nm.__version__}, numpy {np.__version__}, {platform.machine()}",
    )
    (output / "README.md").write_text(text, encoding="utf-8")
    print(tau_table(summary, "isomorph-disjoint", SHOWN).to_string(index=False))
    print(tau_table(summary, "all", SHOWN).to_string(index=False))


TEXT = """# Predictors: the order of 15,625 cells from few labels

* **To quote:** from 781 validation labels, `{best}` orders the cells of NAS-Bench-201 that
  share no isomorph with a labelled one by their CIFAR-10 test accuracy with Kendall's τ-b {tau} (95 % interval {low} to
  {high}; mean of {draws} draws).
* Scored on all cells, as published work does, it reaches {tau_all}, because copies of labelled networks are looked up.
* Label noise caps any predictor near {ceiling}, the τ-b between validation and test accuracy.
* Not shown: how well the predictors do on data sets that took no part in choosing their settings. Encoders, kernels
  and settings were chosen on CIFAR-100, which agrees with the other two data sets.

![Kendall's τ against the number of labels](kendall_tau.png)

Labels: validation accuracy after 200 epochs, mean of the measured seeds (NATS-tss v1.0), of n random cells. Truth: test
accuracy of the networks trained on all of CIFAR-10 (NB201 v1.1). ± is half of the 95 % bootstrap interval of the mean
over the draws, a rough one with 3 to 5 draws; – means not run. All predictors see the same draws, and those with fewer
draws see the first ones; a draw with more labels contains those with fewer. `NAME:ENCODER` is a predictor on an
encoding, `a/b` an ensemble of a and b, `ensemble` is gp/xgboost.{neural}

## No isomorph of a scored cell has a label

<details><summary>τ-b of all predictors, 10 to 1,563 labels</summary>

{few_disjoint}
</details>

## Score all cells, as published work does

<details><summary>τ-b of all predictors, 10 to 1,563 labels</summary>

{few_all}
</details>

The first table is lower because 15,625 cells are 6,466 networks. With n random cells labelled, many others are copies
of them, with copied or repeated results. Scoring all cells, or even all that have no label, rewards looking these up,
the more the larger n. Every figure of this protocol has that fault. The choice of cells is hardly the reason: the
orders without labels (nwot, synflow, parameters) look nothing up, and differ little between the two tables. With 10
or 20 labels they match most fits.

Cells without a label, isomorphs of labelled ones included:

<details><summary>τ-b of all predictors, 10 to 1,563 labels</summary>

{few_unseen}
</details>

## Compare with published figures, all cells scored

<details><summary>Published and measured</summary>

{published}
</details>

The published ones are as stated in public repositories; they were not measured here. `proxies` are nine zero-cost
proxies of untrained networks that this project measured on scikit-learn's digits (`reports/proxies`), so they contain
no label of any benchmark. `published-proxies` are the 13 of NAS-Bench-Suite-Zero, computed on CIFAR-10 itself: of 9,444
cells, and for another cell the mean of its isomorphs, if they have any. That paper's own protocol is in
[reports/published](../published/suite-zero.md).

How settings were chosen: encoders, kernels and settings of the predictors' defaults, and which member of the ensemble
gets the proxies, were chosen on CIFAR-100's validation labels of all cells. So CIFAR-100 is not an unseen dataset for
these defaults, and the datasets of this benchmark agree with one another; what each fit itself learns, hyperparameters
included, comes from its n labels. From some hundred labels on the Gaussian process has a higher mean without the
proxies, though intervals touch: probably because isomorphs have the same proxies, which then serve it as the name
of a network.

## A stricter notion of isomorph

The rule that yields 6,466 networks is the benchmark's own, and it keeps apart cells that compute the same function.
With all sums laid flat and zeros removed there are 4,930 functions. Scored on cells of whose function no cell has a
label:

<details><summary>τ-b by function</summary>

{function}
</details>

## Use half of the cells as labels

About 7,812 labels, first those of half of the isomorphism classes, then those of half of the cells at random. The two
score different mixtures of cells (`nwot` looks nothing up, and differs), so their difference says little.

Half of the classes, scored on the other half:

<details><summary>τ-b on the other half of the classes</summary>

{half_disjoint}
</details>

Half of the cells, scored on the others, among them isomorphs of labelled ones:

<details><summary>τ-b on the other cells</summary>

{half_unseen}
</details>

## Other datasets

<details><summary>τ-b on CIFAR-100 and ImageNet16-120</summary>

{others}
</details>

## Calibration

On cells without a labelled isomorph, against the validation accuracy in percentage points. Coverage: share of true
values inside the central 50, 80 and 95 % intervals.

<details><summary>Errors and coverage</summary>

{calibration}
</details>

![Coverage](calibration.png)

The errors in percentage points are dominated by the few cells that do not train at all (10 % accuracy),
so CRPS and coverage say more than RMSE. Below the diagonal a predictor is too sure of itself, above it too careful.
The ensembles and the Gaussian processes are too careful.

## Seconds

781 labels, 15,625 predictions, one thread, median. The machine was shared, so `cpu seconds`, the processor's time for
both, is the number to compare.

<details><summary>Seconds of all predictors</summary>

{seconds}
</details>

Regenerate: `python reports/predictors/run.py{flag}` ({versions}; seeds spawned
from 0). All means are in [results.csv](results.csv).
"""

if __name__ == "__main__":
    main()
