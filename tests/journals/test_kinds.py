"""What holds for the journals of searches, predictor benchmarks, measured proxies and verifications alike."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from nasmeta.errors import JournalError
from nasmeta.journals import JournalFile
from nasmeta.prediction._predict import Records
from nasmeta.runs import Journal
from nasmeta.training.proxies._measure import ProxyJournal
from nasmeta.verification._latency import VerificationJournal


class Kind:
    """How the records 1, 2, … are written to a journal of a kind, and found there."""

    mark: str
    file: str
    had_no_numbers = True

    def open(self, folder: Path, seed: int = 0) -> AbstractContextManager[Any]:
        raise NotImplementedError

    def add(self, journal: Any, i: int) -> None:
        raise NotImplementedError

    def found(self, journal: Any) -> list[int]:
        raise NotImplementedError

    def without_number(self, line: bytes) -> bytes:
        return line.rpartition(b",")[0] + b"]"

    def write(self, folder: Path, numbers: Sequence[int]) -> bytes:
        with self.open(folder) as journal:
            for i in numbers:
                self.add(journal, i)
        return (folder / self.file).read_bytes()


class OfSearch(Kind):
    mark, file = "nasmeta_journal", "run.jsonl"

    def open(self, folder: Path, seed: int = 0) -> Journal:
        return Journal(folder / self.file, {"nasmeta_journal": 2, "task": "t", "seed": seed})

    def add(self, journal: Journal, i: int) -> None:
        journal.append([i], [i / 3], [i / 7])
        journal.flush()

    def found(self, journal: Journal) -> list[int]:
        assert journal.values == [i / 3 for i in journal.cells]
        return journal.cells


class OfPrediction(Kind):
    mark, file, had_no_numbers = "nasmeta_prediction", "journal.jsonl", False

    def open(self, folder: Path, seed: int = 0) -> Records:
        return Records(folder, {"task": "t", "seed": seed})

    def add(self, journal: Records, i: int) -> None:
        journal.add({"predictor": "ridge", "draw": i}, [{"scope": "all", "kendall_tau": i / 3, "rmse": float("nan")}])

    def found(self, journal: Records) -> list[int]:
        found = [i for i in range(10) if journal.find({"draw": i, "predictor": "ridge"}) is not None]
        for i in found:
            assert journal.find({"predictor": "ridge", "draw": i}) == [
                {"scope": "all", "kendall_tau": i / 3, "rmse": None}
            ]
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


class OfVerification(Kind):
    mark, file, had_no_numbers = "nasmeta_verification", "verification.jsonl", False

    def open(self, folder: Path, seed: int = 0) -> VerificationJournal:
        return VerificationJournal(folder, {"task": "t", "seed": seed})

    def add(self, journal: VerificationJournal, i: int) -> None:
        measured = {"median_ms": i / 3, "min_ms": 0.1, "passes": 5, "device": "cpu"}
        journal.record("cpu", i, {"1": measured, "256": measured})

    def found(self, journal: VerificationJournal) -> list[int]:
        assert all(own["256"]["median_ms"] == i / 3 for (_, i), own in journal.found.items())
        return [i for _, i in journal.found]


KINDS = [OfSearch(), OfPrediction(), OfProxies(), OfVerification()]


@pytest.fixture(params=KINDS, ids=lambda kind: type(kind).__name__)
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


def refused(kind: Kind, folder: Path, message: str, seed: int = 0) -> None:
    """Check that a journal is not opened, and left as it is."""
    before = (folder / kind.file).read_bytes()
    with pytest.raises(JournalError, match=message):
        kind.open(folder, seed)
    assert (folder / kind.file).read_bytes() == before


def test_what_was_written_is_found(kind: Kind, tmp_path: Path) -> None:
    content = kind.write(tmp_path / "a" / "folder", [1, 2, 3])
    lines = [json.loads(line) for line in content.splitlines()]
    assert next(iter(lines[0])) == kind.mark
    assert [line[-1] for line in lines[1:]] == [1, 2, 3]
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


def test_a_tail_of_zeros_as_a_power_cut_leaves_it_is_dropped(kind: Kind, tmp_path: Path) -> None:
    content = kind.write(tmp_path, [1, 2])
    (tmp_path / kind.file).write_bytes(content + bytes(512))
    with kind.open(tmp_path) as journal:
        assert kind.found(journal) == [1, 2]
    assert (tmp_path / kind.file).read_bytes() == content


def test_that_of_other_work_is_refused(kind: Kind, tmp_path: Path) -> None:
    kind.write(tmp_path, [1])
    refused(kind, tmp_path, "is the journal of another .*: seed is 0 there, but 4 was asked for", seed=4)


@pytest.mark.parametrize("other", KINDS, ids=lambda kind: type(kind).__name__)
def test_that_of_another_kind_is_refused(kind: Kind, other: Kind, tmp_path: Path) -> None:
    if other is kind:
        return
    (tmp_path / kind.file).write_bytes(other.write(tmp_path / "other", [1]))
    refused(kind, tmp_path, "line 1: this is no header of a journal")
    (tmp_path / kind.file).write_bytes(f'{{"{other.mark}": 2, "ta'.encode())
    refused(kind, tmp_path, "is no journal; nothing in it was changed")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lines: [*lines[:2], b"garbage", *lines[2:]], "line 3: b'garbage' is no record"),
        (lambda lines: [*lines[:2], b'{"rows": []}', *lines[2:]], "line 3: .* is no record"),
        (lambda lines: [*lines[:2], b"[1, 2]", *lines[2:]], "line 3: .* is no record"),
        (lambda lines: [*lines[:2], b"", *lines[2:]], "line 3: .* is no record"),
        (lambda lines: [*lines[:2], b"[" * 100_000, *lines[2:]], "line 3: .* is no record"),
        (lambda lines: [*lines[:2], lines[2] + b"," + lines[2]], "line 3: .* is no record"),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], "line 3: .* was recorded before"),
        (lambda lines: [lines[0], lines[2], lines[1]], "line 2: the record has the number 2, but 1 is due"),
        (lambda lines: [lines[0], *lines[2:]], "line 2: the record has the number 2, but 1 is due"),
        (lambda lines: [lines[0].replace(b": 2", b": 3", 1), *lines[1:]], "format 3, but this nasmeta reads 1 to 2"),
        (lambda lines: lines[1:], "line 1: this is no header"),
        (lambda lines: [b"my notes", b"are here"], "line 1: this is no header"),
        (lambda lines: [b"\xff\xfe\x00"], "line 1: this is no header"),
    ],
)
def test_damage_is_told_with_its_line(
    kind: Kind, tmp_path: Path, damage: Callable[[list[bytes]], list[bytes]], message: str
) -> None:
    lines = kind.write(tmp_path, [1, 2]).splitlines()
    (tmp_path / kind.file).write_bytes(b"\n".join(damage(lines)) + b"\n")
    refused(kind, tmp_path, message)


def test_a_record_without_a_number_is_one_of_before(kind: Kind, tmp_path: Path) -> None:
    if not kind.had_no_numbers:
        return
    lines = kind.write(tmp_path, [1, 2, 3]).splitlines()
    old = [lines[0].replace(b'": 2,', b'": 1,', 1), *map(kind.without_number, lines[1:3])]
    (tmp_path / kind.file).write_bytes(b"\n".join(old) + b"\n")
    with kind.open(tmp_path) as journal:
        assert kind.found(journal) == [1, 2]
        kind.add(journal, 3)
    assert (tmp_path / kind.file).read_bytes() == b"\n".join([*old, lines[3]]) + b"\n"
    with kind.open(tmp_path) as journal:
        assert kind.found(journal) == [1, 2, 3]
    (tmp_path / kind.file).write_bytes(b"\n".join([lines[0], *old[1:]]) + b"\n")
    refused(kind, tmp_path, "line 2: .* is no record|line 2: the record has no number")


def test_another_file_is_not_overwritten(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / kind.file).write_text("my notes")
    refused(kind, tmp_path, "is no journal; nothing in it was changed")


@pytest.mark.skipif(os.name != "posix", reason="a pipe with a name is one of POSIX")
def test_only_a_regular_file_is_a_journal(kind: Kind, tmp_path: Path) -> None:
    for make in (os.mkdir, os.mkfifo):
        folder = tmp_path / make.__name__
        folder.mkdir()
        make(folder / kind.file)
        with pytest.raises(JournalError, match=r"Cannot write the journal .*: it is no regular file"):
            kind.open(folder)


def test_a_folder_that_cannot_be_made_is_told(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="Cannot write the journal"):
        kind.open(tmp_path / "file")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="to the superuser every folder is open")
def test_a_folder_that_cannot_be_written_is_told(kind: Kind, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(JournalError, match=r"Cannot write the journal .*: Permission denied"):
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
        with pytest.raises(JournalError, match=r"Cannot write the journal .*: No space left"):
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
        "import json, sys; from pathlib import Path; from nasmeta.journals import JournalFile, JournalKind\n"
        f"kind = JournalKind({kind.mark!r}, 'test', lambda record: True)\n"
        f"journal = JournalFile(Path({str(path)!r}), json.loads({header!r}), kind, len)\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        monkeypatch.setattr("nasmeta.journals._file._LOCK_SECONDS", 0.1)
        refused(kind, tmp_path, "in use by another process")
    finally:
        other.kill()
        other.communicate()
    with kind.open(tmp_path) as journal:  # a killed process holds nothing
        assert kind.found(journal) == [1]
