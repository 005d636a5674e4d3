"""The code on the pages of the documentation runs as it stands there, from top to bottom, and prints what follows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.experiments import read_specification

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(page for page in DOCS.glob("**/*.md") if "generated" not in page.parts)
CODE = re.compile(r"^```(python|bash|toml|output)\n(.*?)^```", re.DOTALL | re.MULTILINE)
WITH_CODE = [page for page in PAGES if re.search(CODE, page.read_text("utf-8"))]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_code_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    for language, block in CODE.findall(page.read_text("utf-8")):
        if language == "output":
            assert capsys.readouterr().out == block
            continue
        capsys.readouterr()
        if language == "python":
            exec(compile(block, str(page), "exec"), names)
            continue
        if language == "toml":
            named = re.match(r"# (\S+\.toml)\n", block)
            file = tmp_path / (named[1] if named else "page.toml")
            file.write_text(block, encoding="utf-8")
            read_specification(file)
            continue
        for line in block.splitlines():
            result = CliRunner().invoke(app, shlex.split(line)[1:])
            assert result.exit_code == 0, f"{line}: {result.output}"
    plt.close("all")


def test_each_page_is_in_the_navigation() -> None:
    listed = set()
    for page in PAGES:
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            listed |= {(page.parent / line).resolve() for line in block.split() if not line.startswith(":")}
    missing = [page.name for page in PAGES if page.with_suffix("").resolve() not in listed and page.name != "index.md"]
    assert not missing
