"""Measure a comparison of a million evaluations: memory, files that pandas reads during the runs, and its report.

python benchmarks/scale.py                                      # 100,000 and 1,000,000, to reports/speed
python benchmarks/scale.py --evaluations 100000 --output other
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from _measure import machine, versions

PACKAGES = ("nasmeta", "numpy", "pandas", "pyarrow", "plotly")
SEARCHERS = ("random", "evolution", "local-search")
TASKS = 3  # of nb201
BUDGET = 200
LOOK_SECONDS = 5.0
INTRODUCTION = """\
# How much memory does a comparison of a million evaluations need?

The largest comparison needs {peak:,.0f} MB at its peak, and {seconds:,.0f} seconds (one run, so without an interval).

"""
COLUMNS = (
    ("evaluations", "evaluations", "{:,}"),
    ("runs, s", "seconds", "{:,.0f}"),
    ("memory after 20 % of the runs, MB", "early_mb", "{:,.0f}"),
    ("at the end of the runs, MB", "late_mb", "{:,.0f}"),
    ("with the frame, MB", "peak_mb", "{:,.0f}"),
    ("frame, MB", "frame_mb", "{:,.0f}"),
    ("looks by pandas", "looks", "{}"),
    ("journals, MB", "journals_mb", "{:,.0f}"),
    ("`results.parquet`, MB", "parquet_mb", "{:,.1f}"),
    ("`nasmeta report`, s", "report_seconds", "{:,.0f}"),
    ("its memory, MB", "report_mb", "{:,.0f}"),
    ("page, MB", "page_mb", "{:,.1f}"),
    ("page in Chromium: loaded, s", "load_seconds", "{:,.2f}"),
    ("a choice drawn, s", "choice_seconds", "{:,.2f}"),
)
TAIL = """
The frame has one row per evaluation and 17 columns. A look reads some journals and all finished results with pandas
every {look:g} seconds during the runs. The page is opened in headless Chromium five times (medians): *loaded* is the
time until its plots appear, *a choice* the time to redraw the curves after a change of the scale.

## How it was run

`python benchmarks/scale.py` on {date}: {searchers} on the three tasks of `nb201`, {budget} evaluations per run, one
process, a folder on the local disk. {machine} The resident set is measured four times per second.

## Limits

* One machine, which also had other work.
* The times depend on the disk.
"""


def child(folder: Path, repeats: int) -> None:
    """Run the comparison; print the size of its frame."""
    import nasmeta as nm

    frame = nm.compare(SEARCHERS, "nb201", repeats=repeats, evaluations=BUDGET, folder=folder)
    print(json.dumps({"rows": len(frame), "frame_mb": frame.memory_usage(deep=True).sum() / 1e6}))


def resident_mb(pid: int, what: str = "VmRSS") -> float | None:
    """Return the memory of a process, from Linux' own account; None where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(what)), None)


def look(folder: Path) -> int:
    """Read what is there with pandas; return how many rows are finished."""
    for journal in sorted(folder.glob("runs/*/*/*.jsonl"), key=lambda path: path.stat().st_mtime)[-3:]:
        content = journal.read_bytes()
        lines = content[content.find(b"\n") + 1 : content.rfind(b"\n") + 1]
        if lines:
            assert pd.read_json(BytesIO(lines), lines=True).shape[1] == 4
    if (folder / "results.parquet").exists():
        return len(pd.read_parquet(folder / "results.parquet"))
    return len(pd.read_parquet(folder / "results")) if list(folder.glob("results/*.parquet")) else 0


def run(folder: Path, evaluations: int) -> dict[str, Any]:
    """Run one comparison and watch it."""
    repeats = round(evaluations / (TASKS * len(SEARCHERS) * BUDGET))
    command = [sys.executable, __file__, "--child", str(folder), str(repeats)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    samples: list[tuple[float, float]] = []
    looks, looked, peak = 0, start, 0.0
    while process.poll() is None:
        memory = resident_mb(process.pid)
        if memory is not None:
            samples.append((time.time(), memory))
            peak = max(peak, resident_mb(process.pid, "VmHWM") or 0.0)
        if time.perf_counter() - looked > LOOK_SECONDS and (folder / "runs").exists():
            try:
                look(folder)
            except FileNotFoundError:  # between two places: results/ has just become results.parquet
                look(folder)
            looks, looked = looks + 1, time.perf_counter()
        time.sleep(0.25)
    assert process.returncode == 0
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    ends = sorted(path.stat().st_mtime for path in folder.glob("runs/*/*/*.jsonl"))
    assert look(folder) == told["rows"]

    def at(moment: float) -> float:
        return next((memory for when, memory in reversed(samples) if when <= moment), samples[0][1])

    return {
        "evaluations": told["rows"],
        "seconds": ends[-1] - samples[0][0],
        "early_mb": at(ends[len(ends) // 5]),
        "late_mb": at(ends[-1]),
        "peak_mb": peak,
        "frame_mb": told["frame_mb"],
        "looks": looks,
        "journals_mb": sum(path.stat().st_size for path in folder.glob("runs/*/*/*.jsonl")) / 1e6,
        "parquet_mb": (folder / "results.parquet").stat().st_size / 1e6,
    }


def report(folder: Path) -> dict[str, Any]:
    """Write the report and open its page."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "nasmeta", "report", str(folder), "--formats", "png"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, resident_mb(process.pid, "VmHWM") or 0.0)
        time.sleep(0.1)
    assert process.returncode == 0
    page = folder / "report" / "index.html"
    measured = {"report_seconds": time.perf_counter() - start, "report_mb": peak, "page_mb": page.stat().st_size / 1e6}
    return {**measured, **opened(page)}


def opened(page: Path) -> dict[str, Any]:
    """Open the page in Chromium, if it is here, and change the axis."""
    try:
        from selenium import webdriver
    except ImportError:
        return {}
    program, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if program is None or driver is None:
        return {}
    options = webdriver.ChromeOptions()
    options.binary_location = program
    with tempfile.TemporaryDirectory() as profile:
        for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(flag)
        options.add_argument(f"--user-data-dir={profile}")
        chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        chrome.set_script_timeout(120)
        try:
            loads, choices = [], []
            for _ in range(5):
                start = time.perf_counter()
                chrome.get(page.as_uri())
                chrome.execute_async_script(DRAWN)
                loads.append(time.perf_counter() - start)
                start = time.perf_counter()
                chrome.execute_async_script(CHOOSE)
                choices.append(time.perf_counter() - start)
            return {"load_seconds": statistics.median(loads), "choice_seconds": statistics.median(choices)}
        finally:
            chrome.quit()


DRAWN = """
const done = arguments[arguments.length - 1];
(function wait() { document.querySelector('#panels .plot .main-svg') ? done() : setTimeout(wait, 5); })();
"""
CHOOSE = """
const done = arguments[arguments.length - 1];
const plot = document.querySelector('#panels .plot');
const other = document.querySelector('input[name=scale][value=linear]');
const before = plot.innerHTML;
other.click();
(function wait() { plot.innerHTML !== before ? requestAnimationFrame(() => done()) : setTimeout(wait, 5); })();
"""


def page(record: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    rows, here = record["rows"], record["machine"]
    packages = ", ".join(f"{name} {found}" for name, found in record["versions"].items())
    text = INTRODUCTION.format(peak=rows[-1]["peak_mb"], seconds=rows[-1]["seconds"])
    text += "| | " + " | ".join(f"{row['evaluations']:,} evaluations" for row in rows) + " |\n"
    text += "|---|" + "---:|" * len(rows) + "\n"
    for title, key, form in COLUMNS[1:]:
        cells = (form.format(row[key]) if key in row else "–" for row in rows)
        text += f"| {title} | {' | '.join(cells)} |\n"
    return text + TAIL.format(
        searchers=", ".join(f"`{name}`" for name in SEARCHERS),
        budget=BUDGET,
        look=LOOK_SECONDS,
        date=here["date"],
        machine=f"{here['cpu']}, {here['cores']} cores, load {here['load']}; {packages}.",
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", default="100000,1000000", help="separated by commas")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent.parent / "reports" / "speed")
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
                row = run(Path(folder) / "comparison", evaluations)
                rows.append({**row, **report(Path(folder) / "comparison")})
            print(rows[-1], flush=True)
        asked.output.mkdir(parents=True, exist_ok=True)
        record = {"machine": here, "versions": versions(PACKAGES), "rows": rows}
        kept.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (asked.output / "scale.md").write_text(page(json.loads(kept.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
