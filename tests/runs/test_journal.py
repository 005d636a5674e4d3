"""The journal: exact, resumable at every point, and not to be mixed up."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import nasmeta as nm
from nasmeta.errors import JournalError
from nasmeta.runs import History, Journal

HEADER = {"task": "t", "seed": 0}
finite = st.floats(allow_nan=False, allow_infinity=False)


def run(journal: Path, evaluations: int = 60, seed: int = 3, **more: object) -> History:
    return nm.search("evolution", "nb201/cifar10", evaluations=evaluations, seed=seed, journal=journal, **more)  # type: ignore[arg-type]


@pytest.fixture
def whole(tmp_path: Path) -> tuple[History, bytes]:
    path = tmp_path / "whole.jsonl"
    return run(path), path.read_bytes()


def same(first: History, second: History) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("cells", "values", "cost_seconds")
    )


def _with(line: bytes, position: int, entry: bytes) -> bytes:
    parts = line.strip(b"[]").split(b",")
    parts[position] = entry
    return b"[" + b",".join(parts) + b"]"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(st.tuples(st.integers(0, 2**31 - 1), finite, finite), unique_by=lambda record: record[0]))
def test_floats_come_back_exactly(tmp_path: Path, records: list[tuple[int, float, float]]) -> None:
    path = tmp_path / "floats.jsonl"
    path.unlink(missing_ok=True)
    with Journal(path, HEADER) as journal:
        for record in records:
            journal.append(*record)
    with Journal(path, HEADER) as journal:
        assert [tuple(record) for record in journal.records] == records


def test_a_journal_changes_nothing(tmp_path: Path, whole: tuple[History, bytes]) -> None:
    assert same(nm.search("evolution", "nb201/cifar10", evaluations=60, seed=3), whole[0])


def test_a_line_an_evaluation(whole: tuple[History, bytes]) -> None:
    lines = whole[1].decode().splitlines()
    assert len(lines) == 61
    first = (
        column[0] for column in (whole[0].cells.tolist(), whole[0].values.tolist(), whole[0].cost_seconds.tolist())
    )
    assert lines[1][:-12] == "[{},{!r},{!r}".format(*first)


def test_resumes_after_a_kill_at_any_byte(tmp_path: Path, whole: tuple[History, bytes]) -> None:
    complete, content = whole
    path = tmp_path / "cut.jsonl"
    for end in [*range(0, 60), *range(60, len(content), 37), len(content) - 1]:
        path.write_bytes(content[:end])
        assert same(run(path), complete), end
        assert path.read_bytes() == content, end


def test_a_tail_of_zeros_as_a_power_cut_leaves_it_is_dropped(tmp_path: Path, whole: tuple[History, bytes]) -> None:
    path = tmp_path / "zeros.jsonl"
    path.write_bytes(whole[1][:800].rpartition(b"\n")[0] + b"\n" + bytes(512))
    assert same(run(path), whole[0])
    assert path.read_bytes() == whole[1]


def test_a_larger_budget_goes_on_and_a_smaller_one_reads(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run(path, 30)
    longer = run(path, 90)
    assert same(longer, nm.search("evolution", "nb201/cifar10", evaluations=90, seed=3))
    content = path.read_bytes()
    shorter = run(path, 20)
    assert shorter.cells.tolist() == longer.cells[:20].tolist()
    assert np.isnan(shorter.searcher_seconds)
    assert path.read_bytes() == content


@pytest.mark.parametrize("cut", [20, 31, 43])
def test_resumes_in_the_middle_of_a_batch(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "batch.jsonl"
    run(path, cut, clock={"batch": 8})
    assert same(
        run(path, 60, clock={"batch": 8}),
        nm.search("evolution", "nb201/cifar10", evaluations=60, seed=3, clock={"batch": 8}),
    )


def test_stopping_at_the_optimum_is_no_part_of_the_identity(tmp_path: Path) -> None:
    path = tmp_path / "optimum.jsonl"
    solved = run(path, 2000, seed=0, stop_at_optimum=True)
    assert solved.stopped == "optimum"
    assert same(run(path, 2000, seed=0, stop_at_optimum=True), solved)
    longer = run(path, len(solved) + 50, seed=0)
    assert (len(longer), longer.stopped) == (len(solved) + 50, "budget")
    again = run(path, 2000, seed=0, stop_at_optimum=True)
    assert same(again, solved)
    assert again.stopped == "optimum"


def test_a_space_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    for _ in range(2):
        everything = nm.search("random", "nb201/cifar10", evaluations=20_000, journal=path)
        assert (len(everything), everything.stopped) == (15_625, "exhausted")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 4}, "seed is 3 there, but 4"),
        ({"settings": {"population": 10}}, "settings is {} there"),
        ({"clock": {"batch": 2}}, "clock is None there"),
    ],
)
def test_another_run_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "run.jsonl"
    run(path, 30)
    content = path.read_bytes()
    with pytest.raises(JournalError, match=message):
        run(path, 60, **change)  # type: ignore[arg-type]
    with pytest.raises(JournalError, match=r"task is 'nb201/cifar10' there.*searcher is 'evolution' there"):
        nm.search("random", "nb201/cifar100", evaluations=60, seed=3, journal=path)
    assert path.read_bytes() == content


def forged(path: Path, line: int, position: int, entry: bytes) -> None:
    """Replace an entry of a line, with correct checksums."""
    first, *lines = path.read_bytes().splitlines()
    bodies = [text.rpartition(b',"')[0] + b"]" for text in lines]
    bodies[line - 2] = _with(bodies[line - 2], position, entry)
    checksum, made = crc32(first), [first]
    for body in bodies:
        checksum = crc32(body[:-1], checksum)
        made.append(b'%s,"%08x"]' % (body[:-1], checksum))
    path.write_bytes(b"\n".join(made) + b"\n")


@pytest.mark.parametrize(("position", "entry"), [(1, b"99.9"), (2, b"1.0")])
@pytest.mark.parametrize("clock", [None, {"workers": 1}])
def test_an_altered_value_or_cost_is_detected(tmp_path: Path, position: int, entry: bytes, clock: object) -> None:
    path = tmp_path / "run.jsonl"
    run(path, 20, clock=clock)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:5], _with(lines[5], position, entry), *lines[6:]]) + b"\n")
    content = path.read_bytes()
    with pytest.raises(JournalError, match="line 6: the checksum"):
        run(path, 20, clock=clock)
    assert path.read_bytes() == content


def _measured(choices: object) -> float:
    return 7.0


def test_an_altered_value_of_a_function_is_detected(tmp_path: Path) -> None:
    def search() -> History:
        return nm.search("random", nm.get_space("nb201"), evaluator=_measured, evaluations=5, journal=path)

    path = tmp_path / "run.jsonl"
    search()
    content = path.read_bytes()
    path.write_bytes(content.replace(b",7.0,", b",7.5,", 1))
    with pytest.raises(JournalError, match="line 2: the checksum"):
        search()


@pytest.mark.parametrize("clock", [None, {"workers": 3}])
def test_a_value_that_differs_from_the_table_is_refused(tmp_path: Path, clock: object) -> None:
    path = tmp_path / "run.jsonl"
    run(path, 20, clock=clock)
    forged(path, 6, 1, b"99.9")
    with pytest.raises(JournalError, match=r"line 6: the value of cell .* 99\.9"):
        run(path, 20, clock=clock)


@pytest.mark.parametrize("clock", [None, {"workers": 1}, {"workers": 3, "repeats": "charged"}])
@pytest.mark.parametrize("stop_at_optimum", [False, True])
def test_a_lost_line_of_a_finished_run_is_noticed(tmp_path: Path, clock: object, stop_at_optimum: bool) -> None:
    path = tmp_path / "run.jsonl"
    run(path, 2000, seed=0, stop_at_optimum=True, clock=clock)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:5], *lines[6:]]))
    with pytest.raises(JournalError, match="line 6: the checksum"):
        run(path, 2000 if stop_at_optimum else 50, seed=0, stop_at_optimum=stop_at_optimum, clock=clock)


def test_another_file_without_a_line_end_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes")
    with pytest.raises(JournalError, match="no header of a journal"):
        run(path)
    assert path.read_text() == "my notes"


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="Is a directory"):
        run(tmp_path)


def test_a_full_disk_is_told_and_nothing_is_written_twice(tmp_path: Path) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(file, name)

        def write(self, content: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "run.jsonl"
    journal = Journal(path, HEADER)
    file, journal._file = journal._file, Full()  # type: ignore[assignment]
    journal.append(1, 2.0, 3.0)
    with pytest.raises(JournalError, match="No space left"):
        journal.flush()
    journal._file = file
    journal.close()
    assert path.read_bytes().count(b"\n") == 1


def test_other_labels_of_a_source_are_another_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    task = nm.get_task("nb201/cifar100")

    def learn(labels: int, seed: int) -> History:
        source = task.as_source(labels, np.random.default_rng(seed))
        return nm.search("source-order", "nb201/cifar10", evaluations=5, sources=[source], journal=path)

    first = learn(100, 0)
    assert same(learn(100, 0), first)
    for labels, seed in ((101, 0), (100, 1)):
        with pytest.raises(JournalError, match="sources is"):
            learn(labels, seed)


def test_a_second_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    code = (
        "import sys, time; from pathlib import Path; from nasmeta.runs import Journal\n"
        f"journal = Journal(Path({str(path)!r}), {HEADER!r}); print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        monkeypatch.setattr("nasmeta.journals._file._LOCK_SECONDS", 0.1)
        with pytest.raises(JournalError, match="in use by another process"):
            Journal(path, HEADER)
    finally:
        other.kill()
        other.communicate()
    with Journal(path, HEADER) as journal:  # a killed process holds nothing
        assert journal.records == []
