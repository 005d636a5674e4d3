"""A learned policy that the target contradicts falls back on a Gaussian process without sources."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import nasmeta as nm
from nasmeta.errors import SettingError
from nasmeta.meta._falls_back import FallsBackSearch, arm_shares
from nasmeta.tasks import SourceTask

LINEAR = {"predictor": "meta-linear"}


class _Order(FallsBackSearch):
    """Propose the cells of one order, as a policy of perfect or of perverse sources would."""

    order: NDArray[np.int32]

    def _learn(self, sources: list[SourceTask]) -> None:
        return None

    def _propose(self) -> int:
        self.seen = getattr(self, "seen", set())
        found = next(cell for cell in self.order.tolist() if cell not in self.seen)
        self.seen.add(found)
        return found

    def _observe(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        self.seen = getattr(self, "seen", set()) | set(cells.tolist())


def _values() -> NDArray[np.float64]:
    return nm.get_task("nb201/cifar10").values


def _shares(best_first: bool, seed: int = 0, evaluations: int = 40) -> list[str]:
    values = _values()
    searcher = _Order(nm.get_space("nb201"), np.random.default_rng(seed))
    searcher.order = np.argsort(-values if best_first else values).astype(np.int32)
    by = []
    for _ in range(evaluations):
        cells = searcher.ask()
        assert searcher.notes is not None
        by.append(searcher.notes[0]["by"])
        searcher.tell(cells, values[cells])
    return by


def test_shares_by_hand() -> None:
    nothing = np.zeros(0)
    assert arm_shares(nothing, np.zeros(0, dtype=np.int64), nothing).tolist() == [0.5, 0.5]
    # Of the values 1, 2, 0 the second exceeds all before it, reward 1, the third none, reward 0. The arms were drawn
    # with .5 and .25, so their log weights are .3 × (1 − .5) / .5 = .3 and .3 × (0 − .5) / .25 = −.6.
    found = arm_shares(np.array([1.0, 2.0, 0.0]), np.array([-1, 1, 0]), np.array([1.0, 0.5, 0.25]))
    assert found[0] == pytest.approx(0.05 + 0.9 / (1 + np.exp(0.9)))
    assert found.sum() == pytest.approx(1)
    ties = arm_shares(np.ones(6), np.array([0, 1, 0, 0, 1, 0]), np.full(6, 0.5))
    assert ties == pytest.approx([0.5, 0.5])  # a value that ties with all before it says nothing


def test_a_policy_that_the_target_contradicts_loses_its_say_and_a_right_one_keeps_it() -> None:
    wrong, right = _shares(best_first=False), _shares(best_first=True)
    assert wrong[:5] == right[:5] == ["sources", "random", "sources", "random", "sources"]
    assert wrong[10:].count("gp") > 24  # 30 proposals, of which about two are left to the loser
    assert right[10:].count("sources") > right[10:].count("gp")


def test_known_values_replace_the_initial_design() -> None:
    settings = {**LINEAR, "warm_start": 4, "falls_back": False}
    run = nm.search("meta-predictor", "nb201/cifar10", evaluations=7, settings=settings)
    assert [note["by"] for note in run.notes[4:]] == ["sources"] * 3


def test_no_cell_twice_in_batches_whose_values_come_late() -> None:
    values = _values()
    searcher = _Order(nm.get_space("nb201"), np.random.default_rng(0))
    searcher.order = np.argsort(-values).astype(np.int32)
    batches = [searcher.ask(4)]
    for _ in range(10):
        batches.append(searcher.ask(4))
        searcher.tell(batches[-2], values[batches[-2]])
    cells = np.concatenate(batches)
    assert len(set(cells.tolist())) == len(cells) == 44


def test_a_predictor_whose_sources_are_reversed_finds_good_cells_with_a_fall_back_alone() -> None:
    frame = pd.DataFrame({"cell": range(15625), "score": 100 - nm.get_task("nb201/cifar100").values})
    task = nm.Table.from_frame(frame, space="nb201", direction="max").task("score")

    def best(falls_back: bool) -> float:
        settings = {**LINEAR, "falls_back": falls_back}
        run = nm.search("meta-predictor", task, evaluations=25, sources=["nb201/cifar10"], settings=settings)
        return float(run.values.max())

    assert best(False) < 50 < 85 < best(True)


def test_notes_say_who_proposed() -> None:
    run = nm.search("meta-predictor", "nb201/cifar10", evaluations=8, settings=LINEAR)
    assert [note["by"] for note in run.notes[:5]] == ["sources", "random", "sources", "random", "sources"]
    assert sum(run.notes[7]["weights"].values()) == pytest.approx(1)
    alone = nm.search("meta-predictor", "nb201/cifar10", evaluations=8, settings={**LINEAR, "falls_back": False})
    assert [note["by"] for note in alone.notes[:5]] == ["sources", "random", "sources", "random", "sources"]
    assert alone.notes[5:] == [{"by": "sources"}] * 3
    with pytest.raises(SettingError):
        nm.search("meta-predictor", "nb201/cifar10", evaluations=1, settings={**LINEAR, "falls_back": "no"})
