"""Backends of a comparison: local processes, Ray or Dask clusters, all through joblib; and their GPUs."""

from __future__ import annotations

import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nasmeta.checks import check_int, check_number
from nasmeta.errors import MissingPackageError, NasmetaError, SettingError, UnknownNameError
from nasmeta.threads import kill_workers

_VARIABLE = "CUDA_VISIBLE_DEVICES"
_WAIT_SECONDS = 60.0  # for the slot of a worker that is ending
_held: dict[str, Any] = {}  # this process's lock, by folder


def visible_gpus() -> list[str]:
    """Return the names of the GPUs that this process sees, as in ``CUDA_VISIBLE_DEVICES``."""
    named = os.environ.get(_VARIABLE)
    if named is not None:
        return [*takewhile(lambda one: one and not one.startswith("-"), map(str.strip, named.split(",")))]
    try:
        import torch
    except ImportError:
        return []
    return [str(i) for i in range(torch.cuda.device_count())]


@dataclass(frozen=True)
class GpuSlots:
    """One slot per worker, each with a GPU; the system frees the slot of a process that ended."""

    folder: str  # with a lock per slot, on this machine
    devices: tuple[str, ...]  # the GPU of each slot

    def take(self) -> None:
        """Let this process see only the GPU of a free slot; it must not have used a GPU before."""
        from filelock import FileLock, Timeout

        if self.folder in _held:
            return
        until = time.monotonic() + _WAIT_SECONDS
        while True:
            for i, device in enumerate(self.devices):
                lock = FileLock(Path(self.folder) / f"{i}.lock", timeout=0)
                try:
                    lock.acquire()
                except Timeout:
                    continue
                _held[self.folder] = lock
                os.environ[_VARIABLE] = device
                return
            if time.monotonic() > until:
                raise NasmetaError(f"All {len(self.devices)} slots on the GPUs of this machine are taken.")
            time.sleep(0.1)


BACKENDS = ("loky", "ray", "dask")
_MODULES = {"ray": "ray", "dask": "distributed"}
_CONNECT_SECONDS = 15
_RETRIES = 3  # of a job on other Ray workers, before the driver is informed


@dataclass(frozen=True)
class Backend:
    """Where jobs run."""

    name: str = "loky"
    address: str | None = None  # of a running cluster
    workers: int | None = 1  # None for all CPUs of a cluster
    gpus: float | None = None  # per worker

    @classmethod
    def of(
        cls, name: str, address: str | None = None, workers: int | None = None, gpus: float | None = None
    ) -> Backend:
        """Check the arguments of a user, and that the backend is installed."""
        if name not in BACKENDS:
            raise UnknownNameError.of("backend", name, BACKENDS)
        own = None if gpus is None else check_number("gpus_per_worker", gpus, 0.01, 1)
        if name == "loky":
            if address is not None:
                raise SettingError("loky runs on this machine and has no address. Clusters: backend ray or dask.")
            fitting = None if own is None else _fitting(own)
            n = check_int("workers", (fitting or 1) if workers is None else workers, most=1_000)
            if fitting is not None and n > fitting:
                raise SettingError(
                    f"{n} workers of {own:g} GPUs each do not fit on the {len(visible_gpus())} GPUs here; {fitting} do."
                )
            return cls(name, None, n, own)
        if find_spec(_MODULES[name]) is None:
            raise MissingPackageError.of(f"The backend {name}", name, _MODULES[name])
        if workers is not None:
            check_int("workers", workers, most=100_000)
        return cls(name, address, workers, own)

    @property
    def is_cluster(self) -> bool:
        """Whether jobs may run on other machines."""
        return self.name != "loky"


@dataclass(frozen=True)
class Connection:
    """A connection to worker processes."""

    joblib_name: str  # joblib's name of the backend
    workers: int  # number of simultaneous jobs
    options: dict[str, Any]  # for joblib's `parallel_config`
    deaths: tuple[type[BaseException], ...]  # raised if a worker died, not if a job failed
    slots: GpuSlots | None = None  # if each worker is on this machine and has a GPU


@contextmanager
def connected(backend: Backend) -> Iterator[Callable[[], Connection]]:
    """Yield a function that connects at its first call, and returns this connection afterwards.

    A running cluster is used and stays: the one to which this process is connected, or the one at the address,
    ``RAY_ADDRESS`` or ``DASK_SCHEDULER_ADDRESS``. Otherwise a cluster is started on this machine, and ends with the
    block. The function raises a NasmetaError if no cluster responds, or if it has too few workers.
    """
    connect = {"loky": _loky, "ray": _ray, "dask": _dask}[backend.name]
    with ExitStack() as stack:
        yield cache(lambda: connect(backend, stack))


def _loky(backend: Backend, stack: ExitStack) -> Connection:
    from joblib.externals.loky.process_executor import BrokenProcessPool

    stack.enter_context(warnings.catch_warnings())
    # loky takes opened tables and models for a memory leak, and replaces such a worker.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    options, workers = {"inner_max_num_threads": 1}, backend.workers or 1
    slots = None if backend.gpus is None else _slots(workers, stack)
    if slots is not None:  # a process that has used one GPU cannot be shown another
        end_loky()
        stack.callback(end_loky)
    return Connection("loky", workers, options, (BrokenProcessPool,), slots)


def end_loky() -> None:
    """End the worker processes of this machine."""
    from joblib.externals.loky import get_reusable_executor

    executor = get_reusable_executor()
    kill_workers(executor)
    executor.shutdown(wait=True, kill_workers=True)


def _fitting(gpus: float) -> int:
    """Return the number of workers that fit on the GPUs of this machine."""
    there = len(visible_gpus())
    if not there:
        raise SettingError("There is no GPU on this machine, or CUDA_VISIBLE_DEVICES hides it: no gpus_per_worker.")
    return there * int(1 / gpus + 1e-9)


def _slots(workers: int, stack: ExitStack) -> GpuSlots:
    """Return a slot for each worker of this machine, on its GPUs in turn."""
    devices = visible_gpus()
    folder = stack.enter_context(TemporaryDirectory(prefix="nasmeta-gpus-", ignore_cleanup_errors=True))
    return GpuSlots(folder, tuple(devices[i % len(devices)] for i in range(workers)))


def _ray(backend: Backend, stack: ExitStack) -> Connection:
    import ray
    from joblib import register_parallel_backend
    from ray.exceptions import RayError
    from ray.util.joblib.ray_backend import RayBackend

    class YieldingRayBackend(RayBackend):  # type: ignore[misc]
        """Ray's backend; it can yield results as they come, but does not declare it."""

        supports_return_generator = True

    register_parallel_backend("nasmeta-ray", YieldingRayBackend)
    address = backend.address or os.environ.get("RAY_ADDRESS")
    if not ray.is_initialized():
        stack.callback(ray.shutdown)
        quiet = {"logging_level": "ERROR", "log_to_driver": False}
        try:
            if address:
                _knock(address)
                ray.init(address=address, **quiet)
            else:
                ray.init(num_cpus=backend.workers or os.cpu_count(), include_dashboard=False, **quiet)
        except (OSError, RuntimeError, ValueError, RayError) as reason:
            raise _no_answer("ray", address, "ray start --head", reason) from reason
    resources = ray.cluster_resources()
    cpus = _limited(int(resources.get("CPU", 0)), resources.get("GPU", 0), backend)
    # If nodes die, their actors restart on the remaining nodes.
    actors: dict[str, Any] = {"scheduling_strategy": "SPREAD", "max_restarts": -1, "max_task_retries": _RETRIES}
    if backend.gpus is not None:
        actors["num_gpus"] = backend.gpus
    return Connection("nasmeta-ray", cpus, {"ray_remote_args": actors}, (RayError,))


def _dask(backend: Backend, stack: ExitStack) -> Connection:
    import dask
    from distributed import Client, KilledWorker, LocalCluster, default_client
    from joblib import register_parallel_backend
    from joblib._dask import DaskDistributedBackend

    class TellingDaskBackend(DaskDistributedBackend):  # type: ignore[misc]
        """joblib's backend, which waits forever for a job that Dask has given up; this one reports it."""

        def effective_n_jobs(self, n_jobs: int) -> int:
            # With one worker joblib would do all jobs in this process.
            return max(2, int(super().effective_n_jobs(n_jobs)))

        async def _collect(self) -> None:
            import asyncio

            while self._continue:
                async for future, result in self.waiting_futures:
                    self._results.pop(future)
                    self._callbacks.pop(future)(result[1] if future.status == "error" else result)
                await asyncio.sleep(0.01)

    register_parallel_backend("nasmeta-dask", TellingDaskBackend)
    address: Any = backend.address
    client, slots = None, None
    if not address:
        with suppress(ValueError):  # none yet
            client = default_client()
        address = dask.config.get("scheduler-address", None)
    if client is None:
        try:
            if not address:
                fitting = None if backend.gpus is None else _fitting(backend.gpus)
                workers = backend.workers or fitting or os.cpu_count() or 1
                slots = None if fitting is None else _slots(workers, stack)
                address = stack.enter_context(
                    LocalCluster(
                        n_workers=workers,
                        threads_per_worker=1,
                        dashboard_address=None,
                        **({} if slots is None else {"resources": {"GPU": backend.gpus}}),
                    )
                )
            client = stack.enter_context(Client(address, set_as_default=False, timeout=_CONNECT_SECONDS))
        except (OSError, TimeoutError, ValueError) as reason:
            raise _no_answer("dask", backend.address, "dask scheduler", reason) from reason
    there = client.scheduler_info(n_workers=-1)["workers"].values()
    gpus = sum(worker.get("resources", {}).get("GPU", 0) for worker in there)
    threads = _limited(sum(client.ncores().values()), gpus, backend)
    options: dict[str, Any] = {"client": client}
    if backend.gpus is not None:
        options["resources"] = {"GPU": backend.gpus}
    return Connection("nasmeta-dask", threads, options, (KilledWorker,), slots)


def _limited(cpus: int, gpus: float, backend: Backend) -> int:
    """Return the number of workers of a cluster; raise an error if too few fit."""
    fitting = cpus if backend.gpus is None else min(cpus, int(gpus / backend.gpus + 1e-9))
    if fitting < (backend.workers or 1):
        how = {"ray": "ray start --num-gpus N", "dask": 'dask worker --resources "GPU=1"'}[backend.name]
        there, each = f"{cpus} CPUs", ""
        if backend.gpus is not None:
            there += f" and {gpus:g} GPUs"
            each = f" with {backend.gpus:g} GPUs each (nodes are started with `{how}`)"
        raise NasmetaError(
            f"The {backend.name} cluster has {there}, but {backend.workers or 1} workers{each} were asked for. Leave "
            "out workers to use all, or add nodes to it."
        )
    return fitting if backend.name == "dask" else backend.workers or fitting


def _knock(address: str) -> None:
    """Fail at once if nothing listens at the address; Ray itself needs minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()


def _no_answer(name: str, address: str | None, how: str, reason: BaseException) -> NasmetaError:
    where = f"at {address}" if address else "could be started here"
    said = " ".join(str(reason).split())
    return NasmetaError(f"No {name} cluster {where}: {said:.300} Start one with `{how}` and name its address.")
