"""What tests of commands share."""

from __future__ import annotations

import pytest
import typer.rich_utils  # noqa: F401 (reads FORCE_COLOR when it is imported, so before any test sets it)
from matplotlib.figure import Figure


@pytest.fixture
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands save small empty figures: for tests of what they say and write beside the curves."""
    monkeypatch.setattr(
        "nasmeta.analysis.report._write.plot_regret", lambda *_, **__: Figure(figsize=(1, 1))
    )
