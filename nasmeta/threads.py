"""One thread per process in linear algebra; worker processes that end with their parent."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_CHECK_SECONDS = 0.2

_lock = threading.Lock()
_inside = 0
_limiters: list[Any] = []  # the first one has the limits before `one_thread`
_torch_before: int | None = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Run linear algebra on one thread, as `search` and `compare` do.

    The last bits of a sum depend on the number of threads, so a run would otherwise depend on the
    machine. Matrices of this package's size are faster on one thread, particularly on a busy
    machine. The limit includes SciPy and PyTorch if they are imported inside.
    """
    global _inside, _torch_before
    torch: Any = sys.modules.get("torch")
    # before its OpenMP is limited
    threads = torch.get_num_threads() if hasattr(torch, "get_num_threads") else None
    # in every thread: some limits are per thread
    limiter = _controller("scipy.linalg" in sys.modules).limit(limits=1)
    with _lock:
        _inside += 1
        if _inside == 1:
            _limiters.append(limiter)
            _torch_before = threads
            sys.meta_path.insert(0, _on_import)
    if threads is not None:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            # not while others are inside, as the threads of a Dask worker; these stay at one
            if _inside == 0:
                while _limiters:
                    _limiters.pop().restore_original_limits()
                sys.meta_path.remove(_on_import)
                if _torch_before is not None:
                    sys.modules["torch"].set_num_threads(_torch_before)


class _OnImport(MetaPathFinder):
    """Limit the threads of SciPy's BLAS and of PyTorch when they are imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in ("scipy.linalg", "torch"):
            return None
        others = (
            finder.find_spec(fullname, path, target)
            for finder in sys.meta_path
            if finder is not self
        )
        spec = next(filter(None, others), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_limit(module: ModuleType) -> None:
                execute(module)
                _limit_new(module)

            spec.loader.exec_module = execute_and_limit  # type: ignore[method-assign]
        return spec


_on_import = _OnImport()


def _limit_new(module: Any) -> None:
    global _torch_before
    with _lock:
        if not _inside:
            return
        if module.__name__ == "torch":
            _torch_before = module.get_num_threads()
            module.set_num_threads(1)
        else:
            _limiters.append(_controller(True).limit(limits=1))


@cache
def _controller(with_scipy: bool) -> Any:
    """Find the libraries with threads; cached, because the search takes longer than a short run."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def end_with(parent: int) -> None:
    """Ignore SIGINT in a worker; exit when the parent process dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
