"""The meta-searcher by default: whom it listens to, and that it says so."""

from pathlib import Path

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import SpaceExhaustedError
from nasmeta.meta._default_searcher import DefaultMetaSearch
from nasmeta.runs import Clock
from nasmeta.searchers import GPSearch
from nasmeta.spaces import get_space
from nasmeta.tasks import SourceTask
from nasmeta.testing import made_up_values

SPACE = get_space("tnb101")
EVERY = np.arange(SPACE.n_architectures, dtype=np.int32)


def source(name: str, values: np.ndarray, architectures: np.ndarray = EVERY) -> SourceTask:
    return SourceTask(name, name, SPACE, architectures, values[architectures])


def search(
    sources: list[SourceTask], values: np.ndarray, n: int, **settings: object
) -> DefaultMetaSearch:
    searcher = DefaultMetaSearch(SPACE, np.random.default_rng(0), **settings)  # type: ignore[arg-type]
    searcher.meta_fit(sources)
    for _ in range(n):
        proposed = searcher.ask()
        searcher.tell(proposed, values[proposed])
    return searcher


def test_useless_sources_get_few_turns() -> None:
    values, rng = made_up_values(SPACE), np.random.default_rng(0)
    permuted = [source(name, rng.permutation(values)) for name in "ab"]
    useful = [source(name, values) for name in "ab"]
    assert search(permuted, values, 40)._share() < 0.5 < search(useful, values, 40)._share()


def test_a_batch_proposes_all_that_is_left_and_no_architecture_twice() -> None:
    values = made_up_values(SPACE)
    searcher = DefaultMetaSearch(SPACE, np.random.default_rng(0)).meta_fit(
        [source("a", values, EVERY[::40])]
    )
    searcher.restrict(EVERY[:9])
    proposed = [*searcher.ask(4), *searcher.ask(5)]
    assert sorted(proposed) == [*range(9)]
    with pytest.raises(SpaceExhaustedError):
        searcher.ask()


def test_target_searcher_proposes_as_without_sources() -> None:
    """Its process knows all observations, so it is the plain searcher on the same history."""
    values = made_up_values(SPACE)
    searcher = search([source("a", -values), source("b", -values)], values, 12)
    plain = GPSearch(SPACE, np.random.default_rng(0))
    own = searcher._arms["target"]
    plain.tell(np.array(own._gp.architectures), np.array(own._values))
    np.testing.assert_allclose(plain._labels(), own._labels())
    assert len(own._members) == len(plain._members) == 2


def test_each_run_starts_with_the_sources(tmp_path: Path) -> None:
    asked = {
        "evaluations": 21,
        "sources": nm.task_distribution("nb201")[:1].as_sources(60, np.random.default_rng(0)),
    }
    path = tmp_path / "run.jsonl"
    run = nm.search("meta", "nb201/cifar100", journal=path, **asked)
    assert [note["by"] for note in run.notes[:2]] == ["sources", "target"]
    assert {note["by"] for note in run.notes} == {"sources", "target"}
    longer = nm.search("meta", "nb201/cifar100", journal=path, **asked | {"evaluations": 23})
    assert longer.notes[:21] == run.notes
    asked |= {"clock": Clock(workers=2), "evaluations": 12}
    on_clock = nm.search("meta", "nb201/cifar100", journal=tmp_path / "clock.jsonl", **asked)
    assert len(set(on_clock.architectures.tolist())) == 12
    assert (
        nm.search("meta", "nb201/cifar100", journal=tmp_path / "clock.jsonl", **asked).notes
        == on_clock.notes
    )


def test_it_keeps_to_a_part_of_the_space() -> None:
    searcher = DefaultMetaSearch(SPACE, np.random.default_rng(0))
    searcher.meta_fit(
        [source("a", made_up_values(SPACE), SPACE.sample(40, np.random.default_rng(0)))]
    )
    assert searcher.restrict(EVERY[:30])
    assert searcher.ask(9).max() < 30
