"""Where the jobs of a comparison run: processes here, or a Ray or Dask cluster, all through joblib."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

from nasmeta.checks import check_int
from nasmeta.errors import NasmetaError, SettingError, UnknownNameError, shown

__all__ = ["BACKENDS", "Backend", "Connection", "connected"]

BACKENDS = ("loky", "ray", "dask")
_MODULES = {"ray": "ray", "dask": "distributed"}
_CONNECT_SECONDS = 15
_RETRIES = 3  # of a job on other Ray workers, before the runner learns of it


@dataclass(frozen=True)
class Backend:
    """Where jobs run, checked.

    Attributes
    ----------
    name : {"loky", "ray", "dask"}
    address : str or None
        Of a cluster that is there already.
    workers : int or None
        None for all that a cluster has.
    """

    name: str = "loky"
    address: str | None = None
    workers: int | None = 1

    @classmethod
    def of(cls, name: object, address: object = None, workers: object = None) -> Backend:
        """Check what a user asks for.

        Raises
        ------
        UnknownNameError, SettingError
        NasmetaError
            Where the extra is not installed.
        """
        if not isinstance(name, str) or name not in BACKENDS:
            raise UnknownNameError.of("backend", name, BACKENDS)
        if address is not None and (not isinstance(address, str) or not address.strip()):
            raise SettingError(f"The address of a cluster is a text such as tcp://host:8786, not {shown(address)}.")
        if name == "loky":
            if address is not None:
                raise SettingError("loky runs on this machine and has no address. Clusters: backend ray or dask.")
            return cls(name, None, check_int("workers", 1 if workers is None else workers, most=1_000))
        if find_spec(_MODULES[name]) is None:
            raise NasmetaError(f'The backend {name} is not installed: pip install "nasmeta[{name}]".')
        if workers is not None:
            check_int("workers", workers, most=100_000)
        return cls(name, address, workers)  # type: ignore[arg-type]  # it is a whole number now

    @property
    def is_cluster(self) -> bool:
        """Whether jobs may run on other machines."""
        return self.name != "loky"


@dataclass(frozen=True)
class Connection:
    """Processes that are there.

    Attributes
    ----------
    joblib_name : str
        Under which joblib knows the backend.
    workers : int
        How many jobs run at the same time.
    options : dict
        For joblib's `parallel_config`.
    deaths : tuple of exception types
        What says that a worker died, and not that a job failed.
    """

    joblib_name: str
    workers: int
    options: dict[str, Any]
    deaths: tuple[type[BaseException], ...]


@contextmanager
def connected(backend: Backend) -> Iterator[Callable[[], Connection]]:
    """Yield what connects at its first call, and returns the same connection at each; ended with the block.

    A cluster that is there already is used as it is and stays: the one this process is connected to, that of the
    address, or that of ``RAY_ADDRESS`` or ``DASK_SCHEDULER_ADDRESS``. Without any, one is started on this machine.

    Raises
    ------
    NasmetaError
        From the call, where no cluster answers, or it has fewer workers than asked for.
    """
    connect = {"loky": _loky, "ray": _ray, "dask": _dask}[backend.name]
    with ExitStack() as stack:
        yield cache(lambda: connect(backend, stack))


def _loky(backend: Backend, stack: ExitStack) -> Connection:
    from joblib.externals.loky.process_executor import BrokenProcessPool

    options = {"inner_max_num_threads": 1}
    return Connection("loky", backend.workers or 1, options, (BrokenProcessPool,))


def _ray(backend: Backend, stack: ExitStack) -> Connection:
    import ray
    from joblib import register_parallel_backend
    from ray.exceptions import RayError
    from ray.util.joblib.ray_backend import RayBackend

    class YieldingRayBackend(RayBackend):  # type: ignore[misc]
        """Ray's own one, which yields results as they come; its callbacks allow that, it only does not say so."""

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
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if cpus < (backend.workers or 1):
        raise _too_few(backend, cpus)
    # Actors that need no whole CPU go on on the nodes that are left, however few these are.
    actors = {"scheduling_strategy": "SPREAD", "max_restarts": -1, "max_task_retries": _RETRIES}
    return Connection("nasmeta-ray", backend.workers or cpus, {"ray_remote_args": actors}, (RayError,))


def _dask(backend: Backend, stack: ExitStack) -> Connection:
    import dask
    from distributed import Client, KilledWorker, LocalCluster, default_client
    from joblib import register_parallel_backend
    from joblib._dask import DaskDistributedBackend

    class TellingDaskBackend(DaskDistributedBackend):  # type: ignore[misc]
        """joblib's own one, which tells where Dask has given a job up; joblib's waits for it for ever."""

        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, int(super().effective_n_jobs(n_jobs)))  # of one worker joblib would do all jobs here

        async def _collect(self) -> None:
            import asyncio

            while self._continue:
                async for future, result in self.waiting_futures:
                    self._results.pop(future)
                    self._callbacks.pop(future)(result[1] if future.status == "error" else result)
                await asyncio.sleep(0.01)

    register_parallel_backend("nasmeta-dask", TellingDaskBackend)
    address: Any = backend.address
    client = None
    if not address:
        with suppress(ValueError):  # none yet
            client = default_client()
        address = dask.config.get("scheduler-address", None)
    if client is None:
        try:
            if not address:
                workers = backend.workers or os.cpu_count()
                address = stack.enter_context(
                    LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
                )
            client = stack.enter_context(Client(address, set_as_default=False, timeout=_CONNECT_SECONDS))
        except (OSError, TimeoutError, ValueError) as reason:
            raise _no_answer("dask", backend.address, "dask scheduler", reason) from reason
    threads = sum(client.ncores().values())
    if threads < (backend.workers or 1):
        raise _too_few(backend, threads)
    return Connection("nasmeta-dask", threads, {"client": client}, (KilledWorker,))


def _knock(address: str) -> None:
    """Fail at once where nobody listens, for which Ray itself needs minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()


def _no_answer(name: str, address: str | None, how: str, reason: BaseException) -> NasmetaError:
    where = f"at {address}" if address else "could be started here"
    said = " ".join(str(reason).split())
    return NasmetaError(f"No {name} cluster {where}: {said:.300} Start one with `{how}` and name its address.")


def _too_few(backend: Backend, there: int) -> NasmetaError:
    return NasmetaError(
        f"The {backend.name} cluster has {there} CPUs, but {backend.workers or 1} workers were asked for. Leave out "
        "workers to use all, or add nodes to it."
    )
