"""The journal: exact, resumable at every point, and not to be mixed up."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import nasmeta as nm
from nasmeta.errors import JournalError
from nasmeta.runs import History, Journal

HEADER = {"nasmeta_journal": 1, "task": "t", "seed": 0}
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
    columns = [list(column) for column in zip(*records, strict=True)] if records else [[], [], []]
    with Journal(path, HEADER) as journal:
        journal.append(*columns)  # type: ignore[arg-type]
    with Journal(path, HEADER) as journal:
        assert [journal.cells, journal.values, journal.cost_seconds] == columns


def test_a_journal_changes_nothing(tmp_path: Path, whole: tuple[History, bytes]) -> None:
    assert same(nm.search("evolution", "nb201/cifar10", evaluations=60, seed=3), whole[0])


def test_a_line_an_evaluation(whole: tuple[History, bytes]) -> None:
    lines = whole[1].decode().splitlines()
    assert len(lines) == 61
    first = (
        column[0] for column in (whole[0].cells.tolist(), whole[0].values.tolist(), whole[0].cost_seconds.tolist())
    )
    assert lines[1] == "[{},{!r},{!r},1]".format(*first)


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
    run(path, cut, batch=8)
    assert same(run(path, 60, batch=8), nm.search("evolution", "nb201/cifar10", evaluations=60, seed=3, batch=8))


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
        ({"batch": 2}, "batch is 1 there, but 2"),
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


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lines: [*lines[:5], b"garbage", *lines[5:]], "line 6: b'garbage' is no record"),
        (lambda lines: [*lines[:5], b"[1,2.0]", *lines[5:]], "line 6"),
        (lambda lines: [*lines[:5], b"[1,NaN,2.0]", *lines[5:]], "line 6"),
        (lambda lines: [*lines[:5], b"[1,2.0,1.0],[2,2.0,1.0]", *lines[5:]], "line 6"),
        (lambda lines: [*lines[:5], b"", *lines[5:]], "line 6"),
        (lambda lines: [*lines[:5], lines[4], *lines[5:]], "line 6: cell .* recorded before"),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:40]], "line 5: the record has the number 5, but 4"),
        (lambda lines: [*lines[:4], *lines[5:]], "line 5: the record has the number 5, but 4 is due"),
        (lambda lines: [*lines[:4], *(line.rpartition(b",")[0] + b"]" for line in lines[4:])], "line 5: .* no number"),
        (lambda lines: [lines[0].replace(b": 2", b": 3", 1), *lines[1:]], "format 3, but this nasmeta reads 1 to 2"),
        (lambda lines: lines[1:], "line 1: this is no header"),
        (lambda lines: [*lines[:5], b"[15625,2.0,1.0,5]", *lines[6:]], "line 6: there is no cell 15625"),
        (lambda lines: [*lines[:5], b"[%d,2.0,1.0]" % 2**70, *lines[6:]], "line 6: .*no record"),
        (lambda lines: [*lines[:5], _with(lines[5], 1, b"99.9"), *lines[6:]], r"line 6: the value of cell .* 99\.9"),
        (lambda lines: [*lines[:5], _with(lines[5], 2, b"1.0"), *lines[6:]], r"line 6: the cost of cell .* 1\.0"),
        (lambda lines: [*lines[:5], b"[" * 100_000, *lines[6:]], "line 6: .*no record"),
        (lambda lines: [b"[" * 100_000, *lines[1:]], "line 1: this is no header"),
        (lambda lines: [b"my notes", b"are here"], "line 1: this is no header"),
        (lambda lines: [b"\xff\xfe\x00"], "line 1: this is no header"),
    ],
)
def test_damage_is_named_and_left_alone(tmp_path: Path, whole: tuple[History, bytes], damage, message: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "damaged.jsonl"
    content = b"\n".join(damage(whole[1].splitlines())) + b"\n"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=message):
        run(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("clock", [None, {"workers": 1}, {"workers": 3, "repeats": "charged"}])
@pytest.mark.parametrize("stop_at_optimum", [False, True])
def test_a_lost_line_of_a_finished_run_is_noticed(tmp_path: Path, clock: object, stop_at_optimum: bool) -> None:
    path = tmp_path / "run.jsonl"
    run(path, 2000, seed=0, stop_at_optimum=True, clock=clock)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:5], *lines[6:]]))
    with pytest.raises(JournalError, match="line 6: the record has the number 6, but 5 is due"):
        run(path, 2000 if stop_at_optimum else 50, seed=0, stop_at_optimum=stop_at_optimum, clock=clock)


@pytest.mark.parametrize("clock", [None, {"workers": 3}])
def test_journals_without_numbers_are_read_and_continued(tmp_path: Path, clock: object) -> None:
    path = tmp_path / "run.jsonl"
    whole = run(path, clock=clock)
    first, *lines = path.read_bytes().splitlines()
    old = [first.replace(b'"nasmeta_journal": 2', b'"nasmeta_journal": 1')]
    old += [line.rpartition(b",")[0] + b"]" for line in lines]
    path.write_bytes(b"\n".join(old) + b"\n")
    assert same(run(path, clock=clock), whole)
    path.write_bytes(b"\n".join(old[:30]) + b"\n")
    assert same(run(path, clock=clock), whole)
    assert path.read_bytes().splitlines()[30:] == lines[29:]
    assert same(run(path, clock=clock), whole)


@pytest.mark.parametrize("promotion", ["scratch", "continued"])
def test_another_cost_on_the_clock_is_refused(tmp_path: Path, promotion: str) -> None:
    path = tmp_path / "run.jsonl"
    clock = {"promotion": promotion}
    run(path, 20, clock=clock)
    lines = path.read_bytes().splitlines()
    cost = float(lines[5].split(b",")[2])
    path.write_bytes(b"\n".join([*lines[:5], _with(lines[5], 2, b"%r" % (2 * cost)), *lines[6:]]) + b"\n")
    with pytest.raises(JournalError, match="line 6: the cost of cell"):
        run(path, 20, clock=clock)


def test_another_file_without_a_line_end_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes")
    with pytest.raises(JournalError, match="no journal"):
        run(path)
    assert path.read_text() == "my notes"


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="Cannot write the journal"):
        run(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="these files are those of POSIX")
@pytest.mark.parametrize("path", ["/dev/full", "/dev/null", "/dev/zero", "/proc/x/y", "fifo", "long" * 100])
def test_only_a_regular_file_is_a_journal(tmp_path: Path, path: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(JournalError, match="Cannot write the journal"):
        run(tmp_path / path)


def test_a_full_disk_is_told_and_nothing_is_written_twice(tmp_path: Path) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(file, name)

        def write(self, content: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "run.jsonl"
    journal = Journal(path, HEADER)
    file, journal._file = journal._file, Full()  # type: ignore[assignment]
    journal.append([1], [2.0], [3.0])
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
        assert journal.cells == []
