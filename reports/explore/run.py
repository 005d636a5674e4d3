"""Write the page of the included tables, and its picture. Run with ``python reports/explore/run.py``.

The page uses an empty cache, so it contains only tables that packages install. The picture needs
Chromium.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from reports.common import screenshot

HERE = Path(__file__).resolve().parent
PAGE = HERE / "explore.html"
PICTURE = HERE.parents[1] / "docs" / "images" / "explore.png"
TASK = "nb201/cifar100"


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        environment = {
            name: value for name, value in os.environ.items() if name != "NASMETA_MIRROR"
        }
        command = [sys.executable, "-m", "nasmeta", "explore", "--output", str(PAGE)]
        subprocess.run(command, check=True, env=environment | {"NASMETA_CACHE": cache})
    screenshot(f"{PAGE.as_uri()}#{TASK}", PICTURE, "1400,745")


if __name__ == "__main__":
    main()
