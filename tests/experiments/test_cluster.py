"""Comparisons on real clusters of Dask, Ray and SLURM on this machine: the same bits, also if a node dies."""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import NasmetaError
from nasmeta.experiments import Workers
from nasmeta.tables import fetch

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.filterwarnings("default"),  # those of Ray and Dask are theirs
]

# A Gaussian process takes long enough that something can be killed in the middle of its runs.
WHAT = {"searchers": ["gp", "evolution"], "tasks": "nb201/cifar10", "repeats": 5, "evaluations": 32}


@pytest.fixture(scope="module")
def alone() -> pd.DataFrame:
    return nm.compare(**WHAT)


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    pytest.importorskip("ray")
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, logging_level="ERROR", log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def dask_client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def recorded(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") - 1 for path in folder.rglob("*.jsonl"))


@contextmanager
def once_running(folder: Path, act: Callable[[], object]) -> Iterator[None]:
    """Do something as soon as the first run has begun to be recorded, while the block goes on."""
    done = []

    def wait() -> None:
        try:
            until = time.monotonic() + 120
            while recorded(folder) < 20:
                assert time.monotonic() < until
                time.sleep(0.02)
            act()
            done.append(None)
        except BaseException as error:  # shown by the test, not by the thread
            done.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join(5)
    assert done == [None]


class RayExecutor(Executor):
    """Submits calls as Ray tasks, as the page on clusters does."""

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Any:
        import ray

        return ray.remote(function).remote(*args, **kwargs).future()


def test_a_ray_node_is_killed(ray_cluster: Any, tmp_path: Path, alone: pd.DataFrame) -> None:
    node = ray_cluster.add_node(num_cpus=1)
    ray_cluster.wait_for_nodes()
    with once_running(tmp_path, lambda: ray_cluster.remove_node(node, allow_graceful=False)):
        frame = nm.compare(folder=tmp_path, workers=RayExecutor(), **WHAT)
    assert_frame_equal(frame, alone, check_exact=True)
    assert recorded(tmp_path) == len(alone)


def test_a_dask_worker_is_killed(dask_client: Any, tmp_path: Path, alone: pd.DataFrame) -> None:
    victim = next(iter(dask_client.run(os.getpid).values()))
    with once_running(tmp_path, lambda: os.kill(victim, signal.SIGKILL)):
        frame = nm.compare(folder=tmp_path, workers=dask_client.get_executor(), **WHAT)
    assert_frame_equal(frame, alone, check_exact=True)
    assert recorded(tmp_path) == len(alone)


def start(folder: Path, workers: Workers) -> subprocess.Popen[str]:
    """Start a comparison in a process group of its own, and wait until it records its runs."""
    arguments = {**WHAT, "folder": str(folder)}
    code = (
        "import nasmeta as nm\nfrom nasmeta.experiments import Workers\n"
        f"if __name__ == '__main__':\n    nm.compare(**{arguments!r}, workers={workers!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 120
    while recorded(folder) < 20:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("ends", ["interrupt", "kill"])
def test_a_runner_with_a_dask_cluster_of_its_own(
    ends: str, tmp_path: Path, alone: pd.DataFrame
) -> None:
    pytest.importorskip("distributed")
    process = start(tmp_path, Workers(2, "dask"))
    children = psutil.Process(process.pid).children(recursive=True)
    if ends == "kill":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=120)
    assert ("Interrupted. The same command resumes from" in errors) == (ends == "interrupt")
    assert not psutil.wait_procs(children, timeout=60)[1]
    assert 0 < recorded(tmp_path) < len(alone)
    assert_frame_equal(
        nm.compare(folder=tmp_path, workers=Workers(2, "dask"), **WHAT), alone, check_exact=True
    )


def test_a_runner_on_dask_is_killed_and_its_workers_live_on(
    dask_client: Any, tmp_path: Path, alone: pd.DataFrame
) -> None:
    workers = Workers(backend=f"dask={dask_client.scheduler_info()['address']}")
    process = start(tmp_path, workers)
    process.kill()
    process.communicate()
    assert 0 < recorded(tmp_path) < len(alone)
    assert_frame_equal(
        nm.compare(folder=tmp_path, workers=workers, **WHAT), alone, check_exact=True
    )
    assert recorded(tmp_path) == len(alone)


def test_threads_of_one_dask_worker(alone: pd.DataFrame) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, dashboard_address=None
    ) as cluster:
        frame = nm.compare(workers=Workers(backend=f"dask={cluster.scheduler_address}"), **WHAT)
    assert_frame_equal(frame, alone, check_exact=True)


def test_no_dask_cluster_is_there() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(OSError, match=r"127\.0\.0\.1:9"):
        nm.compare(
            ["random"], repeats=1, evaluations=5, workers=Workers(backend="dask=tcp://127.0.0.1:9")
        )


def test_a_node_without_the_table_is_named(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "full"))
    fetch("transnas")
    bare = {"NASMETA_CACHE": str(tmp_path / "bare")}
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, env=bare
    ) as cluster:
        workers = Workers(backend=f"dask={cluster.scheduler_address}")
        # What the package brings is built there; what was fetched here is not there.
        assert (
            len(nm.compare(["random"], "nb201/cifar10", repeats=1, evaluations=5, workers=workers))
            == 5
        )
        with pytest.raises(NasmetaError, match="does not have the data of tnb101/jigsaw"):
            nm.compare(["random"], "tnb101/jigsaw", repeats=1, evaluations=5, workers=workers)


CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName={host} NodeAddr=127.0.0.1 CPUs=4
PartitionName=all Nodes=ALL Default=YES
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run SLURM's controller and a node on this machine; yield the environment of its commands."""
    if (
        os.geteuid()
        or shutil.which("slurmctld") is None
        or subprocess.run("munge -n", shell=True).returncode
    ):
        pytest.skip("needs root, slurm-wlm and a running munge")
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    path = folder / "slurm.conf"
    path.write_text(CONFIGURATION.format(host=platform.node(), folder=folder))
    environment = {
        **os.environ,
        "SLURM_CONF": str(path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    daemons = [subprocess.Popen([name, "-D"], env=environment) for name in ("slurmctld", "slurmd")]
    try:
        until = time.monotonic() + 60
        while (
            subprocess.run(
                ["sinfo", "-ho", "%t"], env=environment, capture_output=True
            ).stdout.strip()
            != b"idle"
        ):
            assert time.monotonic() < until
            time.sleep(0.2)
        yield environment
    finally:
        subprocess.run(["scancel", "--me", "--signal=KILL", "--full"], env=environment)
        while subprocess.run(["squeue", "-h"], env=environment, capture_output=True).stdout:
            assert time.monotonic() < until + 600
            time.sleep(0.2)
        for daemon in daemons:
            daemon.kill()
            daemon.wait()


def submit(script: str, folder: Path, slurm: dict[str, str]) -> None:
    """Run a script of the page about clusters, and wait until SLURM has done it."""
    (folder / "job.sh").write_text(script)
    environment = {**slurm, "SCRATCH": str(folder)}
    done = subprocess.run(
        ["sbatch", "--wait", "job.sh"],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=400,
    )
    said = "".join(path.read_text() for path in folder.glob("slurm-*.out"))
    assert done.returncode == 0, said


def test_the_scripts_for_slurm(slurm: dict[str, str], tmp_path: Path, alone: pd.DataFrame) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "cluster.md").read_text()
    array, dask = re.findall(r"^#!/bin/bash\n.*?(?=^```)", page, re.MULTILINE | re.DOTALL)
    lines = (
        "searchers = ['gp', 'evolution']",
        "tasks = ['nb201/cifar10']",
        "repeats = 5",
        "budget.evaluations = 32",
    )
    (tmp_path / "comparison.toml").write_text("\n".join(lines))
    submit(array.replace("0-15", "0-2").replace("#SBATCH --gpus=1\n", ""), tmp_path, slurm)
    results = tmp_path / "results"
    assert recorded(results) == len(alone)
    assert not (results / "results.parquet").exists()
    last = array.replace("#SBATCH --array=0-15\n#SBATCH --gpus=1\n", "").partition(" --shard")[0]
    submit(last, tmp_path, slurm)
    assert_frame_equal(pd.read_parquet(results / "results.parquet"), alone, check_exact=True)

    shutil.rmtree(results)
    what = "--searchers gp,evolution --tasks nb201/cifar10 --repeats 5 --evaluations 32"
    dask = (
        dask.replace("=16", "=3")
        .replace("=15", "=2")
        .replace("--searchers random,gp --repeats 500", what)
    )
    submit(dask, tmp_path, slurm)
    assert_frame_equal(pd.read_parquet(results / "results.parquet"), alone, check_exact=True)
