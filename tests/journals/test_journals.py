"""Properties of all journals: searches, predictor benchmarks, proxies and verifications."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from nasmeta.errors import DamagedFileError, JournalError, NasmetaError
from nasmeta.journals import JournalFile

HEADER = {"task": "t", "seed": 0}


class Numbers(JournalFile):
    """A journal of numbers."""

    mark, of = "nasmeta_numbers", "list of numbers"

    def append(self, i: int) -> None:
        self.add(f"{i}, {json.dumps({'third': i / 3})}")
        self.flush()

    @property
    def numbers(self) -> list[int]:
        assert all(row[1] == {"third": row[0] / 3} for row in self.records)
        return [row[0] for row in self.records]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "numbers.jsonl"


def written(path: Path, numbers: Sequence[int]) -> bytes:
    with Numbers(path, HEADER) as journal:
        for i in numbers:
            journal.append(i)
    return path.read_bytes()


def refused(
    path: Path, line: int = 0, header: dict = HEADER, error: type[NasmetaError] = DamagedFileError
) -> None:
    """Check that a journal is not opened, that the error names the line, and that the file is unchanged."""
    before = path.read_bytes()
    with pytest.raises(error) as refusal:
        Numbers(path, header)
    assert not line or f"line {line}" in str(refusal.value)
    assert path.read_bytes() == before


def test_records_are_read_again(path: Path) -> None:
    content = written(path, [1, 2, 3])
    lines = [json.loads(line) for line in content.splitlines()]
    assert next(iter(lines[0])) == Numbers.mark
    assert [len(line[-1]) for line in lines[1:]] == [8, 8, 8]
    with Numbers(path, HEADER) as journal:
        assert journal.numbers == [1, 2, 3]
    assert path.read_bytes() == content


def test_resumes_after_a_kill_at_any_byte(path: Path) -> None:
    content = written(path, [1, 2, 3])
    for end in range(len(content)):
        path.write_bytes(content[:end])
        with Numbers(path, HEADER) as journal:
            assert journal.numbers == [1, 2, 3][: max(content[:end].count(b"\n") - 1, 0)], end
            for i in (1, 2, 3)[len(journal.numbers) :]:
                journal.append(i)
        assert path.read_bytes() == content, end


def test_other_work_and_another_kind_are_refused(path: Path) -> None:
    written(path, [1])
    refused(path, header={"task": "t", "seed": 4}, error=JournalError)
    path.write_bytes(path.read_bytes().replace(b"nasmeta_numbers", b"nasmeta_letters"))
    refused(path, line=1)


def test_every_altered_byte_is_detected(path: Path) -> None:
    content = written(path, [1, 2])
    first = content.index(b"\n") + 1
    for i in range(first, len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        refused(path)


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda lines: [*lines[:2], b"garbage", *lines[2:]], 3),
        (lambda lines: [*lines[:2], b"", *lines[2:]], 3),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], 3),
        (lambda lines: [lines[0], lines[2], lines[1]], 2),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[0].replace(b'"t"', b'"u"'), *lines[1:]], 2),
        (lambda lines: lines[1:], 1),
    ],
)
def test_damage_is_reported_with_its_line(
    path: Path, damage: Callable[[list[bytes]], list[bytes]], line: int
) -> None:
    lines = written(path, [1, 2]).splitlines()
    path.write_bytes(b"\n".join(damage(lines)) + b"\n")
    refused(path, line)


def test_another_format_is_refused(path: Path) -> None:
    first, line = written(path, [1]).splitlines()
    first, body = first.replace(b": 3", b": 4", 1), line.rpartition(b',"')[0]
    path.write_bytes(b'%s\n%s,"%08x"]\n' % (first, body, crc32(body, crc32(first))))
    refused(path, error=JournalError)


def test_a_journal_without_records_is_overwritten(path: Path) -> None:
    Numbers(path, {"task": "t", "seed": 4}).close()
    assert b'"seed": 0' in written(path, [1])


def test_a_full_disk_is_reported_and_nothing_is_written_twice(path: Path) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(file, name)

        def write(self, content: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with Numbers(path, HEADER) as journal:
        journal.append(1)
        file = journal._file
        journal._file = Full()  # type: ignore[assignment]
        with pytest.raises(OSError, match="No space"):
            journal.append(2)
        journal._file = file
    written(path, [2])
    with Numbers(path, HEADER) as journal:
        assert journal.numbers == [1, 2]


def test_a_second_process_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, [1])
    code = (
        "import sys; from pathlib import Path; from nasmeta.journals import JournalFile\n"
        f"JournalFile.mark = {Numbers.mark!r}\n"
        f"journal = JournalFile(Path({str(path)!r}), {HEADER!r})\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "open\n"
        monkeypatch.setattr("nasmeta.journals._file._LOCK_SECONDS", 0.1)
        refused(path, error=JournalError)
    finally:
        other.kill()
        other.communicate()
    with Numbers(path, HEADER) as journal:  # a killed process holds nothing
        assert journal.numbers == [1]
