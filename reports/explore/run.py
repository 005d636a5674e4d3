"""Write the page of the included tables, and its picture. Run with ``python reports/explore/run.py``.

The page uses an empty cache, so it contains only tables that packages install. The picture needs Chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE / "explore.html"
PICTURE = HERE.parents[1] / "docs" / "images" / "explore.png"
TASK = "nb201/cifar100"


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        environment = {name: value for name, value in os.environ.items() if name != "NASMETA_MIRROR"}
        command = [sys.executable, "-m", "nasmeta", "explore", "--out", str(PAGE)]
        subprocess.run(command, check=True, env=environment | {"NASMETA_CACHE": cache})
    chromium = shutil.which("chromium")
    if chromium is not None:
        flags = "--headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking"
        options = ["--window-size=1400,1430", "--virtual-time-budget=20000", f"--screenshot={PICTURE}"]
        subprocess.run([chromium, *flags.split(), *options, f"{PAGE.as_uri()}#{TASK}"], check=True)


if __name__ == "__main__":
    main()
