"""One thread a process in linear algebra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Run linear algebra on one thread, as worker processes do: the last bits of a sum depend on the number."""
    import scipy.linalg  # noqa: F401  (brings its own BLAS, which must be there before the limit is set)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
