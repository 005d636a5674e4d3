"""Workers of a comparison: processes of this machine, a Dask cluster, or any executor; and their GPUs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, TypeVar

from nasmeta.checks import check_int, check_number
from nasmeta.errors import MissingPackageError, SettingError, UnknownNameError
from nasmeta.journals import Shard
from nasmeta.threads import end_with

_VARIABLE = "CUDA_VISIBLE_DEVICES"
_CONNECT_SECONDS = 15
_IDLE_SECONDS = 300  # a process that waits for the next comparison ends after this time
_MOST_JOBS = 1000  # in a cluster at the same time

T = TypeVar("T")


def visible_gpus() -> list[str]:
    """Return the names of the GPUs that this process sees, as in ``CUDA_VISIBLE_DEVICES``."""
    named = os.environ.get(_VARIABLE)
    if named is not None:
        gpus = []
        for name in named.split(","):
            name = name.strip()
            if not name or name.startswith("-"):
                break  # CUDA ignores what follows an invalid name
            gpus.append(name)
        return gpus
    try:
        import torch
    except ImportError:
        return []
    return [str(i) for i in range(torch.cuda.device_count())]


@dataclass(frozen=True)
class Workers:
    """Parallel workers of a comparison.

    Parameters
    ----------
    n : int, optional
        Number of simultaneous jobs. By default 1 on this machine, or as many as the GPUs admit; a
        cluster decides for itself.
    backend : str or Executor, default "loky"
        Processes on this machine (``"loky"``); a Dask cluster (``"dask=tcp://host:8786"``;
        ``"dask"`` uses ``DASK_SCHEDULER_ADDRESS`` or starts a cluster of n processes on this
        machine); or a `concurrent.futures.Executor`, such as mpi4py's. The results are equal bit
        for bit. Each node opens its own tables; an error is raised if its data or versions differ.
        On a cluster, only the calling process writes to the folder. Trainings are the exception:
        all nodes must see their folder.
    gpus_per_worker : float, optional
        GPUs per worker; two workers share one with 0.5. A local worker sees only its own GPU
        (``CUDA_VISIBLE_DEVICES``), and Dask gets the resource ``GPU``. By default, local workers
        that train use the GPUs in turn.
    shard : str, optional
        ``I/N``, I from 0: do and return only the I-th of N parts of the runs. Several processes,
        also on different machines, can do their shards in one folder at the same time. Afterwards
        the same call without a shard reads their runs, does missing ones, and writes the results.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from tempfile import TemporaryDirectory
    >>> workers = nm.experiments.Workers(shard="0/2")
    >>> with TemporaryDirectory() as folder:
    ...     frame = nm.compare("random", "nb201/cifar10", repeats=4, evaluations=5, folder=folder, workers=workers)
    >>> frame["seed"].unique().tolist()
    [0, 2]
    """

    n: int | None = None
    backend: str | Executor = "loky"
    gpus_per_worker: float | None = None
    shard: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.backend, str) and self.backend.partition("=")[0] not in ("loky", "dask"):
            raise UnknownNameError.of("backend", self.backend, ("loky", "dask", "dask=ADDRESS"))
        if self.n is not None:
            check_int("workers", self.n, most=100_000)
        if self.gpus_per_worker is not None:
            check_number("gpus_per_worker", self.gpus_per_worker, 0.01, 1)
        if self.shard is not None:
            Shard.of(self.shard)
        if self.is_cluster and isinstance(self.backend, str) and find_spec("distributed") is None:
            raise MissingPackageError.of("The backend dask", "dask", "distributed")

    @classmethod
    def of(cls, workers: int | Executor | Workers) -> Workers:
        """Return workers from a number of processes or an executor."""
        if isinstance(workers, Workers):
            return workers
        if isinstance(workers, Executor):
            return cls(backend=workers)
        return cls(n=workers)

    @property
    def is_cluster(self) -> bool:
        """Whether jobs may run on other machines."""
        return self.backend != "loky"

    @property
    def is_one_process(self) -> bool:
        """Whether all jobs run in this process."""
        return not self.is_cluster and self.n == 1 and self.gpus_per_worker is None

    def on_this_machine(self, trains: bool) -> Workers:
        """Return local workers with their number and, if they train, their GPUs."""
        if self.is_cluster:
            return self
        if self.gpus_per_worker is None:
            n = self.n or 1
            share = None
            if trains and n > 1:
                n_gpus = len(visible_gpus())
                share = min(1.0, n_gpus / n) or None  # None without a GPU
            return replace(self, n=n, gpus_per_worker=share)
        n_gpus = len(visible_gpus())
        most = n_gpus * int(1 / self.gpus_per_worker + 1e-9)  # 1 / 0.1 may round to 9.99
        n = self.n or most
        if n_gpus == 0 or n > most:
            raise SettingError(
                "workers",
                self.n,
                f"at most {most} on {n_gpus} visible GPUs (CUDA_VISIBLE_DEVICES)",
            )
        return replace(self, n=n)

    @contextmanager
    def executors(self) -> Iterator[list[Executor]]:
        """Yield one executor per simultaneous job: processes of this machine, or the same executor each time."""
        with ExitStack() as stack:
            if self.is_cluster:
                if isinstance(self.backend, Executor):
                    executor = self.backend
                else:
                    executor = _dask(self, stack)
                yield [executor] * (self.n or _MOST_JOBS)
                return
            # loky mistakes opened tables and models for a memory leak, and replaces such a process.
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings(
                "ignore", "A worker (stopped|was restarted) while some jobs", UserWarning
            )
            gpus: list[str | None] = [None]
            if self.gpus_per_worker is not None:
                gpus = list(visible_gpus())
                stack.callback(end_processes)  # they would keep the memory of their GPUs
            yield [LocalProcess(i, gpus[i % len(gpus)]) for i in range(self.n or 1)]


def _settings_in_environment() -> frozenset[tuple[str, str]]:
    variables = os.environ.items()
    return frozenset((name, value) for name, value in variables if name.startswith("NASMETA_"))


@dataclass(frozen=True)
class LocalProcess(Executor):
    """A process of this machine, started on first use and again after a crash. It sees one GPU, or all.

    It waits some time for the next comparison, and exits when its parent exits.
    """

    number: int
    gpu: str | None = None
    # A process that was started before a change of these variables would read other data.
    settings: frozenset[tuple[str, str]] = field(default_factory=_settings_in_environment)

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call a function in the process."""
        with suppress(KeyError, BrokenExecutor):
            return _processes[self].submit(function, *args, **kwargs)
        from loky import ProcessPoolExecutor  # unlike the standard one, it needs no main guard

        variables = None if self.gpu is None else {_VARIABLE: self.gpu}
        process: Executor = ProcessPoolExecutor(
            max_workers=1,
            timeout=_IDLE_SECONDS,
            initializer=end_with,
            initargs=(os.getpid(),),
            env=variables,
        )
        _processes[self] = process
        return process.submit(function, *args, **kwargs)


_processes: dict[LocalProcess, Executor] = {}


def end_processes() -> None:
    """Kill the worker processes of this machine."""
    while _processes:
        process: Any
        _, process = _processes.popitem()
        process.shutdown(kill_workers=True)


def _dask(workers: Workers, stack: ExitStack) -> Executor:
    """Return the executor of a cluster at an address, or of one that is started on this machine."""
    from dask import config
    from distributed import Client

    _, _, address = str(workers.backend).partition("=")
    if not address:
        address = config.get("scheduler-address", None)
    if workers.gpus_per_worker is not None and not address:
        raise SettingError(
            "backend", workers.backend, "the address of a cluster, such as dask=tcp://host:8786"
        )
    options: dict[str, Any] = {"timeout": _CONNECT_SECONDS, "set_as_default": False}
    if not address:
        options["n_workers"] = workers.n or os.cpu_count()
        options["threads_per_worker"] = 1
        options["dashboard_address"] = None
    client = stack.enter_context(Client(address, **options))
    resources = None
    if workers.gpus_per_worker is not None:
        resources = {"GPU": workers.gpus_per_worker}
    executor: Executor = client.get_executor(pure=False, resources=resources)
    return executor
