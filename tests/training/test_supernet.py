"""One network that holds all cells of a space."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

import nasmeta as nm
from nasmeta.errors import NasmetaError, SettingError
from nasmeta.evaluators import SupernetEvaluator
from nasmeta.training import ImageDataset, Recipe

torch = pytest.importorskip("torch")
from nasmeta.training import CellNetwork, Supernet, gdas, train_supernet  # noqa: E402

CELL = "|nor_conv_3x3~0|+|skip_connect~0|avg_pool_3x3~1|+|none~0|nor_conv_1x1~1|nor_conv_3x3~2|"
SKELETON = {"channels": 4, "cells_per_stage": 1}


@pytest.fixture(scope="module")
def few() -> ImageDataset:
    return ImageDataset.load("digits").subset(96)


def test_a_path_computes_what_the_network_of_its_cell_does_with_the_same_weights() -> None:
    supernet, network = Supernet(**SKELETON, seed=1), CellNetwork(CELL, **SKELETON, seed=2)
    own = supernet.state_dict()
    weights = {}
    for name, value in network.state_dict().items():
        part = name.split(".")
        if part[0] == "stages":  # stages.LEVEL.0.edges.SOURCE_TARGET.…
            edge = ["0_1", "0_2", "1_2", "0_3", "1_3", "2_3"].index(part[4])
            operation = nm.get_space("nb201").ops_of(network.cell).tolist()[edge]
            part[4:5] = [str(edge), operation]
        weights[name] = own.get(".".join(part), value)  # running statistics are the network's own
    network.load_state_dict(weights)
    images = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():  # in training mode both normalise by the batch
        expected = network.train()(images)
        found = supernet.eval().use(CELL)(images)
    torch.testing.assert_close(found, expected)


def test_draws_are_uniform_and_go_on_after_a_pause() -> None:
    supernet = Supernet(**SKELETON).train()
    drawn = []
    for _ in range(400):
        supernet._draw()
        drawn.append(supernet._path.operations)
    for edge in range(6):
        counts = np.unique([path[edge] for path in drawn], return_counts=True)[1]
        assert len(counts) == 5
        assert counts.min() > 50  # 80 are expected
    other = Supernet(**SKELETON).train()
    other.load_state_dict(supernet.state_dict())
    for network in (supernet, other):
        network._draw()
    assert supernet._path.operations == other._path.operations


def test_a_training_leaves_the_global_generator_alone_and_goes_on_from_its_folder(few, tmp_path: Path) -> None:
    recipe, before = Recipe.load("tiny", epochs=2), torch.random.get_rng_state()
    first = train_supernet(few, recipe, device="cpu", folder=tmp_path / "one")
    assert torch.equal(before, torch.random.get_rng_state())
    again = train_supernet(few, recipe, device="cpu")
    cells = [0, 6111, 12000]
    expected = first.network.accuracies(cells, few)
    assert again.network.accuracies(cells, few).tolist() == expected.tolist()
    assert train_supernet(few, recipe, device="cpu", folder=tmp_path / "one").valid_accuracy == first.valid_accuracy


def test_it_learns_digits() -> None:
    digits = ImageDataset.load("digits")
    network = train_supernet(digits, Recipe.load("tiny", epochs=4), device="cpu").network
    assert network.accuracies([6111], digits)[0] > 25  # chance is 10


@pytest.mark.slow
def test_gdas_moves_its_scores_and_is_reproducible() -> None:
    digits, recipe = ImageDataset.load("digits").subset(400), Recipe.load("tiny", epochs=2)
    found = [gdas(digits, recipe) for _ in range(2)]
    assert found[0]["cells"] == found[1]["cells"]
    assert len(found[0]["cells"]) == 2
    scores = found[0]["supernet"].scores.detach()
    assert scores.abs().max() > 1e-4
    assert found[0]["cell"] == found[0]["supernet"].cell_of_scores()


def test_a_search_asks_the_supernet(few, tmp_path: Path) -> None:
    def answers() -> SupernetEvaluator:
        return SupernetEvaluator("nb201/cifar10", few, Recipe.load("tiny", epochs=1), folder=tmp_path / "t")

    run = nm.search("random", answers(), evaluations=4, journal=tmp_path / "run.jsonl")
    assert run.evaluator.name == "supernet"
    assert ((run.values >= 0) & (run.values <= 100)).all()
    assert run.cost_seconds[0] > np.median(run.cost_seconds[1:])  # the first pays for the training
    longer = nm.search("random", answers(), evaluations=6, journal=tmp_path / "run.jsonl")
    assert longer.values[:4].tolist() == run.values.tolist()
    with pytest.raises(SettingError):
        nm.search("random", "nb201/cifar10", evaluator="supernet", evaluations=1)


def test_accuracies_do_not_depend_on_the_order_of_the_images() -> None:
    digits = ImageDataset.load("digits")
    network = train_supernet(digits, Recipe.load("tiny", epochs=2), device="cpu").network
    valid = digits.splits["valid"]
    by_class = valid[np.argsort(digits.labels[valid], kind="stable")]
    ordered = replace(digits, splits={**digits.splits, "valid": by_class})
    cells = [6111, 0, 12000, 4242]
    assert network.accuracies(cells, ordered) == pytest.approx(network.accuracies(cells, digits), abs=6)
    with pytest.raises(SettingError):
        network.accuracies([0], replace(digits, splits={**digits.splits, "valid": valid[:0]}))
    with pytest.raises(SettingError):
        network.cell_of_scores()


def test_a_supernet_that_fails_is_trained_once_and_costs_its_seconds(few, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(
        "nasmeta.training.train_supernet", lambda *of, **where: calls.append(of) or train_supernet(*of, **where)
    )
    recipe = Recipe.load("tiny", epochs=2, channels=4, learning_rate=1e30)
    run = nm.search("random", SupernetEvaluator("nb201/cifar10", few, recipe), evaluations=3)
    assert len(calls) == 1
    assert list(run.failures.values()) == ["diverged"] * 3
    assert run.cost_seconds.min() > 0  # so a budget of seconds ends


def test_a_supernet_waits_for_another_process(few, tmp_path: Path) -> None:
    evaluator = SupernetEvaluator("nb201/cifar10", few, Recipe.load("tiny", epochs=1, channels=4), folder=tmp_path)
    train_supernet(few, evaluator.recipe, folder=tmp_path / "supernet")
    with ThreadPoolExecutor(1) as pool:
        with FileLock(tmp_path / "supernet" / ".turn"):
            found = pool.submit(evaluator.evaluate, np.array([0], dtype=np.int32))
            assert not wait([found], timeout=2).done
        assert found.result().failures == (None,)


def test_every_run_pays_for_the_training_and_short_trainings_are_refused(few, tmp_path: Path) -> None:
    evaluator = SupernetEvaluator("nb201/cifar10", few, Recipe.load("tiny", epochs=1), folder=tmp_path)
    frame = nm.compare(["random", "evolution"], evaluator, repeats=2, evaluations=3)
    first = frame[frame["evaluation"] == 1]["cost_seconds"]
    assert len(first) == 4
    assert first.min() > evaluator._train_seconds > 0
    with pytest.raises(NasmetaError):
        nm.search("asha", evaluator, evaluations=3)
    with pytest.raises(SettingError):
        SupernetEvaluator("graph/cora", few)
