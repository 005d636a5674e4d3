"""Backends of a comparison: local processes, Ray or Dask clusters, all through joblib; and their GPUs."""

from __future__ import annotations

import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nasmeta.checks import check_int, check_number
from nasmeta.errors import MissingPackageError, NasmetaError, SettingError, UnknownNameError
from nasmeta.journals import Shard
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
class Workers:
    """Parallel workers of a comparison.

    Parameters
    ----------
    n : int, optional
        Number of workers; by default 1 on this machine, or as many as the GPUs admit, and on a cluster one per CPU. A
        running Dask cluster is used completely.
    backend : {"loky", "ray", "dask"}, default "loky"
        Processes on this machine (loky), or a Ray or Dask cluster. The results are equal bit for bit. Each node opens
        its own tables; an error is raised if its data or versions differ. On a cluster only the calling process writes
        to the folder, and it repeats the runs of a worker that died. Trainings are the exception: all nodes must see
        their folder.
    address : str, optional
        Address of a running cluster, such as ``tcp://host:8786``; by default the current connection of this process,
        ``RAY_ADDRESS`` or ``DASK_SCHEDULER_ADDRESS``. Ray also starts on this machine if there is no cluster.
    gpus : float, optional
        GPUs per worker; two workers share one with 0.5. A local worker sees only its own GPU
        (``CUDA_VISIBLE_DEVICES``); Ray gets ``num_gpus``, and Dask the resource ``GPU``. By default, local workers that
        train use the GPUs in turn.
    shard : str, optional
        ``I/N``, I from 0: do and return only the I-th of N parts of the runs. Several processes, also on different
        machines, can do their shards in one folder at the same time. Afterwards the same call without a shard reads
        their runs, does missing ones, and writes the results.

    Examples
    --------
    >>> import nasmeta as nm
    >>> workers = nm.experiments.Workers(shard="0/2")
    >>> with TemporaryDirectory() as folder:
    ...     frame = nm.compare("random", "nb201/cifar10", repeats=4, evaluations=5, folder=folder, workers=workers)
    >>> frame["seed"].unique().tolist()
    [0, 2]
    """

    n: int | None = None
    backend: str = "loky"
    address: str | None = None
    gpus: float | None = None
    shard: str | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise UnknownNameError.of("backend", self.backend, BACKENDS)
        if self.n is not None:
            check_int("workers", self.n, most=100_000)
        if self.gpus is not None:
            check_number("gpus per worker", self.gpus, 0.01, 1)
        if self.shard is not None:
            Shard.of(self.shard)
        if not self.is_cluster and self.address is not None:
            raise SettingError("address", self.address, "none without the backend ray or dask")
        if self.is_cluster and find_spec(_MODULES[self.backend]) is None:
            raise MissingPackageError.of(f"The backend {self.backend}", self.backend, _MODULES[self.backend])

    @property
    def is_cluster(self) -> bool:
        """Whether jobs may run on other machines."""
        return self.backend != "loky"

    @property
    def is_one_process(self) -> bool:
        """Whether all jobs run in this process."""
        return not self.is_cluster and self.n == 1 and self.gpus is None

    def on_this_machine(self, trains: bool) -> Workers:
        """Return local workers with their number and, if they train, their GPUs."""
        if self.is_cluster:
            return self
        if self.gpus is None:
            n = self.n or 1
            devices = len(visible_gpus()) if trains and n > 1 else 0
            return replace(self, n=n, gpus=min(1.0, devices / n) if devices else None)
        devices = len(visible_gpus())
        fitting = devices * int(1 / self.gpus + 1e-9)
        if not devices or (self.n or fitting) > fitting:
            raise SettingError("workers", self.n, f"at most {fitting} on {devices} visible GPUs (CUDA_VISIBLE_DEVICES)")
        return replace(self, n=self.n or fitting)


@dataclass(frozen=True)
class Connection:
    """A connection to worker processes."""

    joblib_name: str  # joblib's name of the backend
    workers: int  # number of simultaneous jobs
    options: dict[str, Any]  # for joblib's `parallel_config`
    deaths: tuple[type[BaseException], ...]  # raised if a worker died, not if a job failed
    slots: GpuSlots | None = None  # if each worker is on this machine and has a GPU


@contextmanager
def connected(workers: Workers) -> Iterator[Callable[[], Connection]]:
    """Yield a function that connects at its first call, and returns this connection afterwards.

    A running cluster is used and stays: the one to which this process is connected, or the one at the address,
    ``RAY_ADDRESS`` or ``DASK_SCHEDULER_ADDRESS``. Otherwise Ray is started on this machine, and ends with the block.
    The function raises a NasmetaError if no cluster responds, or if it has too few workers.
    """
    connect = {"loky": _loky, "ray": _ray, "dask": _dask}[workers.backend]
    with ExitStack() as stack:
        yield cache(lambda: connect(workers, stack))


def _loky(workers: Workers, stack: ExitStack) -> Connection:
    from joblib.externals.loky.process_executor import BrokenProcessPool

    stack.enter_context(warnings.catch_warnings())
    # loky takes opened tables and models for a memory leak, and replaces such a worker.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    options, n = {"inner_max_num_threads": 1}, workers.n or 1
    if workers.gpus is None:
        return Connection("loky", n, options, (BrokenProcessPool,))
    end_loky()  # a process that has used one GPU cannot be shown another
    stack.callback(end_loky)
    folder = stack.enter_context(TemporaryDirectory(prefix="nasmeta-gpus-", ignore_cleanup_errors=True))
    devices = visible_gpus()
    slots = GpuSlots(folder, tuple(devices[i % len(devices)] for i in range(n)))  # on the GPUs in turn
    return Connection("loky", n, options, (BrokenProcessPool,), slots)


def end_loky() -> None:
    """End the worker processes of this machine."""
    from joblib.externals.loky import get_reusable_executor

    executor = get_reusable_executor()
    kill_workers(executor)
    executor.shutdown(wait=True, kill_workers=True)


def _ray(workers: Workers, stack: ExitStack) -> Connection:
    import ray
    from joblib import register_parallel_backend
    from ray.exceptions import RayError
    from ray.util.joblib.ray_backend import RayBackend

    class YieldingRayBackend(RayBackend):  # type: ignore[misc]
        """Ray's backend; it can yield results as they come, but does not declare it."""

        supports_return_generator = True

    register_parallel_backend("nasmeta-ray", YieldingRayBackend)
    address = workers.address or os.environ.get("RAY_ADDRESS")
    if not ray.is_initialized():
        stack.callback(ray.shutdown)
        quiet = {"logging_level": "ERROR", "log_to_driver": False}
        if address:
            _require_listener(address)
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=workers.n or os.cpu_count(), include_dashboard=False, **quiet)
    resources = ray.cluster_resources()
    cpus = _limited(int(resources.get("CPU", 0)), resources.get("GPU", 0), workers)
    # If nodes die, their actors restart on the remaining nodes.
    actors: dict[str, Any] = {"scheduling_strategy": "SPREAD", "max_restarts": -1, "max_task_retries": _RETRIES}
    if workers.gpus is not None:
        actors["num_gpus"] = workers.gpus
    return Connection("nasmeta-ray", cpus, {"ray_remote_args": actors}, (RayError,))


def _dask(workers: Workers, stack: ExitStack) -> Connection:
    import dask
    from distributed import Client, KilledWorker, default_client
    from joblib import register_parallel_backend
    from joblib._dask import DaskDistributedBackend

    class ReportingDaskBackend(DaskDistributedBackend):  # type: ignore[misc]
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

    register_parallel_backend("nasmeta-dask", ReportingDaskBackend)
    address: Any = workers.address
    client = None
    if not address:
        with suppress(ValueError):  # none yet
            client = default_client()
        address = dask.config.get("scheduler-address", None)
    if client is None:
        if not address:
            raise SettingError("address", None, "the address of a cluster", "Start one with `dask scheduler`.")
        client = stack.enter_context(Client(address, set_as_default=False, timeout=_CONNECT_SECONDS))
    nodes = client.scheduler_info(n_workers=-1)["workers"].values()
    gpus = sum(node.get("resources", {}).get("GPU", 0) for node in nodes)
    threads = _limited(sum(client.ncores().values()), gpus, workers)
    options: dict[str, Any] = {"client": client}
    if workers.gpus is not None:
        options["resources"] = {"GPU": workers.gpus}
    return Connection("nasmeta-dask", threads, options, (KilledWorker,))


def _limited(cpus: int, gpus: float, workers: Workers) -> int:
    """Return the number of workers of a cluster; raise an error if too few fit."""
    fitting = cpus
    if workers.gpus is not None:  # a worker does not span devices
        of_gpus = int(gpus) * int(1 / workers.gpus + 1e-9) if workers.gpus <= 1 else int(gpus / workers.gpus)
        fitting = min(cpus, of_gpus)
    if fitting < (workers.n or 1):
        start = {"ray": "ray start --num-gpus N", "dask": 'dask worker --resources "GPU=1"'}[workers.backend]
        hint = "" if workers.gpus is None else f"Nodes with GPUs are started with `{start}`."
        raise NasmetaError("workers", workers.n or 1, f"at most {fitting} on {cpus} CPUs and {gpus:g} GPUs", hint)
    return fitting if workers.backend == "dask" else workers.n or fitting


def _require_listener(address: str) -> None:
    """Fail at once if nothing listens at the address; Ray itself needs minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
        except OSError as reason:
            raise ConnectionError(f"No Ray cluster at {address}: {reason}.") from reason
