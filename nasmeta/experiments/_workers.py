"""Jobs of a comparison, done in this process, in several, or on several machines."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from typing import Any

from nasmeta.errors import NasmetaError
from nasmeta.experiments._backends import Backend, Connection, GpuSlots
from nasmeta.experiments._jobs import DataFingerprint, Job
from nasmeta.threads import end_with, one_thread

_PARENT_CHECK_SECONDS = 0.2
_MOST_DEATHS = 3  # of workers, while no job ends
_STUCK_SECONDS = 5.0  # that loky knows of a dead worker and does nothing; it usually takes milliseconds


def results_of(
    jobs: Sequence[Job], backend: Backend, connect: Callable[[], Connection], data: DataFingerprint
) -> Iterator[tuple[Job, Any]]:
    """Do jobs; yield each result with its job, in any order, as soon as it is there.

    Where a worker dies, its job is done again by another one, which goes on from its journal; where workers die again
    and again while no job ends, it is an error. An interrupt ends the processes; further ones are ignored until they
    are gone.
    """
    if not backend.is_cluster and (backend.workers == 1 or len(jobs) <= 1):
        with one_thread():
            for job in jobs:
                for result in job.results():
                    yield job, result
        return
    left, deaths = dict(enumerate(jobs)), 0
    while left:
        connection = connect()
        try:
            with _one_interrupt(), closing(_pass(dict(left), backend, connection, data)) as results:
                for i, of_job in results:
                    job, deaths = left.pop(i), 0
                    for result in of_job:
                        yield job, result
        except connection.deaths as reason:
            deaths += 1
            if deaths >= _MOST_DEATHS:
                said = " ".join(str(reason).split())
                raise NasmetaError(
                    f"Workers ({backend.name}) died {deaths} times while no job ended: {said:.300} "
                    "Is there enough memory on each node? What is in a folder is kept: the same call goes on."
                ) from reason


def _pass(
    jobs: Mapping[int, Job], backend: Backend, connection: Connection, data: DataFingerprint
) -> Generator[tuple[int, list[Any]]]:
    """Do jobs until all are done or a worker has died."""
    from joblib import Parallel, delayed, parallel_config

    parent = None if backend.is_cluster else os.getpid()
    with parallel_config(connection.joblib_name, n_jobs=connection.workers, **connection.options):
        # On a cluster a job is a message of its own: what dies with a worker is one.
        parallel = Parallel(return_as="generator_unordered", batch_size=1 if backend.is_cluster else "auto")
        results = parallel(
            delayed(_in_worker)(i, job, parent, data.of(job) if backend.is_cluster else None, connection.slots)
            for i, job in jobs.items()
        )
        try:
            with closing(results), nullcontext() if backend.is_cluster else _no_endless_wait():
                yield from results
        except BaseException:
            if not backend.is_cluster:
                _end_loky()
            raise


def _end_loky() -> None:
    from joblib.externals.loky import get_reusable_executor

    executor = get_reusable_executor()
    _kill_workers(executor)
    executor.shutdown(wait=True, kill_workers=True)


def _kill_workers(executor: Any) -> None:
    for pid in list(executor._processes or ()):  # loky's own way needs another program, pgrep
        with suppress(OSError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


@contextmanager
def _no_endless_wait() -> Iterator[None]:
    """Let loky notice a worker that died while it wrote a result.

    Its manager then waits for the rest of the message for ever, since this process, too, holds the pipe's end for
    writing. Once that is closed and no worker is left, the message ends, and loky says that its pool is broken.
    """
    from joblib.externals.loky import reusable_executor

    over = threading.Event()

    def watch() -> None:
        dead_for = 0.0
        while not over.wait(_PARENT_CHECK_SECONDS):
            executor = reusable_executor._executor
            processes = [] if executor is None else list((executor._processes or {}).values())
            dead = any(process.exitcode is not None for process in processes)
            dead_for = dead_for + _PARENT_CHECK_SECONDS if dead else 0.0
            if dead_for >= _STUCK_SECONDS:
                _kill_workers(executor)
                with suppress(OSError):
                    executor._result_queue._writer.close()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@contextmanager
def _one_interrupt() -> Iterator[None]:
    """Let the first interrupt through and ignore the next ones, which would break the ending of the workers."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _in_worker(
    position: int, job: Job, parent: int | None, data: DataFingerprint | None, slots: GpuSlots | None
) -> tuple[int, list[Any]]:
    """Do a job in a worker process."""
    if slots is not None:
        slots.take()
    if parent is not None:
        end_with(parent)  # nobody else writes to the journals
    with one_thread():
        if data is not None:
            data.require_here(job)
        return position, list(job.results())
