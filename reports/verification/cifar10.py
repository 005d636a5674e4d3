"""Train the cells that a search picks from the table, and random cells, on the images of CIFAR-10.

python reports/verification/cifar10.py --data folder:PATH     # CIFAR-10 as images in train/ and test/; or cifar10:PATH
python reports/verification/cifar10.py --page                 # only rewrite the page and its pictures

The same command resumes an interrupted run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

import nasmeta as nm
from nasmeta.training import ImageDataset
from nasmeta.verification import Verification
from reports.common import page_parser

HERE = Path(__file__).parent
NOTE = """\
Limits: the images are JPEG, which is lossy. The recipe trains on few and small images. It was
[chosen](../../training/frontier/README.md) on isomorphs of {pick} of the picks and {random} of the random cells, so
these values are slightly optimistic. The random cells are drawn from the whole space."""
FOLDER = HERE / "cifar10"


def measure(data: str) -> None:
    """Search the table, and train the picks and random cells."""
    images = ImageDataset.load(data, valid_fraction=0.5)  # half validates, as in the benchmark
    journal = FOLDER / "run.jsonl"
    nm.search("gp", "nb201/cifar10", evaluations=100, seed=0, journal=journal)
    nm.verify(
        [journal], images, "verify-cpu", folder=FOLDER, top=10, controls=19, seeds=1, compare_with="cifar10",
        device="cpu", page=False, progress=True,
    )  # fmt: skip


def read() -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Return the cells, epochs and facts of `nasmeta.verify`."""
    cells, epochs = (pd.read_csv(FOLDER / f"{name}.csv") for name in ("cells", "epochs"))
    cells["failures"] = cells["failures"].astype(object).fillna("")
    cells["in_band"] = cells["in_band"].astype(object).where(cells["in_band"].notna(), None)
    return cells, epochs, json.loads((FOLDER / "facts.json").read_text(encoding="utf-8"))


def seen(architectures: pd.DataFrame) -> dict[str, int]:
    """Return per role the number of cells that are isomorphs of cells on which the recipe was chosen."""
    chosen = pd.read_csv(HERE.parent / "training" / "frontier" / "results.csv")["cell"].unique()
    canonical = nm.get_space("nb201").canonical
    before = set(canonical(chosen).tolist())
    return {
        str(role): sum(int(canonical(architecture)) in before for architecture in of["cell"])
        for role, of in architectures.groupby("role")
    }


def main() -> None:
    """Measure, and write the page."""
    parser = page_parser(__doc__)
    parser.add_argument(
        "--data", help="CIFAR-10: cifar10:PATH, or folder:PATH with train/ and test/"
    )
    options = parser.parse_args()
    if not options.page:
        measure(options.data)
    cells, epochs, facts = read()
    command = "python reports/verification/cifar10.py --data folder:PATH"
    Verification(cells, epochs, facts).write(FOLDER, command, NOTE.format(**seen(cells)))


if __name__ == "__main__":
    main()
