"""The journal: exact, resumable at every point, and not to be mixed up."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import nasmeta as nm
from nasmeta.errors import JournalError
from nasmeta.runs import History, Journal

HEADER = {"task": "t", "seed": 0}
finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.floats(allow_nan=False)


def run(journal: Path, evaluations: int = 60, seed: int = 3, **more: object) -> History:
    return nm.search(
        "evolution", "nb201/cifar10", evaluations=evaluations, seed=seed, journal=journal, **more
    )  # type: ignore[arg-type]


@pytest.fixture
def whole(tmp_path: Path) -> tuple[History, bytes]:
    path = tmp_path / "whole.jsonl"
    return run(path), path.read_bytes()


def same(first: History, second: History) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("architectures", "values", "cost_seconds")
    )


def _with(line: bytes, position: int, entry: bytes) -> bytes:
    parts = line.strip(b"[]").split(b",")
    parts[position] = entry
    return b"[" + b",".join(parts) + b"]"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(
        st.tuples(st.integers(0, 2**31 - 1), numbers, finite), unique_by=lambda record: record[0]
    )
)
def test_floats_come_back_exactly(tmp_path: Path, records: list[tuple[int, float, float]]) -> None:
    path = tmp_path / "floats.jsonl"
    path.unlink(missing_ok=True)
    with Journal(path, HEADER) as journal:
        for record in records:
            journal.append(*record)
    with Journal(path, HEADER) as journal:
        assert [tuple(record) for record in journal.records] == records


def test_a_line_an_evaluation(whole: tuple[History, bytes]) -> None:
    run, lines = whole[0], whole[1].decode().splitlines()
    assert len(lines) == 61
    assert lines[1][:-12] == f"[{run.architectures[0]},{run.values[0]},{run.cost_seconds[0]}"


def test_resumes_after_a_kill_at_any_byte(tmp_path: Path, whole: tuple[History, bytes]) -> None:
    complete, content = whole
    path = tmp_path / "cut.jsonl"
    for end in [*range(0, 60), *range(60, len(content), 37), len(content) - 1]:
        path.write_bytes(content[:end])
        assert same(run(path), complete), end
        assert path.read_bytes() == content, end


def test_a_larger_budget_goes_on_and_a_smaller_one_reads(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run(path, 30)
    longer = run(path, 90)
    assert same(longer, nm.search("evolution", "nb201/cifar10", evaluations=90, seed=3))
    content = path.read_bytes()
    shorter = run(path, 20)
    assert shorter.architectures.tolist() == longer.architectures[:20].tolist()
    assert np.isnan(shorter.searcher_seconds)
    assert path.read_bytes() == content


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


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"settings": {"population": 10}},
        {"clock": {"workers": 2}},
    ],
)
def test_another_run_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "run.jsonl"
    run(path, 30)
    content = path.read_bytes()
    with pytest.raises(JournalError):
        run(path, 60, **change)  # type: ignore[arg-type]
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


@pytest.mark.parametrize("clock", [None, {"workers": 3}])
def test_a_value_that_differs_from_the_table_is_refused(tmp_path: Path, clock: object) -> None:
    path = tmp_path / "run.jsonl"
    run(path, 20, clock=clock)
    forged(path, 6, 1, b"99.9")
    with pytest.raises(JournalError):
        run(path, 20, clock=clock)


def test_other_labels_of_a_source_are_another_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    task = nm.get_task("nb201/cifar100")

    def learn(labels: int, seed: int) -> History:
        source = task.as_source(labels, np.random.default_rng(seed))
        return nm.search(
            "source-order", "nb201/cifar10", evaluations=5, sources=[source], journal=path
        )

    first = learn(100, 0)
    assert same(learn(100, 0), first)
    for labels, seed in ((101, 0), (100, 1)):
        with pytest.raises(JournalError):
            learn(labels, seed)
