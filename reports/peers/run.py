"""Other packages' optimisers as searchers, beside `gp` and `meta`: how soon they find the best, and their page.

Run with ``python reports/peers/run.py --folder DIR``; writes README.md, results.csv and found.png beside this file. A
killed run goes on with the same folder; ``--minutes`` ends it sooner, and the page shows what is finished. Needs the
extra ``peers``, and ``nasmeta data fetch transnas`` or a mirror; ``--page`` writes the page of what is there.
"""

from __future__ import annotations

import argparse
import inspect
import itertools
import tempfile
import textwrap
import time
from pathlib import Path

import alone
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from pairs import ALWAYS_THE_SAME, behind, counts, paired, reasons, share_held, standings, sure, told, unpaired
from texts import NOT_HERE, PAIRED_TEXT, REGRET_TEXT, RUN_TEXT

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, to_markdown
from nasmeta.code import versions_of
from nasmeta.searchers import missing_packages
from nasmeta.threads import one_thread

HERE = Path(__file__).parent
NB201 = ("nb201/cifar10", "nb201/cifar100", "nb201/imagenet16-120")
TNB101 = tuple(
    f"tnb101/{task}"
    for task in ("class_scene", "class_object", "room_layout", "jigsaw", "segmentsemantic", "normal", "autoencoder")
)
GRAPH = ("graph/cora", "graph/cs", "graph/physics", "graph/computers")
# What a step of half a second is measured on where time is short: of each family some.
FEW = ("nb201/cifar10", "nb201/imagenet16-120", "tnb101/class_scene", "tnb101/jigsaw", "tnb101/normal", "graph/cora",
       "graph/physics")  # fmt: skip
PLAIN = ("random", "gp", "optuna-tpe", "syne-tune-kde", "smac", "syne-tune-bore", "botorch", "ax", "syne-tune-cqr")
SLOW = ("ax", "botorch", "smac", "syne-tune-bore", "syne-tune-cqr")
TRANSFER = (
    "meta",
    "rgpe",
    "rgpe-vanilla",
    "syne-tune-zero-shot",
    "syne-tune-rush",
    "syne-tune-bounding-box",
    "syne-tune-quantile-copula",
)
# All repeats of the first, then of the second, then of the third: where time is short, the last ones are left out.
ORDER = (
    ("random", "gp", "optuna-tpe", "syne-tune-kde", "syne-tune-bounding-box", "syne-tune-zero-shot", "syne-tune-rush",
     "rgpe-vanilla"),
    ("meta", "rgpe"),
    ("syne-tune-quantile-copula", "ax", "botorch", "smac", "syne-tune-bore"),
    ("syne-tune-cqr",),
)  # fmt: skip
ONCE = ("ax", *ALWAYS_THE_SAME)  # two seconds a step
ONE_LENGTH = ("syne-tune-rush",)  # though it could use shorter trainings, which most of the tasks have not
OURS = ("random", "gp", "meta", "rgpe", "rgpe-vanilla")
PACKAGES = (
    "numpy",
    "torch",
    "botorch",
    "gpytorch",
    "ax-platform",
    "optuna",
    "smac",
    "ConfigSpace",
    "syne-tune",
    "xgboost",
)
AT = (50, 100, 200)
DESIGN = 1 / 4  # the share of its budget that SMAC3 spends on a Sobol sequence first
TOP = 1000  # one in so many architectures is one of the best


def plan(chosen: argparse.Namespace) -> list[tuple[int, str, str, int]]:
    """Return what is to run, in its order: repeat, searcher, task, evaluations."""
    todo = []
    for names, repeat in itertools.product(ORDER, range(chosen.repeats)):
        for searcher in names:
            if repeat and searcher in (ALWAYS_THE_SAME if chosen.whole else ONCE):
                continue
            short = searcher in SLOW and not chosen.whole
            tasks = [task for task in (*NB201, *TNB101, *GRAPH) if not chosen.tasks or task in chosen.tasks]
            if searcher in TRANSFER:
                tasks = [task for task in tasks if task not in GRAPH or chosen.whole]
            if short:
                tasks = [task for task in tasks if task in FEW]
            most = min(chosen.evaluations, chosen.slow_evaluations) if short else chosen.evaluations
            todo += [(repeat, searcher, task, most) for task in tasks]
    return [part for part in todo if not chosen.only or part[1] in chosen.only]


def home_of(folder: Path, searcher: str, task: str) -> Path:
    """Return where the runs of a searcher on a task are kept."""
    return folder / searcher / task.replace("/", "-")


def run_all(folder: Path, todo: list[tuple[int, str, str, int]], until: float) -> None:
    """Run what is not finished, until the time is over."""
    for repeat, searcher, task, most in todo:
        home = home_of(folder, searcher, task)
        done = home / f"finished-{repeat}-{most}"
        if done.is_file():
            continue
        if time.monotonic() > until:
            print("The time is over.", flush=True)
            return
        began = time.process_time()
        settings = {searcher: {"epochs": [nm.get_task(task).signal.epochs or 0]}} if searcher in ONE_LENGTH else None
        nm.compare([searcher], [task], repeats=repeat + 1, evaluations=most, settings=settings, folder=home)
        done.write_text(f"{time.process_time() - began:.3f}")
        print(f"{searcher} on {task}, repeat {repeat}: {done.read_text()} s of processor", flush=True)


def finished(folder: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Return the results of all that is finished, and the processor milliseconds of a step of each searcher."""
    frames, steps = [], []
    for searcher in (*PLAIN, *TRANSFER):
        for task in (*NB201, *TNB101, *GRAPH):
            home = home_of(folder, searcher, task)
            if marks := sorted(home.glob("finished-*")):
                frames.append(pd.read_parquet(home / "results.parquet"))
                steps += [(searcher, 1e3 * float(mark.read_text()) / int(mark.name.split("-")[2])) for mark in marks]
    frame = pd.concat(frames, ignore_index=True).astype({"task": str, "searcher": str})
    milliseconds = pd.DataFrame(steps, columns=["searcher", "ms"]).groupby("searcher")["ms"].median()
    return frame, milliseconds


def runs_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row a run: evaluations to one of the best (infinite where none), regrets in percent, and the cap."""
    rows = []
    for task_name, of_task in frame.groupby("task", sort=False):
        task = nm.get_task(str(task_name))
        values = np.sort(task.sign * task.values[task.measured])[::-1]
        enough, reach = values[max(1, round(len(values) / TOP)) - 1], values[0] - np.median(values)
        for (searcher, seed), run in of_task.groupby(["searcher", "seed"], sort=False):
            told = task.sign * run.sort_values("evaluation")["value"].to_numpy()
            hits = np.flatnonzero(told >= enough)
            row = {"task": task_name, "searcher": searcher, "seed": seed, "cap": len(told)}
            row["needed"] = hits[0] + 1 if len(hits) else np.inf
            regret = 100 * (values[0] - np.maximum.accumulate(told)) / reach
            row |= {f"regret_{at}": regret[at - 1] if at <= len(told) else np.nan for at in AT}
            rows.append(row)
    return pd.DataFrame(rows)


def interval(values: np.ndarray, digits: int = 1) -> str:
    """Write a mean with its 95 % bootstrap interval."""
    values = values[np.isfinite(values)]
    if not len(values):
        return "–"
    if len(values) < 2:
        return f"{values.mean():.{digits}f}"
    low, high = bootstrap_interval(values)
    return f"{values.mean():.{digits}f} [{float(low):.{digits}f}, {float(high):.{digits}f}]"


def against(runs: pd.DataFrame, own: str, peers: list[str], ms: pd.Series) -> pd.DataFrame:
    """Return a row for each peer: paired evaluations, the tasks of each verdict, and the time."""
    rows = []
    for peer in peers:
        both = paired(runs, own, peer)
        if both.empty:
            continue
        by_task = both.groupby("task")[["own", "peer"]].mean()
        differences = (both["peer"] - both["own"]).groupby(both["task"]).mean().to_numpy()
        rows.append(
            {
                "searcher": peer,
                "runs": len(both),
                "tasks": len(by_task),
                f"evaluations of {own}": f"{by_task['own'].mean():.1f}",
                "its own": f"{by_task['peer'].mean():.1f}",
                "difference": interval(differences),
                **counts(both),
                "ms a step": f"{ms[peer]:.0f}",
            }
        )
    return pd.DataFrame(rows)


def course(runs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return regrets after so many evaluations: mean over the tasks, which are what is drawn for the interval."""
    rows = []
    for name in names:
        own = runs[runs["searcher"] == name]
        if own.empty:
            continue
        by_task = own.groupby("task")[[f"regret_{at}" for at in AT]].mean()
        row = {"searcher": name, "tasks": len(by_task), "runs": len(own), "budget": int(own["cap"].max())}
        row |= {f"after {at}": interval(by_task[f"regret_{at}"].to_numpy(), 2) for at in AT}
        row["nothing found"] = f"{np.isinf(own['needed']).mean():.0%}"
        rows.append(row)
    return pd.DataFrame(rows)


def by_task(runs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return mean evaluations task by task; a number in brackets where a run had found nothing when it ended."""
    rows = []
    for task, of_task in runs.groupby("task", sort=False):
        row = {"task": task}
        for name in names:
            own = of_task[of_task["searcher"] == name]
            open_ = np.isinf(own["needed"]).any()
            mean = own["needed"].clip(upper=own["cap"]).mean()
            row[name] = "–" if own.empty else f"(≥ {mean:.0f})" if open_ else f"{mean:.0f}"
        rows.append(row)
    return pd.DataFrame(rows)


def lines_of_code() -> str:
    """Say how long each program in alone.py is, without its signature and blank lines."""
    told = []
    for name in ("nasmeta", "optuna", "syne_tune", "smac", "ax", "botorch"):
        source = inspect.getsource(getattr(alone, name)).splitlines()[1:]
        told.append(f"{name.replace('_', ' ')} {sum(bool(line.strip()) for line in source)}")
    return ", ".join(told)


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Draw the share of the runs that have found one of the best, by evaluations."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True)
    for ax, names, title in zip(axes, (PLAIN, ("gp", *TRANSFER)), ("without sources", "with sources"), strict=True):
        for name in names:
            own = runs[(runs["searcher"] == name) & ((ax is axes[0]) | ~runs["task"].isin(GRAPH))]
            if own.empty:
                continue
            x = np.arange(1, int(own["cap"].min()) + 1)
            share = (own["needed"].to_numpy()[:, None] <= x).mean(axis=0)
            label = f"{name} ({own['task'].nunique()} tasks, {len(own)} runs)"
            ax.plot(x, share, label=label, lw=2.2 if name in OURS else 1.2, ls="-" if name in OURS else "--")
        ax.set_title(f"one of the best 0.1 %, {title}", fontsize=9)
        ax.set_xlabel("evaluations")
        ax.set_ylim(-0.03, 1.03)
        ax.legend(fontsize=6.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    axes[0].set_ylabel("share of runs that found one")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def paragraph(text: str) -> str:
    """Fill lines."""
    return textwrap.fill(" ".join(text.split()), 118, break_on_hyphens=False)


def findings(runs: pd.DataFrame, ms: pd.Series) -> list[str]:
    """Return what the tables say, in sentences; where a peer is ahead comes first."""
    there = set(runs["searcher"])
    peers = [name for name in PLAIN if name in there and name not in OURS]
    transfer = [name for name in TRANSFER if name in there and name not in OURS]
    lines, each = [], runs.groupby(["task", "searcher"]).size()
    for own, others, what in (("gp", peers, "peer"), ("meta", transfer, "transfer scheduler")):
        if own not in there or not others:
            continue
        tasks, ahead = standings(runs, own, others)
        open_ = tasks["neither found one"]
        decided = sum(len(tasks[name]) for name in ("won", "tied", "lost"))
        if ahead:
            lines.append(f"**A {what} needs fewer evaluations than `{own}`:** {'; '.join(told(ahead))}.")
        lines.append(
            f"On {decided} of {decided + len(open_)} tasks `{own}` or a {what} found one of the best 0.1 % in paired "
            f"runs. On {len(tasks['won'])} of the {decided} ({len(tasks['won']) / max(1, decided):.0%}) `{own}` needs "
            f"fewer evaluations than every {what} there, on {len(tasks['tied'])} as many as the best of them, on "
            f"{len(tasks['lost'])} more."
            + (f" Where neither found one ({', '.join(open_)}), nothing is decided." if open_ else "")
        )
        held, elsewhere = (
            f"{'reached' if share >= 0.8 else 'missed'}: {share:.0%}"
            for share in (share_held(tasks), share_held(tasks, [task for task in runs["task"] if "nb201/" in task]))
        )
        lines.append(
            f"The aim, no more evaluations than the best {what} on 80 % of the tasks, is {held}. Without "
            f"NAS-Bench-201, on which settings of `{own}` were chosen, it is {elsewhere}. Lost with an interval of the "
            f"differences that leaves out 0: {', '.join(sure(ahead)) or 'none'}. Where else `{own}` needs more, the "
            "seeds may have decided, and the best of several was chosen after the runs."
        )
        ran = runs[runs["searcher"].isin(others)].groupby("task")["searcher"].nunique()
        few, more = ran.index[ran == ran.min()], ran.index[ran > ran.min()]
        if len(more):
            names = sorted(set(runs.loc[runs["task"].isin(few) & runs["searcher"].isin(others), "searcher"]))
            lines.append(
                f"On {len(few)} of these tasks only {', '.join(f'`{name}`' for name in names)} ran: the share is "
                f"{share_held(tasks, more):.0%} there, and {share_held(tasks, few):.0%} on the other {len(more)}."
            )
        if why := reasons(runs, own, ahead):
            lines.append(f"Where it needs more: {'; '.join(why)}.")
        if others_found := unpaired(runs, own, others, open_):
            lines.append(f"Not paired, so not counted: {'; '.join(others_found)}.")
    if {"meta", "rgpe"} <= there:
        of = counts(paired(runs, "meta", "rgpe"))
        lines.append(
            "`rgpe`, of this package too, is not counted among them. Tasks of `meta` against it: "
            f"{', '.join(f'{name} {number}' for name, number in of.items())}."
        )
    if "random" in there and (slower := behind(runs, "random", peers, AT[0])):
        lines.append(
            f"Worse than `random` after {AT[0]} evaluations, by regret in percent on the same runs: "
            f"{'; '.join(slower)}."
        )
    if "smac" in there:
        cap = int(runs.loc[runs["searcher"] == "smac", "cap"].max())
        design = int(DESIGN * cap)
        lines.append(
            f"`smac` spends a quarter of its budget, {design} of {cap} evaluations, on an initial design; its model "
            f"proposes the other {cap - design}."
        )
    lines.append(
        f"These are {each.min()} to {each.max()} runs a task: the best of several peers is partly the luckiest, and a "
        "single task decides nothing. The tables below have intervals."
    )
    quick = [f"`{name}` {ms[name]:.0f}" for name in ms.sort_values().index if name in (*PLAIN, "meta")]
    slow = [f"`{name}`" for name in ms.sort_values().index if name in peers and ms[name] < 10 * ms["gp"]]
    lines.append(
        f"Processor milliseconds a step, in the median of the runs: {', '.join(quick)}. The aim is a tenth of a "
        "peer's; " + (f"`gp` misses it against {', '.join(slow)}." if slow else "`gp` reaches it against all.")
    )
    lines.append(
        f"Lines of a program that searches a table of one's own: {lines_of_code()} ([alone.py](alone.py)). With the "
        "adapter it is one for each: only the name differs."
    )
    return lines


def page(runs: pd.DataFrame, ms: pd.Series, command: str, budget: int) -> str:
    """Return the page."""
    there = set(runs["searcher"])
    plain, transfer = ([name for name in names if name in there] for names in (PLAIN, TRANSFER))
    with_sources = runs[~runs["task"].isin(GRAPH)]
    slow = ", ".join(f"`{name}`" for name in SLOW if name in there)
    left = ", ".join(f"`{name}`" for name in (*PLAIN, *TRANSFER) if name not in there)
    same = ", ".join(f"`{name}`" for name in ALWAYS_THE_SAME)
    versions = ", ".join(f"{name} {version}" for name, version in versions_of(PACKAGES).items())
    tables = [to_markdown(against(runs, "gp", [n for n in plain if n not in OURS], ms)).strip()]
    if "meta" in there:
        tables.append(to_markdown(against(with_sources, "meta", [n for n in transfer if n != "meta"], ms)).strip())
    parts = [
        "# Other packages' optimisers",
        *(paragraph(line) for line in findings(runs, ms)),
        "![Share of the runs that found one of the best](found.png)",
        "## Evaluations to one of the best 0.1 %, paired",
        paragraph(PAIRED_TEXT),
        *tables,
        "## Regret on the way",
        paragraph(REGRET_TEXT),
        "<details><summary>Regret after 50, 100 and 200 evaluations</summary>",
        to_markdown(course(runs, plain)).strip(),
        to_markdown(course(with_sources, transfer)).strip(),
        "</details>",
        "<details><summary>Task by task: mean evaluations to one of the best 0.1 %</summary>",
        to_markdown(by_task(runs, plain)).strip(),
        to_markdown(by_task(with_sources, transfer)).strip(),
        "</details>",
        "## What is not here",
        *(paragraph(line) for line in NOT_HERE),
        "## How it was run",
        paragraph(RUN_TEXT.format(command=command, slow=slow, budget=budget, left=left or "none", same=same)),
        f"Versions: {versions}.",
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Run, summarise, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep results here, to go on with")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--slow-evaluations", type=int, default=60, help=f"of {', '.join(SLOW)}, on some tasks only")
    parser.add_argument("--whole", action="store_true", help="run the slow ones as the others, and all on all tasks")
    parser.add_argument("--tasks", nargs="+", help="only these")
    parser.add_argument("--only", nargs="+", help="only these searchers")
    parser.add_argument("--minutes", type=float, default=np.inf, help="begin nothing new after so long")
    parser.add_argument("--page", action="store_true", help="run nothing; write the page of what is in the folder")
    parser.add_argument("--output", type=Path, default=HERE)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, one_thread():
        folder = chosen.folder or Path(temporary)
        if not chosen.page:
            todo = [part for part in plan(chosen) if not missing_packages(part[1])]
            run_all(folder, todo, time.monotonic() + 60 * chosen.minutes)
        frame, milliseconds = finished(folder)
    runs = runs_of(frame)
    chosen.output.mkdir(parents=True, exist_ok=True)
    runs.to_csv(chosen.output / "results.csv", index=False, float_format="%.5g")
    draw(runs, chosen.output / "found.png")
    budgets = f"--evaluations {chosen.evaluations} --slow-evaluations {chosen.slow_evaluations}"
    command = f"python reports/peers/run.py --folder FOLDER --repeats {chosen.repeats} {budgets}"
    (chosen.output / "README.md").write_text(
        page(runs, milliseconds, command, chosen.slow_evaluations), encoding="utf-8"
    )
    print(f"Written: {chosen.output / 'README.md'}")


if __name__ == "__main__":
    main()
