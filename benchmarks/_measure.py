"""Measuring two things in turns, and saying on what machine."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

Sample = Callable[[], float]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_ALL_CORES = (
    os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
)


@dataclass
class Row:
    """One line of the report: our samples beside the peer's, the i-th of each measured one after the other."""

    case: str
    what: str
    unit: str
    ours: list[float]
    higher_is_better: bool = False
    peer: str = "–"  # what it is, or why it is missing
    peers: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """How many times better ours is, pair by pair."""
        pairs = zip(self.ours, self.peers, strict=True) if self.peers else ()
        return [a / b if self.higher_is_better else b / a for a, b in pairs]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, raw samples included."""
        return {**asdict(self), "ratios": self.ratios}


def in_turns(rounds: int, *samples: Sample | None) -> list[list[float]]:
    """Take a sample of each in turns, A B A B …; for None the list stays empty. One unrecorded turn warms up."""
    numbers: list[list[float]] = [[] for _ in samples]
    for turn in range(rounds + 1):
        for values, sample in zip(numbers, samples, strict=True):
            if sample is not None:
                gc.collect()  # so that nobody pays for the other's garbage; collection stays on while measuring
                value = sample()
                if turn:
                    values.append(value)
    return numbers


def per_call(function: Callable[[], object], calls: int = 1, unit: float = 1.0) -> Sample:
    """Return a sample: the time of one call, the mean of several in a row, in a unit such as 1e-3 for ms."""

    def sample() -> float:
        start = perf_counter()
        for _ in range(calls):
            function()
        return (perf_counter() - start) / calls / unit

    return sample


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout


def python_seconds(code: str) -> float:
    """Wall time of a fresh interpreter that runs code."""
    start = perf_counter()
    python(code)
    return perf_counter() - start


def pin_to_one_core() -> str:
    """Stay on one core where the system can; return what was done, in words."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned to a core, one thread"
    os.sched_setaffinity(0, {max(_ALL_CORES)})
    return "pinned to one core, one thread"


@contextmanager
def unpinned() -> Iterator[dict[str, str]]:
    """Give all cores back for a while; yield the environment of a child without limits of threads."""
    now = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if now is not None:
        os.sched_setaffinity(0, _ALL_CORES)
    try:
        yield {key: value for key, value in os.environ.items() if key not in THREAD_VARIABLES}
    finally:
        if now is not None:
            os.sched_setaffinity(0, now)


def machine() -> dict[str, Any]:
    """Return processor, cores, load and date."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        cpu = next(
            (line.split(":")[1].strip() for line in lines if line.startswith("model name")), cpu
        )
    return {
        "cpu": cpu,
        "cores": len(_ALL_CORES),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
