"""Progress on stderr: bars of rich on a terminal, a line every 30 seconds elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, TaskID

_SECONDS_PER_LINE = 30.0
_HEARTBEAT_SECONDS = 60.0


class Bar:
    """A progress bar that is not displayed; base class of the others."""

    def advance(self, n: int = 1) -> None:
        """Add to the number of finished steps."""

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """Set the number of finished steps, optionally the total, and the text after the bar."""

    def note(self, text: str) -> None:
        """Set the text after the bar."""


class _TerminalBar(Bar):
    def __init__(self, display: Progress, task: TaskID) -> None:
        self._display, self._task = display, task

    def advance(self, n: int = 1) -> None:
        self._display.advance(self._task, n)

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        self._display.update(self._task, completed=done, total=total, note=note)

    def note(self, text: str) -> None:
        self._display.update(self._task, note=text)


class _LogBar(Bar):
    """Print the first state, the state every 30 seconds, and the last."""

    def __init__(self, console: Console, what: str, total: int | None, done: int, in_bytes: bool) -> None:
        self._console, self._what, self._total, self._in_bytes = console, what, total, in_bytes
        self._first = self._done = done
        self._start, self._printed = time.monotonic(), -math.inf
        self._last_line, self._note = "", ""

    def advance(self, n: int = 1) -> None:
        self.update(self._done + n)

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        self._done, self._total, self._note = done, self._total if total is None else total, note
        self.print(now=done == self._total)

    def note(self, text: str) -> None:
        self._note = text
        self.print()

    def print(self, now: bool = False) -> None:
        """Print the state if 30 seconds have passed since the last line, or at once."""
        time_now = time.monotonic()
        if not now and time_now - self._printed < _SECONDS_PER_LINE:
            return
        line = ", ".join(part for part in (self._counted(), self._note, self._times(time_now - self._start)) if part)
        line = f"{self._what}: {line}"
        if line != self._last_line:  # rich would read [text] as markup
            self._console.print(line, soft_wrap=True, markup=False, highlight=False)
        self._printed, self._last_line = time_now, line

    def _counted(self) -> str:
        if self._total is None and not self._done:
            return ""
        numbers = [self._done] if self._total is None else [self._done, self._total]
        return " of ".join(f"{n / 1e6:,.1f} MB" if self._in_bytes else f"{n:,}" for n in numbers)

    def _times(self, elapsed: float) -> str:
        times = f"{elapsed:,.0f} s elapsed"
        if self._total is None or self._done in (self._first, self._total):
            return times
        left = elapsed * (self._total - self._done) / (self._done - self._first)
        return f"{times}, {left:,.0f} s left"


@contextmanager
def heartbeat(do: Callable[[], object], seconds: float = _HEARTBEAT_SECONDS) -> Iterator[None]:
    """Call a function periodically in a thread."""
    over = Event()

    def beat() -> None:
        while not over.wait(seconds):
            do()

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def progress_bars(*, shown: bool = True, in_bytes: bool = False) -> Iterator[Callable[[str, int | None, int], Bar]]:
    """Yield a function that adds a bar: of a title, the total (None if unknown), and the steps already done."""
    if not shown:
        yield lambda what, total, done: Bar()
        return
    from rich.console import Console

    console = Console(stderr=True)
    if not (console.is_terminal or (console.is_jupyter and find_spec("ipywidgets"))):
        bars: list[_LogBar] = []

        def add(what: str, total: int | None, done: int) -> Bar:
            bars.append(_LogBar(console, what, total, done, in_bytes))
            return bars[-1]

        def repeat() -> None:
            for bar in bars:
                bar.print()

        with heartbeat(repeat):
            yield add
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), *_counts(in_bytes))
    note = TextColumn("{task.fields[note]}", markup=False)
    with Progress(*columns, note, console=console) as display:
        yield lambda what, total, done: _TerminalBar(
            display, display.add_task(what, total=total, completed=done, note="")
        )


def _counts(in_bytes: bool) -> tuple[ProgressColumn, ...]:
    from rich import progress

    if in_bytes:
        return progress.DownloadColumn(), progress.TransferSpeedColumn()
    elapsed = progress.TimeElapsedColumn(), progress.TextColumn("elapsed,")
    left = progress.TimeRemainingColumn(), progress.TextColumn("left")
    return progress.MofNCompleteColumn(), *elapsed, *left


@contextmanager
def progress_bar(what: str, total: int | None = None, done: int = 0, *, shown: bool = True) -> Iterator[Bar]:
    """Show one bar; the total is None if it is unknown."""
    with progress_bars(shown=shown) as add:
        yield add(what, total, done)
