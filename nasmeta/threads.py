"""One thread a process in linear algebra; processes that end with the one they work for."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_CHECK_SECONDS = 0.2

_lock = threading.Lock()
_inside = 0
_before: Any = None
_torch_before: int | None = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Run linear algebra on one thread, as `search` and `compare` do.

    The last bits of a sum depend on the number of threads, so a run would otherwise depend on the machine. And for
    matrices of this package's size several threads are slower, many times so on a machine that is busy. PyTorch is kept
    to one thread, too, whether it was imported and used before or is imported inside.
    """
    global _inside, _before, _torch_before
    torch: Any = sys.modules.get("torch")
    had = torch.get_num_threads() if hasattr(torch, "get_num_threads") else None  # before its OpenMP is limited
    limiter = _controller().limit(limits=1)  # in every thread: to some libraries the number is one of the thread
    with _lock:
        _inside += 1
        if _inside == 1:
            _before, _torch_before = limiter, had
        if torch is None and _on_import not in sys.meta_path:
            sys.meta_path.insert(0, _on_import)
    if had is not None:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:  # not while others are inside, as the threads of a Dask worker; these stay at one
                _before.restore_original_limits()
                with suppress(ValueError):
                    sys.meta_path.remove(_on_import)
                if _torch_before is not None:
                    sys.modules["torch"].set_num_threads(_torch_before)


class _OnImport(MetaPathFinder):
    """Finds PyTorch where the others do and puts it on one thread: it asks no limit that was set before."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "torch":
            return None
        with suppress(ValueError):  # another thread was first
            sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_limit(module: ModuleType) -> None:
                execute(module)
                _limit_new(module)

            spec.loader.exec_module = execute_and_limit  # type: ignore[method-assign]
        return spec


_on_import = _OnImport()


def _limit_new(torch: Any) -> None:
    global _torch_before
    with _lock:
        if _inside:
            _torch_before = torch.get_num_threads()
            torch.set_num_threads(1)


@cache
def _controller() -> Any:
    """Find the libraries that have threads once: looking for them costs more than a short run."""
    import scipy.linalg  # noqa: F401  (brings its own BLAS, which must be there before the search for libraries)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def end_with(parent: int) -> None:
    """Leave interrupts to the process that this one works for, and end with it, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def kill_workers(executor: Any) -> None:
    """Kill the processes of an executor; loky's own way needs another program, pgrep."""
    for pid in list(executor._processes or ()):
        with suppress(OSError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
