"""Run the notebooks: each ``.py`` file is executed and written as ``.ipynb`` with its outputs.

``python notebooks/build.py`` runs all of them, ``python notebooks/build.py 1 4`` the first and the fourth. Edit the
``.py`` files only; needs ``pip install -e ".[notebooks]"``. The cell with the link to Colab comes from the repository's
address in ``pyproject.toml``, where there is one.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
COLAB = "https://colab.research.google.com"
SECONDS = 600  # after which a cell is given up
LARGEST = 400_000  # bytes of a notebook with its outputs


def scripts() -> list[Path]:
    """Return the notebooks as scripts, in their order."""
    return sorted(HERE.glob("[0-9]_*.py"))


def with_head(script: Path) -> str:
    """Return the text of a script with the badge of Colab and the lines that install the package as its first cells."""
    urls = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"].get("urls", {})
    address = urls.get("Repository", "").removesuffix(".git")
    place = f"/github/{address.removeprefix('https://github.com/')}/blob/main/notebooks/{script.stem}.ipynb"
    badge = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}{place if address else '/'})"
    lines = ["# %% [markdown]", f"# {badge}"]
    if not address:
        lines += ["#", "# In Colab choose *Upload* and this file."]
    lines += [
        "",
        "# %%",
        "# In Colab, or where nasmeta is not installed: take the first # away from the three lines below.",
        f"# # !git clone -q {address or 'ADDRESS-OF-THE-REPOSITORY'} nasmeta",
        '# # %pip install -q "./nasmeta[torch]"',
        "# # %cd nasmeta/notebooks",
    ]
    text = script.read_text("utf-8")
    header, *cells = re.split(r"^(?=# %%)", text, flags=re.MULTILINE)
    return header + "\n".join(lines) + "\n\n" + "".join(cells[2:])


def read(script: Path) -> Any:
    """Return a script as a notebook without outputs; numbered cells make the file the same every time."""
    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def execute(script: Path) -> Any:
    """Run a notebook in a process of its own, and return it with its outputs."""
    notebook = read(script)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.pop("MPLBACKEND", None)  # pictures are shown in the notebook
    NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(HERE)}}).execute()
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            if "text/plain" in output.get("data", {}):  # an address in memory is another one every time
                output.data["text/plain"] = re.sub(r" at 0x[0-9a-f]+", "", output.data["text/plain"])
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def main(arguments: list[str]) -> None:
    """Write the notebooks that were chosen by number; all where none was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chosen", nargs="*", metavar="NUMBER", help="of a notebook; all where left out")
    chosen, known = parser.parse_args(arguments).chosen, {script.stem[0]: script for script in scripts()}
    for number in chosen:
        if number not in known:
            parser.error(f"there is no notebook {number!r}; there are {', '.join(known)}")
    for number, script in known.items():
        if chosen and number not in chosen:
            continue
        start = time.perf_counter()
        script.write_text(with_head(script), encoding="utf-8")
        notebook = execute(script)
        target = script.with_suffix(".ipynb")
        nbformat.write(notebook, target)
        size = target.stat().st_size
        print(f"{target.name}: {time.perf_counter() - start:.0f} s, {size / 1000:.0f} kB", flush=True)
        if size > LARGEST:
            raise SystemExit(f"{target.name} is larger than {LARGEST / 1000:.0f} kB: draw at a lower resolution.")


if __name__ == "__main__":
    main(sys.argv[1:])
