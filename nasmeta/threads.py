"""One thread a process in linear algebra."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["one_thread"]

_lock = threading.Lock()
_inside = 0
_before: Any = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Run linear algebra on one thread, as `search` and `compare` do.

    The last bits of a sum depend on the number of threads, so a run would otherwise depend on the machine. And for
    matrices of this package's size several threads are slower, many times so on a machine that is busy.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.threads import one_thread
    >>> with one_thread():
    ...     float((np.ones((3, 4)) @ np.ones(4)).sum())
    12.0
    """
    global _inside, _before
    limiter = _controller().limit(limits=1)  # in every thread: to some libraries the number is one of the thread
    with _lock:
        _inside += 1
        if _inside == 1:
            _before = limiter
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:  # not while others are inside, as the threads of a Dask worker; these stay at one
                _before.restore_original_limits()


@cache
def _controller() -> Any:
    """Find the libraries that have threads once: looking for them costs more than a short run."""
    import scipy.linalg  # noqa: F401  (brings its own BLAS, which must be there before the search for libraries)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
