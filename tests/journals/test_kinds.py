"""Properties that all journals share: searches, predictor benchmarks and proxies."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from nasmeta.errors import JournalError
from nasmeta.journals import JournalFile
from nasmeta.prediction import BenchmarkJournal
from nasmeta.runs import Journal
from nasmeta.training.proxies._measure import ProxyJournal


class Kind:
    """How the records 1, 2, … are written to a journal of a kind, and found there."""

    mark: str
    file: str

    def open(self, folder: Path, seed: int = 0) -> AbstractContextManager[Any]:
        raise NotImplementedError

    def add(self, journal: Any, i: int) -> None:
        raise NotImplementedError

    def found(self, journal: Any) -> list[int]:
        raise NotImplementedError

    def write(self, folder: Path, numbers: Sequence[int]) -> bytes:
        with self.open(folder) as journal:
            for i in numbers:
                self.add(journal, i)
        return (folder / self.file).read_bytes()


class OfSearch(Kind):
    mark, file = "nasmeta_journal", "run.jsonl"

    def open(self, folder: Path, seed: int = 0) -> Journal:
        return Journal(folder / self.file, {"task": "t", "seed": seed})

    def add(self, journal: Journal, i: int) -> None:
        journal.append(i, i / 3, i / 7)
        journal.flush()

    def found(self, journal: Journal) -> list[int]:
        cells: list[int] = journal.past.cells.tolist()
        assert journal.past.values.tolist() == [i / 3 for i in cells]
        return cells


class OfPrediction(Kind):
    mark, file, had_no_numbers = "nasmeta_prediction", "journal.jsonl", False

    def open(self, folder: Path, seed: int = 0) -> BenchmarkJournal:
        return BenchmarkJournal(folder, {"task": "t", "seed": seed})

    def add(self, journal: BenchmarkJournal, i: int) -> None:
        journal.record(
            {"predictor": "ridge", "draw": i}, [{"scope": "all", "kendall_tau": i / 3, "rmse": float("nan")}]
        )

    def found(self, journal: BenchmarkJournal) -> list[int]:
        found = [i for i in range(10) if journal.find({"draw": i, "predictor": "ridge"}) is not None]
        for i in found:
            (row,) = journal.find({"predictor": "ridge", "draw": i})
            assert (row["scope"], row["kendall_tau"]) == ("all", i / 3)
            assert math.isnan(row["rmse"])
        return found


class OfProxies(Kind):
    mark, file = "nasmeta_proxies", "found.npz.journal"

    def open(self, folder: Path, seed: int = 0) -> ProxyJournal:
        return ProxyJournal(folder / "found.npz", {"proxies": ["synflow", "nwot"], "seed": seed})

    def add(self, journal: ProxyJournal, i: int) -> None:
        journal.record([i], [[i / 3, 1.0]])

    def found(self, journal: ProxyJournal) -> list[int]:
        assert list(journal.values.values()) == [[i / 3, 1.0] for i in journal.values]
        return list(journal.values)


KINDS = [OfSearch(), OfPrediction(), OfProxies()]


@pytest.fixture(params=KINDS, ids=lambda kind: type(kind).__name__)
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


def refused(kind: Kind, folder: Path, line: int = 0, seed: int = 0) -> None:
    """Check that a journal is not opened, that the error names the line, and that the file is unchanged."""
    before = (folder / kind.file).read_bytes()
    with pytest.raises(JournalError) as refusal:
        kind.open(folder, seed)
    assert not line or f"line {line}" in str(refusal.value)
    assert (folder / kind.file).read_bytes() == before


def test_what_was_written_is_found(kind: Kind, tmp_path: Path) -> None:
    content = kind.write(tmp_path / "a" / "folder", [1, 2, 3])
    lines = [json.loads(line) for line in content.splitlines()]
    assert next(iter(lines[0])) == kind.mark
    assert [len(line[-1]) for line in lines[1:]] == [8, 8, 8]
    with kind.open(tmp_path / "a" / "folder") as journal:
        assert kind.found(journal) == [1, 2, 3]
    assert (tmp_path / "a" / "folder" / kind.file).read_bytes() == content


def test_goes_on_after_a_kill_at_any_byte(kind: Kind, tmp_path: Path) -> None:
    content = kind.write(tmp_path, [1, 2, 3])
    for end in range(len(content)):
        (tmp_path / kind.file).write_bytes(content[:end])
        with kind.open(tmp_path) as journal:
            found = kind.found(journal)
            assert found == [1, 2, 3][: max(content[:end].count(b"\n") - 1, 0)], end
            for i in (1, 2, 3)[len(found) :]:
                kind.add(journal, i)
        assert (tmp_path / kind.file).read_bytes() == content, end


def test_that_of_other_work_is_refused(kind: Kind, tmp_path: Path) -> None:
    kind.write(tmp_path, [1])
    refused(kind, tmp_path, seed=4)


@pytest.mark.parametrize("other", KINDS, ids=lambda kind: type(kind).__name__)
def test_that_of_another_kind_is_refused(kind: Kind, other: Kind, tmp_path: Path) -> None:
    if other is kind:
        return
    (tmp_path / kind.file).write_bytes(other.write(tmp_path / "other", [1]))
    refused(kind, tmp_path, line=1)


def test_every_altered_byte_is_detected(kind: Kind, tmp_path: Path) -> None:
    content = kind.write(tmp_path, [1, 2])
    first = content.index(b"\n") + 1
    for i in range(first, len(content) - 1):  # without the last line end, the line is incomplete and dropped
        damaged = content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :]
        (tmp_path / kind.file).write_bytes(damaged)
        refused(kind, tmp_path)


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda lines: [*lines[:2], b"garbage", *lines[2:]], 3),
        (lambda lines: [*lines[:2], b"", *lines[2:]], 3),
        (lambda lines: [*lines[:2], lines[2] + b"," + lines[2]], 3),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], 3),
        (lambda lines: [lines[0], lines[2], lines[1]], 2),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[0].replace(b"t", b"u"), *lines[1:]], 2),
        (lambda lines: lines[1:], 1),
        (lambda lines: [b"my notes", b"are here"], 1),
    ],
)
def test_damage_is_reported_with_its_line(
    kind: Kind, tmp_path: Path, damage: Callable[[list[bytes]], list[bytes]], line: int
) -> None:
    lines = kind.write(tmp_path, [1, 2]).splitlines()
    mark = lines[0][: len(kind.mark) + 4]
    damaged = damage(lines)
    damaged[0] = damaged[0] if line < 2 else mark + damaged[0][len(mark) :]
    (tmp_path / kind.file).write_bytes(b"\n".join(damaged) + b"\n")
    refused(kind, tmp_path, line)


def test_another_format_is_refused(kind: Kind, tmp_path: Path) -> None:
    first, *lines = kind.write(tmp_path, [1]).splitlines()
    first = first.replace(b": 3", b": 4", 1)
    checksum = crc32(lines[0].rpartition(b',"')[0], crc32(first))
    (tmp_path / kind.file).write_bytes(b'%s\n%s,"%08x"]\n' % (first, lines[0].rpartition(b',"')[0], checksum))
    refused(kind, tmp_path)


def test_a_journal_without_records_is_overwritten(kind: Kind, tmp_path: Path) -> None:
    kind.open(tmp_path, seed=4).__enter__().__exit__(None, None, None)
    content = kind.write(tmp_path, [1])
    with kind.open(tmp_path) as journal:
        assert kind.found(journal) == [1]
    assert b'"seed": 0' in content


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="to the superuser every folder is open")
def test_a_folder_that_cannot_be_written_is_told(kind: Kind, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(JournalError):
            kind.open(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_is_told_and_nothing_is_written_twice(kind: Kind, tmp_path: Path) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(there, name)

        def write(self, content: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with kind.open(tmp_path) as opened:
        kind.add(opened, 1)
        file: Any = opened if isinstance(opened, JournalFile) else opened._journal
        there, file._file = file._file, Full()
        with pytest.raises(JournalError):
            kind.add(opened, 2)
        file._file = there
    with kind.open(tmp_path) as opened:
        assert kind.found(opened) == [1]
        kind.add(opened, 2)
    with kind.open(tmp_path) as opened:
        assert kind.found(opened) == [1, 2]


def test_a_second_process_is_refused(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / kind.file
    kind.write(tmp_path, [1])
    header = path.read_bytes().splitlines()[0].decode()
    code = (
        "import json, sys; from pathlib import Path; from nasmeta.journals import JournalFile\n"
        f"JournalFile.mark, header = {kind.mark!r}, json.loads({header!r})\n"
        f"journal = JournalFile(Path({str(path)!r}), header)\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        monkeypatch.setattr("nasmeta.journals._file._LOCK_SECONDS", 0.1)
        refused(kind, tmp_path)
    finally:
        other.kill()
        other.communicate()
    with kind.open(tmp_path) as journal:  # a killed process holds nothing
        assert kind.found(journal) == [1]
