"""Train the cells that a search picks from the table, and random cells, on the images of CIFAR-10.

python reports/verification/cifar10.py --data folder:PATH     # CIFAR-10 as images in train/ and test/; or cifar10:PATH
python reports/verification/cifar10.py --page                 # only rewrite the page and its pictures
python reports/verification/cifar10.py --smoke --output FOLDER

The same command resumes an interrupted run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

import nasmeta as nm
from nasmeta.errors import NasmetaError
from nasmeta.training import ImageDataset, Recipe
from nasmeta.verification import Verification

HERE = Path(__file__).parent
NOTE = """\
Limits: the images are JPEG, which is lossy. The recipe trains on few and small images. It was
[chosen](../../training/frontier/README.md) on isomorphs of {pick} of the picks and {random} of the random cells, so
these values are slightly optimistic. The random cells are drawn from the whole space."""
SMOKE = "A run at a small size, on digits: it shows that the command runs, and no figure means anything."
EVALUATIONS, TOP, CONTROLS = 100, 10, 24


def measure(
    data: str | ImageDataset, recipe: Recipe | str, folder: Path, top: int, controls: int, seeds: int, **options: Any
) -> None:
    """Search the table, and train the picks and random cells."""
    journal = folder / "run.jsonl"
    nm.search("gp", "nb201/cifar10", evaluations=EVALUATIONS, seed=0, journal=journal)
    nm.verify(
        [journal],
        data,
        recipe,
        folder=folder,
        top=top,
        controls=controls,
        seeds=seeds,
        device="cpu",
        page=False,  # written below, with a note
        progress=True,
        **options,
    )


def read(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Return the cells, epochs and facts of `nasmeta.verify`."""
    architectures, epochs = (pd.read_csv(folder / f"{name}.csv") for name in ("cells", "epochs"))
    architectures["failures"] = architectures["failures"].astype(object).fillna("")
    architectures["in_band"] = architectures["in_band"].astype(object).where(architectures["in_band"].notna(), None)
    return architectures, epochs, json.loads((folder / "facts.json").read_text(encoding="utf-8"))


def seen(architectures: pd.DataFrame) -> dict[str, int]:
    """Return per role the number of cells that are isomorphs of cells on which the recipe was chosen."""
    chosen = pd.read_csv(HERE.parent / "training" / "frontier" / "results.csv")["cell"].unique()
    canonical = nm.get_space("nb201").canonical
    before = set(canonical(chosen).tolist())
    return {
        str(role): sum(int(canonical(architecture)) in before for architecture in of["cell"])
        for role, of in architectures.groupby("role")
    }


def main(arguments: Sequence[str]) -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="CIFAR-10: cifar10:PATH, or folder:PATH with train/ and test/")
    parser.add_argument("--seeds", type=int, default=2, help="trainings per cell")
    parser.add_argument("--controls", type=int, default=CONTROLS, help="random cells")
    parser.add_argument("--page", action="store_true", help="only rewrite the page")
    parser.add_argument("--smoke", action="store_true", help="digits and eight cells: does it run?")
    parser.add_argument("--output", type=Path, default=HERE / "cifar10")
    options = parser.parse_args(arguments)
    if not (options.data or options.page or options.smoke):
        parser.error("--data is needed: cifar10:PATH or folder:PATH with CIFAR-10; or --smoke, or --page")
    folder = options.output
    try:
        if options.smoke:
            measure("digits", Recipe.load("tiny", epochs=2), folder, 4, 4, 1)
        elif not options.page:
            data = ImageDataset.load(options.data, valid_fraction=0.5)  # half validates, as in the benchmark
            measure(data, "verify-cpu", folder, TOP, options.controls, options.seeds, compare_with="cifar10")
        architectures, epochs, facts = read(folder)
        seeds = len(facts["seeds"])
        random = int((architectures["role"] == "random").sum())
        how, note = "--data folder:PATH", NOTE.format(**seen(architectures))
        how += f" --seeds {seeds}" * (seeds != 2) + f" --controls {random}" * (random != CONTROLS)
        if facts["data"] == "digits":
            how, note = "--smoke", SMOKE
        command = f"python reports/verification/cifar10.py {how}"
        Verification(architectures, epochs, facts).write(folder, command, note)
    except NasmetaError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
