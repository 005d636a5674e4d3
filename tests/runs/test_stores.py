"""Comparisons whose folder is in an object store, and runners that meet in one."""

from __future__ import annotations

import io
import json
import os
import platform
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import JournalError, NasmetaError, SettingError
from nasmeta.experiments import read_specification, run_specification
from nasmeta.journals import _lease
from nasmeta.places import located, read_whole

upath = pytest.importorskip("upath", reason='The extra store is not installed: pip install "nasmeta[store]".')

WHAT: dict[str, Any] = {"searchers": ["random", "evolution"], "tasks": "nb201/cifar10", "repeats": 3, "evaluations": 60}


@pytest.fixture
def place() -> str:
    return f"memory://{uuid.uuid4().hex}/results"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lease, "_SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(_lease, "_RENEW_SECONDS", 0.1)
    monkeypatch.setattr(_lease, "_LEASE_SECONDS", 0.5)


def files(place: str) -> dict[str, bytes]:
    found = (path for path in located("folder", place).rglob("*") if path.is_file())
    return {str(path).removeprefix(place + "/"): read_whole(path) for path in found}


def test_the_same_results_and_files_as_in_a_folder(place: str, tmp_path: Path) -> None:
    frame = nm.compare(**WHAT, folder=place)
    assert_frame_equal(frame, nm.compare(**WHAT, folder=tmp_path))
    local = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    stored = files(place)
    for found in (local, stored):
        found.pop(".lock", None)
        found["results.parquet"] = b""  # the searchers' own time is in it
    assert stored == local


def test_file_addresses_are_folders(tmp_path: Path) -> None:
    nm.compare(**WHAT, folder=f"file://{tmp_path}/results")
    assert (tmp_path / "results" / "results.parquet").is_file()


def test_resumes_from_what_was_put(place: str) -> None:
    whole = nm.compare(**WHAT, folder=place)
    complete = files(place)
    for name, content in complete.items():
        if name.endswith("1.jsonl"):
            (upath.UPath(place) / name).write_bytes(content[: len(content) // 2])
        if name.endswith(("2.jsonl", ".parquet")):
            (upath.UPath(place) / name).unlink()
    assert_frame_equal(nm.compare(**WHAT, folder=place), whole)
    assert {**files(place), "results.parquet": b""} == {**complete, "results.parquet": b""}


def test_another_comparison_is_refused(place: str) -> None:
    nm.compare(**WHAT, folder=place)
    with pytest.raises(SettingError, match="holds another comparison"):
        nm.compare(**{**WHAT, "tasks": "nb201/cifar100"}, folder=place)


def test_a_specification_is_kept_in_a_store(place: str) -> None:
    specification = read_specification("first-steps")
    frame = run_specification(specification, place)
    kept = files(place)
    assert kept["specification.toml"].decode() == specification.text
    assert_frame_equal(pd.read_parquet(io.BytesIO(kept["results.parquet"])), frame)


def test_commands_on_a_store(place: str, tmp_path: Path) -> None:
    arguments = ["--searchers", "random,evolution", "--tasks", "nb201/cifar10", "--repeats", "2", "--evaluations", "30"]
    done = CliRunner().invoke(app, ["compare", *arguments, "--folder", place])
    assert done.exit_code == 0, done.output
    assert {"summary.md", "regret_evaluations.png"} <= set(files(place))
    done = CliRunner().invoke(app, ["report", place])
    assert done.exit_code == 2
    assert "--output" in done.output
    done = CliRunner().invoke(app, ["report", place, "--output", str(tmp_path), "--formats", "png"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "index.html").is_file()


@pytest.mark.parametrize(
    ("folder", "error", "message"),
    [
        ("nosuch://a/b", SettingError, "a path or an address such as s3://bucket/results, not nosuch://a/b"),
        ("hdfs://nowhere/x", NasmetaError, "needs a package|does not answer"),
    ],
)
def test_stores_that_cannot_be(folder: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        nm.compare(**WHAT, folder=folder)


@pytest.mark.filterwarnings("ignore:UPath 'silent' filesystem")
def test_stores_that_do_not_answer(tmp_path: Path) -> None:
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    class Silent(MemoryFileSystem):  # type: ignore[misc]
        """A store whose package raises an exception of its own, as those of S3 and HTTP do."""

        def info(self, path: str, **more: object) -> dict[str, object]:
            raise EOFError("nobody is there")

        exists = isdir = isfile = info

    fsspec.register_implementation("silent", Silent, clobber=True)
    with pytest.raises(JournalError, match=r"silent://a/b does not answer: nobody is there"):
        nm.compare(**WHAT, folder="silent://a/b")
    done = CliRunner().invoke(app, ["report", "silent://a/b", "--output", str(tmp_path)])
    assert done.exit_code == 2
    assert "does not answer" in done.stderr


def test_memory_is_for_one_process(place: str) -> None:
    with pytest.raises(SettingError, match="seen by this process alone"):
        nm.compare(**WHAT, folder=place, workers=2)


# -- two runners ------------------------------------------------------------------------------------------------------
def runner(place: str, host: str, pid: int, **more: Any) -> None:
    path = upath.UPath(place) / ".runner"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps({"token": "other", "host": host, "pid": pid, **more}).encode())


def test_a_runner_that_renews_is_not_disturbed(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lease, "_LEASE_SECONDS", 20.0)
    runner(place, "elsewhere", 7)
    sleep = time.sleep

    def renew(seconds: float) -> None:
        runner(place, "elsewhere", 7, renewed=time.time())
        sleep(seconds)

    monkeypatch.setattr(_lease.time, "sleep", renew)
    with pytest.raises(JournalError, match=r"Another process works in .*: 7 on elsewhere"):
        nm.compare(**WHAT, folder=place)


def test_a_runner_that_is_silent_is_replaced(place: str) -> None:
    runner(place, "elsewhere", 7)
    assert len(nm.compare(**WHAT, folder=place)) == 360


def test_a_runner_of_this_machine_that_is_dead_is_replaced_at_once(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lease, "_LEASE_SECONDS", 1e9)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    runner(place, platform.node(), dead.pid)
    assert len(nm.compare(**WHAT, folder=place)) == 360


@pytest.mark.parametrize("kind", ["folder", "store"])
def test_a_runner_whose_place_is_taken_stops(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(_lease, "_CHECK_SECONDS", 0.0)
    home = located("folder", place if kind == "store" else tmp_path)
    ask = nm.searchers.SEARCHERS["random"].ask
    asked = 0

    def taken_over(self: Any, n: int = 1) -> Any:
        nonlocal asked
        asked += 1
        if asked == 90:
            (home / ".runner").write_bytes(b'{"token": "of another runner"}')
        return ask(self, n)

    monkeypatch.setattr(nm.searchers.SEARCHERS["random"], "ask", taken_over)
    with pytest.raises(JournalError, match=r"Another runner has taken .* over"):
        nm.compare(["random"], "nb201/cifar10", repeats=4, evaluations=60, folder=str(home))
    assert asked <= 121
    assert (home / ".runner").read_bytes() == b'{"token": "of another runner"}'


# -- a real protocol --------------------------------------------------------------------------------------------------
@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("s3fs", reason='The extra cluster is not installed: pip install "nasmeta[cluster]".')
    server = pytest.importorskip("moto.server", reason='pip install "nasmeta[cluster]"')
    import boto3

    running = server.ThreadedMotoServer(port=0)
    running.start()
    host, port = running.get_host_and_port()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
    ):
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="bucket")
    yield "s3://bucket/some/results"
    running.stop()


@pytest.mark.cluster
@pytest.mark.filterwarnings("default")
def test_s3_from_several_processes_and_after_a_kill(bucket: str) -> None:
    what = {**WHAT, "searchers": ["gp", "random"], "repeats": 3, "evaluations": 40}
    alone = nm.compare(**what)
    code = f"import nasmeta as nm\nif __name__ == '__main__':\n    nm.compare(**{what!r}, folder={bucket!r}, workers=2)"
    process = subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ))
    until = time.monotonic() + 120
    while not any(name.endswith(".jsonl") for name in files(bucket)):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    process.kill()
    process.wait()
    assert "results.parquet" not in files(bucket)
    assert_frame_equal(nm.compare(**what, folder=bucket, workers=2), alone)
    kept = files(bucket)
    assert_frame_equal(pd.read_parquet(io.BytesIO(kept["results.parquet"])), alone)
    assert sum(content.count(b"\n") - 1 for name, content in kept.items() if name.endswith(".jsonl")) == len(alone)
