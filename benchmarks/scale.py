"""Measure a comparison of a million evaluations: memory, files and its report.

python benchmarks/scale.py                                      # 100,000 and 1,000,000, to reports/speed
python benchmarks/scale.py --evaluations 100000 --output other
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _measure import machine

from nasmeta.code_identity import versions_of

PACKAGES = ("numpy", "pandas", "pyarrow", "plotly")
SEARCHERS = ("random", "evolution", "local-search")
TASKS = 3  # of nb201
BUDGET = 200
INTRODUCTION = """\
# How much memory does a comparison of a million evaluations need?

The largest comparison needs {peak:,.0f} MB at its peak, and {seconds:,.0f} seconds (one run, so without an interval).

"""
COLUMNS = (
    ("evaluations", "evaluations", "{:,}"),
    ("runs, s", "seconds", "{:,.0f}"),
    ("memory with the frame, MB", "peak_mb", "{:,.0f}"),
    ("frame, MB", "frame_mb", "{:,.0f}"),
    ("journals, MB", "journals_mb", "{:,.0f}"),
    ("`results.parquet`, MB", "parquet_mb", "{:,.1f}"),
    ("`nasmeta report`, s", "report_seconds", "{:,.0f}"),
    ("its memory, MB", "report_mb", "{:,.0f}"),
    ("page, MB", "page_mb", "{:,.1f}"),
)
TAIL = """
The frame has one row per evaluation and 17 columns. Memory is the largest resident set of the process.

## How it was run

`python benchmarks/scale.py` on {date}: {searchers} on the three tasks of `nb201`, {budget} evaluations per run, one
process, a folder on the local disk. {machine}

## Limits

* One machine, which also had other work.
* The times depend on the disk.
"""


def child(folder: Path, repeats: int) -> None:
    """Run the comparison; print the size of its frame."""
    import nasmeta as nm

    start = time.perf_counter()
    frame = nm.compare(SEARCHERS, "nb201", repeats=repeats, evaluations=BUDGET, folder=folder)
    size, seconds = frame.memory_usage(deep=True).sum() / 1e6, time.perf_counter() - start
    print(json.dumps({"evaluations": len(frame), "frame_mb": size, "seconds": seconds}))


def watched(*command: str) -> tuple[str, float, float]:
    """Run Python; return its output, its seconds, and its largest resident set in MB."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return output, time.perf_counter() - start, usage.ru_maxrss / 1024


def run(folder: Path, evaluations: int) -> dict[str, Any]:
    """Run one comparison and its report."""
    repeats = round(evaluations / (TASKS * len(SEARCHERS) * BUDGET))
    output, _, peak = watched(__file__, "--child", str(folder), str(repeats))
    _, seconds, report_peak = watched("-m", "nasmeta", "report", str(folder), "--formats", "png")
    return {
        **json.loads(output),
        "peak_mb": peak,
        "journals_mb": sum(path.stat().st_size for path in folder.glob("runs/*/*/*.jsonl")) / 1e6,
        "parquet_mb": (folder / "results.parquet").stat().st_size / 1e6,
        "report_seconds": seconds,
        "report_mb": report_peak,
        "page_mb": (folder / "report" / "index.html").stat().st_size / 1e6,
    }


def page(record: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    rows, here = record["rows"], record["machine"]
    packages = ", ".join(f"{name} {release}" for name, release in record["versions"].items())
    text = INTRODUCTION.format(peak=rows[-1]["peak_mb"], seconds=rows[-1]["seconds"])
    text += "| | " + " | ".join(f"{row['evaluations']:,} evaluations" for row in rows) + " |\n"
    text += "|---|" + "---:|" * len(rows) + "\n"
    for title, key, form in COLUMNS[1:]:
        architectures = (form.format(row[key]) for row in rows)
        text += f"| {title} | {' | '.join(architectures)} |\n"
    return text + TAIL.format(
        searchers=", ".join(f"`{name}`" for name in SEARCHERS),
        budget=BUDGET,
        date=here["date"],
        machine=f"{here['cpu']}, {here['cores']} cores, load {here['load']}; {packages}.",
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--evaluations", default="100000,1000000", help="separated by commas")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent.parent / "reports" / "speed"
    )
    parser.add_argument("--page", action="store_true", help="only rewrite the page from scale.json")
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "REPEATS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(Path(asked.child[0]), int(asked.child[1]))
        return
    kept = asked.output / "scale.json"
    if not asked.page:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        here, rows = machine(), []
        for evaluations in map(int, asked.evaluations.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                rows.append(run(Path(folder) / "comparison", evaluations))
        asked.output.mkdir(parents=True, exist_ok=True)
        record = {"machine": here, "versions": versions_of(PACKAGES), "rows": rows}
        kept.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (asked.output / "scale.md").write_text(
        page(json.loads(kept.read_text(encoding="utf-8"))), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
