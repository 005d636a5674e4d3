"""Run the notebooks: each ``.py`` file is run and written as ``.ipynb`` with its outputs.

``python notebooks/build.py`` runs all of them, ``python notebooks/build.py 1 4`` the first and the fourth. Edit the
``.py`` files only; needs ``pip install -e ".[notebooks]"``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
SECONDS = 600  # time limit of a cell
LARGEST = 400_000  # bytes of a notebook with its outputs


def scripts() -> list[Path]:
    """Return the scripts of the notebooks in their order."""
    return sorted(HERE.glob("[0-9]_*.py"))


def read(script: Path) -> Any:
    """Return a script as a notebook without outputs; numbered cells make the file reproducible."""
    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def execute(script: Path) -> Any:
    """Run a notebook in a separate process and return it with its outputs."""
    notebook = read(script)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.pop("MPLBACKEND", None)  # figures appear in the notebook
    NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(HERE)}}).execute()
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            if "text/plain" in output.get("data", {}):  # addresses in memory differ between runs
                output.data["text/plain"] = re.sub(r" at 0x[0-9a-f]+", "", output.data["text/plain"])
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def main(arguments: list[str]) -> None:
    """Write the notebooks with these numbers, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chosen", nargs="*", metavar="NUMBER", help="of a notebook; default: all")
    chosen, known = parser.parse_args(arguments).chosen, {script.stem[0]: script for script in scripts()}
    for number in chosen:
        if number not in known:
            parser.error(f"there is no notebook {number!r}; there are {', '.join(known)}")
    for number, script in known.items():
        if chosen and number not in chosen:
            continue
        start = time.perf_counter()
        notebook = execute(script)
        target = script.with_suffix(".ipynb")
        nbformat.write(notebook, target)
        size = target.stat().st_size
        print(f"{target.name}: {time.perf_counter() - start:.0f} s, {size / 1000:.0f} kB", flush=True)
        if size > LARGEST:
            raise SystemExit(f"{target.name} is larger than {LARGEST / 1000:.0f} kB: draw at a lower resolution.")


if __name__ == "__main__":
    main(sys.argv[1:])
