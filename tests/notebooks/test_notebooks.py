"""The notebooks run, and what is committed of them is what their scripts say."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scripts import load_script

nbformat = pytest.importorskip("nbformat", reason='Notebooks need: pip install -e ".[notebooks]"')
for _needed in ("jupytext", "nbclient", "ipykernel"):
    pytest.importorskip(_needed, reason='Notebooks need: pip install -e ".[notebooks]"')

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SCRIPTS = sorted(NOTEBOOKS.glob("[0-9]_*.py"))
NAMES = [script.stem for script in SCRIPTS]
PICTURES = {"image/png", "image/svg+xml"}
OF_A_MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|usr|opt|var)/|[A-Z]:\\\\|0x[0-9a-f]{8,}")


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """Return the script that writes the notebooks."""
    return load_script("notebooks/build.py")


def committed(script: Path) -> Any:
    """Return the notebook beside a script."""
    return nbformat.read(script.with_suffix(".ipynb"), as_version=4)


def outputs(notebook: Any) -> list[Any]:
    """Return the outputs of all cells."""
    return [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]


def pictures(notebook: Any) -> list[str]:
    """Return the description of each picture: size, titles without accuracies, and colours."""
    shown = [output.data for output in outputs(notebook) if PICTURES & set(output.get("data", {}))]
    return [re.sub(r"\d+ %", "%", data["text/plain"]) for data in shown]


def shown(output: Any) -> str:
    """Return all the text in an output."""
    data = {kind: text for kind, text in output.get("data", {}).items() if kind != "image/png"}
    return f"{output.get('text', '')} {data}"


def test_there_are_eight() -> None:
    assert [name[0] for name in NAMES] == list("12345678")
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
class TestNotebook:
    def test_it_runs(self, script: Path, build: ModuleType, request: pytest.FixtureRequest) -> None:
        if "tables.fetch(" in script.read_text("utf-8"):
            request.getfixturevalue("mirror")
        notebook = build.execute(script)
        assert not [output for output in outputs(notebook) if output.output_type == "error"]
        assert pictures(notebook) == pictures(committed(script)), "Run notebooks/build.py."

    def test_script_and_notebook_are_in_step(self, script: Path, build: ModuleType) -> None:
        ours, theirs = build.read(script), committed(script)
        why = f"python notebooks/build.py {script.stem[0]} writes {script.stem}.ipynb anew."
        assert [(c.cell_type, c.source) for c in ours.cells] == [
            (c.cell_type, c.source) for c in theirs.cells
        ], why

    def test_the_committed_outputs(self, script: Path, build: ModuleType) -> None:
        notebook = committed(script)
        nbformat.validate(notebook)
        found = outputs(notebook)
        assert not [output for output in found if output.output_type == "error"]
        assert not [output for output in found if output.get("name") == "stderr"]
        assert sum(bool(PICTURES & set(output.get("data", {}))) for output in found) >= 2
        assert not any(
            "<Figure size" in shown(output)
            for output in found
            if not PICTURES & set(output.get("data", {}))
        )
        counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1)), "It was not run from top to bottom."
        assert script.with_suffix(".ipynb").stat().st_size <= build.LARGEST

    def test_links_lead_somewhere(self, script: Path) -> None:
        text = "\n".join(
            cell.source for cell in committed(script).cells if cell.cell_type == "markdown"
        )
        links = [
            link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith("https://")
        ]
        assert [link for link in links if not (NOTEBOOKS / link).is_file()] == []

    def test_nothing_of_a_machine_is_in_it(self, script: Path) -> None:
        for output in outputs(committed(script)):
            assert not OF_A_MACHINE.search(shown(output))
