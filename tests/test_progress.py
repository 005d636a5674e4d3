"""Progress: on stderr, the same for all long work."""

from __future__ import annotations

import time
from functools import partial

import pytest

from nasmeta.progress import Lines, progress_bar, progress_bars, spinner


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.usefixtures("on_a_terminal")
def test_a_bar_says_how_many_of_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("cells [of nb201]", done=2) as bar:
        bar.update(3, 8, note="loss [0.5]")
        bar.advance(4)
    out, errors = capsys.readouterr()
    assert out == ""
    assert all(text in errors for text in ("cells [of nb201]", "7/8", "loss [0.5]"))  # no markup of ours


@pytest.mark.usefixtures("on_a_terminal")
def test_bars_of_downloads_count_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars(in_bytes=True) as add:
        first, second = add("one", 3_000_000, 0), add("two", 5_000, 0)
        first.update(1_500_000)
        second.update(5_000)
    errors = capsys.readouterr().err
    assert "one" in errors
    assert "1.5/3.0 MB" in errors
    assert "5.0/5.0 kB" in errors


def test_off_a_terminal_a_bar_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr("nasmeta.progress.time.monotonic", lambda: next(now))
    with progress_bar("runs [of nb201]", 6, done=1) as bar:
        for _ in range(5):
            bar.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "runs [of nb201]: 2 of 6, 10 s elapsed, 40 s left",
        "runs [of nb201]: 6 of 6, 50 s elapsed",
    ]
    with progress_bars(in_bytes=True) as add:
        add("one", 3_000_000, 0).update(1_500_000)
    assert capsys.readouterr().err.startswith("one: 1.5 MB of 3.0 MB")


def test_a_log_tells_that_long_work_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nasmeta.progress._MINUTE", 0.02)
    with progress_bar("runs", 6), spinner("fitting"):
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert sorted(lines) == ["fitting: 0 s elapsed", "runs: 0 of 6, 0 s elapsed"]  # each once in half a minute


def test_a_log_tells_what_goes_on_now(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasmeta.progress._MINUTE", 0.02)
    monkeypatch.setattr("nasmeta.progress.Lines", partial(Lines, seconds=0.0))
    with spinner("reading") as tell:
        tell("training 3 cells")
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "training 3 cells"
    assert "training 3 cells: 0 s elapsed" in lines
    assert not any(line.startswith("reading") for line in lines)


def test_off_a_terminal_a_spinner_tells_first_and_last(capsys: pytest.CaptureFixture[str]) -> None:
    with spinner("learning") as tell:
        for step in range(1, 5):
            tell(f"[step] {step}", last=step == 4)
    assert capsys.readouterr().err.splitlines() == ["[step] 1", "[step] 4"]


def test_nothing_is_shown_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    with spinner("learning", shown=False) as tell, progress_bar("cells", 3, shown=False) as bar:
        tell("step 1", last=True)
        bar.advance()
        bar.update(2)
    assert capsys.readouterr() == ("", "")
