"""What long work shows on stderr: bars, or a spinner where nobody knows how long it takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID


# What is told may have names of users in it, so [/x] is no markup there.
_PLAIN: dict[str, Any] = {"soft_wrap": True, "markup": False, "highlight": False}
_MINUTE = 60.0


class Bar:
    """One bar; without a display nothing is shown. That of a terminal is rich's."""

    def __init__(self, display: Progress | None = None, task: TaskID | None = None) -> None:
        self._display, self._task = display, task

    def advance(self, n: int = 1) -> None:
        """Say that n more are done."""
        if self._display is not None and self._task is not None:
            self._display.advance(self._task, n)

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how many are done, if it is known now of how many, and what is to stand beside the bar."""
        if self._display is not None and self._task is not None:
            self._display.update(self._task, completed=done, total=total, note=note)

    def note(self, text: str) -> None:
        """Say what is to stand beside the bar."""
        if self._display is not None and self._task is not None:
            self._display.update(self._task, note=text)


class Lines:
    """Progress where there is no terminal: the first line, one in half a minute, and the last.

    >>> times = iter([0, 10, 29, 31, 32])
    >>> lines = Lines(print, clock=lambda: next(times))
    >>> for step in range(1, 6):
    ...     lines.tell(f"step {step}", last=step == 5)
    step 1
    step 4
    step 5
    """

    def __init__(
        self, write: Callable[[str], object], seconds: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write, self._seconds, self._clock = write, seconds, clock
        self._told = -math.inf

    def tell(self, line: str, *, last: bool = False) -> None:
        """Write the line, if it is time for one."""
        now = self._clock()
        if last or now - self._told >= self._seconds:
            self._write(line)
            self._told = now


class _LineBar(Bar):
    """A bar in lines, where there is no terminal."""

    def __init__(self, write: Callable[[str], object], what: str, total: int | None, done: int, in_bytes: bool) -> None:
        super().__init__()
        self._count = (lambda n: f"{n / 1e6:,.1f} MB") if in_bytes else "{:,}".format
        self._lines, self._what, self._total, self._done, self._begun = Lines(write), what, total, done, done
        self._start, self._told_last = time.monotonic(), False

    def advance(self, n: int = 1) -> None:
        """Say that n more are done."""
        self.update(self._done + n)

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how many are done."""
        total = self._total if total is None else total
        if self._told_last and (done, total) == (self._done, self._total) and not note:
            return
        self._done, self._total, self._told_last = done, total, done == total
        elapsed, new = time.monotonic() - self._start, done - self._begun
        line = f"{self._what}: {self._count(done)}" + ("" if self._total is None else f" of {self._count(self._total)}")
        line += f", {elapsed:,.0f} s elapsed"
        if self._total is not None and self._total > done and 100 * new >= self._total - self._begun:
            line += f", {elapsed * (self._total - done) / new:,.0f} s left"
        self._lines.tell(f"{line} {note}".rstrip(), last=done == self._total)

    def repeat(self) -> None:
        """Say the same again with the time that has passed, unless all is done."""
        if self._done != self._total:
            self.update(self._done)

    def note(self, text: str) -> None:
        """Say what is done now."""
        if text:
            self.update(self._done, note=f"({text})")


@contextmanager
def heartbeat(do: Callable[[], object], seconds: float | None = None) -> Iterator[None]:
    """Call a function every so many seconds, in a thread, while the context lasts.

    By default every minute: a log tells that work goes on even where no step of it ends.
    """
    over = Event()

    def beat() -> None:
        while not over.wait(_MINUTE if seconds is None else seconds):
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
    """Show bars, one below the other, while the context lasts.

    What is yielded makes one of a name, the number to be done (None where it is not known yet) and that which is done.
    """
    if not shown:
        yield lambda what, total, done: Bar()
        return
    from rich.console import Console

    console = Console(stderr=True)
    if not (console.is_terminal or (console.is_jupyter and find_spec("ipywidgets"))):  # a log
        bars: list[_LineBar] = []

        def add(what: str, total: int | None, done: int) -> Bar:
            bars.append(_LineBar(partial(console.print, **_PLAIN), what, total, done, in_bytes))
            return bars[-1]

        def repeat() -> None:
            for bar in bars:
                bar.repeat()

        with heartbeat(repeat):
            yield add
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), *_counts(in_bytes))
    note = TextColumn("{task.fields[note]}", markup=False)
    with Progress(*columns, note, console=console) as display:
        yield lambda what, total, done: Bar(display, display.add_task(what, total=total, completed=done, note=""))


def _counts(in_bytes: bool) -> tuple[ProgressColumn, ...]:
    from rich.progress import (
        DownloadColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    if in_bytes:
        return DownloadColumn(), TransferSpeedColumn()
    times = (TimeElapsedColumn(), TextColumn("elapsed,"), TimeRemainingColumn(), TextColumn("left"))
    return MofNCompleteColumn(), *times


@contextmanager
def progress_bar(what: str, total: int | None = None, done: int = 0, *, shown: bool = True) -> Iterator[Bar]:
    """Show one bar while the context lasts; the total is left out where it is not known yet."""
    with progress_bars(shown=shown) as add:
        yield add(what, total, done)


@contextmanager
def spinner(what: str, *, shown: bool = True) -> Iterator[Callable[..., None]]:
    """Show that something is done while the context lasts; off a terminal, what is told of it now and then in lines.

    What is yielded is told in words what is done now; with ``last=True`` it is shown in any case.
    """
    if not shown:
        yield lambda line, last=False: None
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(Text(what)) as status:
            yield lambda line, last=False: status.update(Text(line))
        return
    lines, start, now = Lines(partial(console.print, **_PLAIN)), time.monotonic(), what

    def tell(line: str, last: bool = False) -> None:
        nonlocal now
        now = line
        lines.tell(line, last=last)

    with heartbeat(lambda: lines.tell(f"{now}: {time.monotonic() - start:,.0f} s elapsed")):
        yield tell
