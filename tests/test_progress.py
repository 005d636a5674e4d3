"""Progress on stderr."""

from __future__ import annotations

import time

import pytest

from nasmeta.progress import progress_bar


@pytest.fixture
def _on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.usefixtures("_on_a_terminal")
def test_a_bar_shows_counts_and_the_note(capsys: pytest.CaptureFixture) -> None:
    with progress_bar("cells [of nb201]", done=2) as bar:
        bar.update(3, 8, note="loss [0.5]")
        bar.advance(4)
    out, errors = capsys.readouterr()
    assert out == ""
    assert all(text in errors for text in ("cells [of nb201]", "7/8", "loss [0.5]"))


def test_a_log_has_a_line_every_30_seconds(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0, *range(600, 1000, 10)])  # the first run waits for a meta-training
    monkeypatch.setattr("nasmeta.progress.time.monotonic", lambda: next(now))
    with progress_bar("runs [of nb201]", 6, done=1) as bar:
        for _ in range(5):
            bar.advance()
    assert capsys.readouterr().err.splitlines() == [
        "runs [of nb201]: 2 of 6, 10.0 min elapsed",
        "runs [of nb201]: 5 of 6, 10.5 min elapsed",
        "runs [of nb201]: 6 of 6, 10.7 min elapsed",
    ]


def test_a_log_has_lines_without_progress(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nasmeta.progress.heartbeat.__wrapped__.__defaults__", (0.02,))
    with progress_bar("fitting") as bar:
        bar.note("reading")
        time.sleep(0.2)
    assert capsys.readouterr().err.splitlines() == ["fitting: reading, 0 s elapsed"]


def test_progress_can_be_hidden(capsys: pytest.CaptureFixture) -> None:
    with progress_bar("cells", 3, shown=False) as bar:
        bar.advance()
    assert capsys.readouterr() == ("", "")
