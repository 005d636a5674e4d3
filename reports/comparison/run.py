"""An example of what `nasmeta report` writes: six searchers on three data sets, 20 runs each, 100 evaluations a run.

Run with ``python reports/comparison/run.py``; writes report.md, figures/ and tables/ beside this file, and the page
index.html, which is too large to be kept here. Where Chromium is installed its picture is taken: page.png. Journals are
kept in a temporary folder, or in the one that ``--folder`` names (so that a killed comparison goes on). ``--all`` runs
the ready comparison ``all-searchers``, 21 searchers with 100 runs of 200 evaluations, and writes to all/; it takes
about an hour and a half of one core. Test values need ``nasmeta data fetch constrained-tpe`` (CIFAR-100,
ImageNet16-120) and ``meco`` (CIFAR-10).
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
    parser.add_argument("--folder", help="where journals are kept")
    parser.add_argument("--all", action="store_true", help="all searchers, to all/")
    arguments = parser.parse_args()
    compare, home = (ALL, HERE / "all") if arguments.all else (COMPARE, HERE)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or temporary
        nasmeta(*compare, "--folder", folder)
        nasmeta("report", folder, "--output", str(home), "--formats", "png")
    chromium = shutil.which("chromium")
    if chromium is not None and not arguments.all:
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
                (HERE / "index.html").as_uri(),
            ],
            check=True,
            stderr=subprocess.DEVNULL,  # it tells of buses that it does not find
        )


if __name__ == "__main__":
    main()
