"""Progress on stderr: a bar of rich on a terminal, a line every 30 seconds elsewhere."""

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
    from rich.progress import Progress

_SECONDS_PER_LINE = 30.0
_HEARTBEAT_SECONDS = 60.0


class Bar:
    """A progress bar; this base class displays nothing. The total is None if it is unknown."""

    def __init__(self, what: str, total: int | None, done: float) -> None:
        self._what, self._total, self._done, self._note = what, total, done, ""

    def advance(self, n: int = 1) -> None:
        """Add to the number of finished steps."""
        self.update(self._done + n, note=self._note)

    def note(self, text: str) -> None:
        """Set the text after the bar."""
        self.update(self._done, note=text)

    def update(self, done: float, total: int | None = None, note: str = "") -> None:
        """Set the number of finished steps, optionally the total, and the text after the bar."""
        self._done, self._note = done, note
        self._total = self._total if total is None else total
        self.show()

    def show(self) -> None:
        """Display the state."""


class _TerminalBar(Bar):
    def __init__(self, display: Progress, what: str, total: int | None, done: float) -> None:
        super().__init__(what, total, done)
        self._display, self._task = display, display.add_task(what, total=total, note="")
        self.show()

    def show(self) -> None:
        self._display.update(self._task, completed=self._done, total=self._total, note=self._note)


class _LogBar(Bar):
    """Print the first state, the state every 30 seconds, and the last."""

    def __init__(self, console: Console, what: str, total: int | None, done: float) -> None:
        super().__init__(what, total, done)
        self._console, self._start, self._printed, self._last_line = (
            console,
            time.monotonic(),
            -math.inf,
            "",
        )

    def show(self) -> None:
        now = time.monotonic()
        if self._done != self._total and now - self._printed < _SECONDS_PER_LINE:
            return
        counted = f"{round(self._done, 2):,.12g}" + (
            "" if self._total is None else f" of {self._total:,}"
        )
        parts = [
            counted if self._done or self._total else "",
            self._note,
            f"{duration(now - self._start)} elapsed",
        ]
        line = f"{self._what}: {', '.join(part for part in parts if part)}"
        if line != self._last_line:  # rich would read [text] as markup
            self._console.print(line, soft_wrap=True, markup=False, highlight=False)
        self._printed, self._last_line = now, line


def duration(seconds: float) -> str:
    """Format a time.

    >>> duration(3e-5), duration(42.0), duration(173.0), duration(9000.0), duration(1e6)
    ('0 s', '42 s', '2.9 min', '2.5 h', '11.6 days')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


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
def progress_bar(
    what: str, total: int | None = None, done: int = 0, *, shown: bool = True, estimate: bool = True
) -> Iterator[Bar]:
    """Show one bar, with an estimate of the time left; the total is None if it is unknown."""
    if not shown:
        yield Bar(what, total, done)
        return
    from rich import progress
    from rich.console import Console
    from rich.table import Column

    console = Console(stderr=True)
    if not (console.is_terminal or (console.is_jupyter and find_spec("ipywidgets"))):
        bar = _LogBar(console, what, total, done)
        with heartbeat(bar.show):
            yield bar
        return
    time_width = Column(min_width=7)  # a narrow terminal shortens names, not times
    elapsed = progress.TimeElapsedColumn(time_width), progress.TextColumn("elapsed,")
    left = progress.TimeRemainingColumn(table_column=time_width), progress.TextColumn("left")
    title, note = (
        progress.TextColumn(text, markup=False)
        for text in ("{task.description}", "{task.fields[note]}")
    )
    columns = [
        title,
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        *elapsed,
        *(left if estimate else ()),
        note,
    ]
    with progress.Progress(*columns, console=console) as display:
        yield _TerminalBar(display, what, total, done)
