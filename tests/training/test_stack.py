"""Cells that train side by side as one network learn what they learn alone."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nasmeta.errors import SettingError, TrainingFailed
from nasmeta.spaces import get_space
from nasmeta.training import (
    CellNetwork,
    ImageDataset,
    Recipe,
    TrainingResult,
    _stack as stack_module,
    read_result,
    train,
    train_many,
)
from nasmeta.training._estimate import Estimate, estimate_training
from nasmeta.training._learner import Learner
from nasmeta.training._stacked_network import StackedNetwork

SPACE = get_space("nb201")
CELLS = [6111, 9930, 1462, 13714, 3000]
RECIPE = Recipe.load("tiny", epochs=2, channels=4, batch_size=32)
CPU: dict[str, Any] = {"device": "cpu"}


@pytest.fixture(scope="module")
def few() -> ImageDataset:
    return ImageDataset.load("digits", valid_fraction=0.3).subset(96)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute in float64, where a sum in another order does not turn a ReLU on or off within a few epochs."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    """Return what a training has learnt: weights, batch norm's statistics, averages, momentum."""
    return load_file(folder / "checkpoint.safetensors")


def assert_alike(ours: list[Any], theirs: list[Any], stacked: Path, alone: Path, tolerance: float) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        name = f"{other.cell}-{other.seed}"
        assert (mine.cell, mine.seed, mine.stopped) == (other.cell, other.seed, other.stopped)
        found, expected = state_of(stacked / name), state_of(alone / name)
        assert found.keys() == expected.keys()
        for key, tensor in expected.items():
            torch.testing.assert_close(found[key], tensor, rtol=tolerance, atol=tolerance, msg=f"{name} {key}")
        for one, due in zip(mine.epochs, other.epochs, strict=True):
            for field in ("epoch", "learning_rate", "train_accuracy", "valid_accuracy", "test_accuracy"):
                assert getattr(one, field) == getattr(due, field), (name, field)
            for field in ("train_loss", "valid_loss", "test_loss"):
                if getattr(due, field) is not None:
                    assert getattr(one, field) == pytest.approx(getattr(due, field), rel=tolerance)


def test_the_cells_here_have_all_operations() -> None:
    used = {name for cell in CELLS for name in SPACE.ops_of(cell)}
    assert used == set(SPACE.operations)


@pytest.mark.slow
@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        pytest.param(
            {"prune": False, "cells_per_stage": 2, "channels": 3, "evaluate_every": 2}, marks=pytest.mark.slow
        ),
        pytest.param(
            {"ema": 0.9, "label_smoothing": 0.1, "channels_last": True, "schedule": "cosine", "nesterov": False},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_each_learns_what_it_learns_alone(changes: dict[str, Any], few: ImageDataset, tmp_path: Path) -> None:
    recipe, seeds = RECIPE.but(epochs=4, **changes), (0, 1, 7)
    alone = train_many(CELLS, "nb201", few, recipe, seeds, folder=tmp_path / "alone", workers=1, **CPU)
    stacked = train_many(CELLS, "nb201", few, recipe, seeds, folder=tmp_path / "stacked", stack=5, **CPU)
    assert_alike(stacked, alone, tmp_path / "stacked", tmp_path / "alone", 1e-7)
    assert {result.stack for result in stacked if isinstance(result, TrainingResult)} == {5}
    network = CellNetwork.load(tmp_path / "stacked" / "6111-7" / "network.safetensors")
    assert network.cell == 6111


@pytest.mark.slow
@pytest.mark.usefixtures("exact")
def test_random_cells_of_both_spaces_learn_what_they_learn_alone(few: ImageDataset, tmp_path: Path) -> None:
    for name in ("nb201", "tnb101"):
        space, home = get_space(name), tmp_path / name
        cells = np.random.default_rng(1).choice(space.size, 12, replace=False).tolist()
        recipe = RECIPE.but(prune=False)
        alone = train_many(cells, name, few, recipe, folder=home / "alone", workers=1, **CPU)
        stacked = train_many(cells, name, few, recipe, folder=home / "stacked", stack=12, **CPU)
        assert_alike(stacked, alone, home / "stacked", home / "alone", 1e-7)


@pytest.mark.usefixtures("exact")
def test_a_stack_of_one_learns_what_it_learns_alone(few: ImageDataset, tmp_path: Path) -> None:
    alone = train_many([6111], "nb201", few, RECIPE, folder=tmp_path / "alone", workers=1, **CPU)
    count = stack_module.EpochCount([6111], None)
    stack = stack_module._Stack(SPACE, few, RECIPE, 0, torch.device("cpu"), False, count)  # type: ignore[arg-type]
    ours = stack.train({6111: tmp_path / "stacked" / "6111-0"})[6111]
    assert_alike([ours], alone, tmp_path / "stacked", tmp_path / "alone", 1e-7)


def test_in_float32_a_step_differs_by_rounding_only(few: ImageDataset) -> None:
    members = [CellNetwork(cell, channels=8, cells_per_stage=2) for cell in CELLS]
    alone = [CellNetwork(cell, channels=8, cells_per_stage=2) for cell in CELLS]
    stacked = StackedNetwork(members)
    stacked.take()
    images = torch.from_numpy(few.images[:32]).float() / 255
    for at, network in enumerate(alone):
        torch.testing.assert_close(stacked(images)[:, at], network(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_over_epochs_float32_differs_as_by_another_rounding_of_the_first_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, draw = ImageDataset.load("digits", valid_fraction=0.5), CellNetwork._draw_weights

    def nudged(self: CellNetwork, seed: int) -> None:
        draw(self, seed)
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter *= 1 + 1e-7 * torch.randn(parameter.shape, generator=generator)

    def accuracies(name: str, **how: Any) -> Any:
        found = train_many(CELLS, "nb201", data, Recipe.load("tiny"), (0, 1), folder=tmp_path / name, **how, **CPU)
        return np.array([result.valid_accuracy for result in found])  # type: ignore[union-attr]

    alone, stacked = accuracies("alone", workers=1), accuracies("stacked", stack=5)
    monkeypatch.setattr(CellNetwork, "_draw_weights", nudged)
    other = accuracies("nudged", workers=1)
    assert np.abs(stacked - alone).mean() <= 2 * np.abs(other - alone).mean() + 0.25
    assert abs((stacked - alone).mean()) < 1
    assert min(alone.min(), stacked.min()) > 80


@pytest.mark.slow
def test_a_stack_is_compiled_as_one_graph(few: ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = torch.compile

    def compiled(network: torch.nn.Module, mode: str | None = None) -> Any:
        return compiler(network, backend="aot_eager", fullgraph=True)  # what traces, but needs no compiler of C++

    monkeypatch.setattr(torch, "compile", compiled)
    recipe = RECIPE.but(epochs=1, name="one")
    found = train_many(CELLS[:3], "nb201", few, recipe.but(compile=True), folder=tmp_path / "a", stack=3, **CPU)
    plain = train_many(CELLS[:3], "nb201", few, recipe, folder=tmp_path / "b", stack=3, **CPU)
    for ours, due in zip(found, plain, strict=True):
        assert isinstance(ours, TrainingResult)
        assert isinstance(due, TrainingResult)
        assert ours.epochs[0].train_loss == pytest.approx(due.epochs[0].train_loss, rel=1e-3)


def test_cuda_graphs_are_asked_of_the_compiler(few: ImageDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    monkeypatch.setattr(torch, "compile", lambda network, mode=None: modes.append(mode))
    monkeypatch.setattr(CellNetwork, "to", lambda self, *arguments, **named: self)
    for changes in ({"compile": True}, {"cuda_graphs": True}):
        Learner(CellNetwork(6111), few, RECIPE.but(**changes), 0, torch.device("cuda"), 6111)
    assert modes == [None, "reduce-overhead"]


def test_one_that_would_be_alone_is_trained_by_itself_to_the_bit(few: ImageDataset, tmp_path: Path) -> None:
    cut = SPACE.index_of("|none~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_1x1~1|none~2|")
    cells = [6111, cut, 9930, 1462]
    found = train_many(cells, "nb201", few, RECIPE, folder=tmp_path, stack=2, **CPU)
    assert [result.stack for result in found if isinstance(result, TrainingResult)] == [2, 1, 2, 1]
    for result in (found[1], found[3]):
        assert isinstance(result, TrainingResult)
        alone = train(result.cell, few, RECIPE, folder=tmp_path / f"{result.cell}-0", **CPU)  # it is the same training
        other = train(result.cell, few, RECIPE, **CPU)
        assert [replace(one, seconds=0) for one in alone.epochs] == [replace(one, seconds=0) for one in other.epochs]
    with pytest.raises(SettingError, match=r"differs in stack \(--stack\)"):
        train(6111, few, RECIPE, folder=tmp_path / "6111-0", **CPU)


def test_a_loss_that_is_no_number_stops_no_neighbour(
    few: ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = stack_module._Stack._begun

    def poisoned(self: Any, cell: int, folder: Path | None) -> Any:
        training = begun(self, cell, folder)
        if cell == 9930 and training is not None:
            with torch.no_grad():
                training.learner.network.stem[0].weight[0, 0, 0, 0] = math.nan
        return training

    monkeypatch.setattr(stack_module._Stack, "_begun", poisoned)
    found = train_many(CELLS, "nb201", few, RECIPE, folder=tmp_path / "one", stack=5, **CPU)
    assert [getattr(result, "reason", "") for result in found] == ["", "diverged", "", "", ""]
    assert "loss of cell 9930 is nan in epoch 1 of 2" in str(found[1])
    assert json.loads((tmp_path / "one" / "9930-0" / "failure.json").read_text())["reason"] == "diverged"
    monkeypatch.setattr(stack_module._Stack, "_begun", begun)
    others = train_many(CELLS, "nb201", few, RECIPE, folder=tmp_path / "none", stack=5, **CPU)
    for result, other in zip(found, others, strict=True):
        if isinstance(result, TrainingResult) and isinstance(other, TrainingResult):
            assert result.epochs[0].train_loss == other.epochs[0].train_loss  # as long as the stacks are the same


def test_where_memory_is_short_the_stack_is_halved(
    few: ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, sizes = stack_module.StackedLearner._step, []

    def short(self: Any, *arguments: Any) -> Any:
        sizes.append(len(self._members))
        if len(self._members) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return step(self, *arguments)

    monkeypatch.setattr(stack_module.StackedLearner, "_step", short)
    found = train_many(CELLS, "nb201", few, RECIPE, folder=tmp_path, stack=5, **CPU)
    assert [size for at, size in enumerate(sizes) if size != sizes[at - 1] or at == 0] == [5, 3, 2, 1, 2]
    results = [result for result in found if isinstance(result, TrainingResult)]
    assert [(result.stack, result.stack_halvings) for result in results] == [(2, 2), (2, 2), (1, 2), (2, 1), (2, 1)]
    assert {result.stopped for result in results} == {"finished"}
    assert read_result(tmp_path / "1462-0").stack_halvings == 2


def test_where_memory_is_short_for_one_its_batch_is_halved(
    few: ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: Any, *arguments: Any) -> Any:
        raise torch.OutOfMemoryError("out of memory")

    attempt = Learner._try_step

    def half(self: Learner, *arguments: Any) -> Any:
        if self.micro_batch > 16:
            raise torch.OutOfMemoryError("out of memory")
        return attempt(self, *arguments)

    monkeypatch.setattr(stack_module.StackedLearner, "_step", never)
    monkeypatch.setattr(Learner, "_try_step", half)
    found = train_many(CELLS[:2], "nb201", few, RECIPE, folder=tmp_path, stack=2, **CPU)
    told = [(result.stack, result.stack_halvings, result.micro_batch) for result in found]  # type: ignore[union-attr]
    assert told == [(1, 2, 16)] * 2


def test_each_epoch_of_a_stack_is_told(few: ImageDataset, tmp_path: Path) -> None:
    cut = SPACE.index_of("|none~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_1x1~1|none~2|")  # it trains alone
    told: list[tuple[int, str]] = []

    def asked(*cells: int) -> list[int]:
        told.clear()
        folders = {cell: tmp_path / f"{cell}-0" for cell in cells}
        stack_module.train_stacks(
            folders,
            SPACE,  # type: ignore[arg-type]
            few,
            RECIPE,
            0,
            2,
            tell=lambda done, note: told.append((done, note)),
            **CPU,
        )
        return [done for done, _ in told]

    assert asked(6111, cut, 9930) == [1, 2, 4, 6]  # of the cell alone, then two at once
    assert re.fullmatch(r"loss \d\.\d{3}, train [\d.]+ %, valid [\d.]+ %", told[0][1])
    assert re.fullmatch(
        r"2 cells side by side, loss \S+ to \S+, train \S+( to \S+)? %, valid \S+( to \S+)? %", told[-1][1]
    )
    assert asked(6111, cut, 9930, 1462, 3000) == [2, 4, 6, 8, 10]  # what has finished counts at once


def test_a_failed_and_an_early_end_count_as_done(
    few: ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = RECIPE.but(epochs=6, patience=1, learning_rate=0.3)
    found = train_many(CELLS, "nb201", few, recipe, folder=tmp_path / "early", stack=5, progress=True, **CPU)
    assert any(len(result.epochs) < 6 for result in found if isinstance(result, TrainingResult))
    assert "epochs: 30 of 30" in capsys.readouterr().err

    def broken(self: Any, *arguments: Any) -> Any:
        raise RuntimeError("the device is gone")

    monkeypatch.setattr(Learner, "_try_step", broken)
    train_many(CELLS, "nb201", few, RECIPE, folder=tmp_path / "failed", stack=5, progress=True, **CPU)
    said = capsys.readouterr().err
    assert "epochs: 10 of 10" in said
    assert "estimated" not in said


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_trainings_one_by_one_are_told_too(
    workers: int, few: ImageDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_many(CELLS[:2], "nb201", few, RECIPE, (0, 1), folder=tmp_path, workers=workers, progress=True, **CPU)
    said = capsys.readouterr().err
    assert "epochs: 8 of 8" in said
    assert ("loss" in said) == (workers == 1)


@pytest.mark.slow
def test_a_stack_is_estimated_before_it_trains(
    few: ImageDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cpu, memory = torch.device("cpu"), {}
    for size in (2, 4):
        folders = dict.fromkeys(CELLS[:size])
        said = stack_module.estimate_stacks(folders, SPACE, few, RECIPE, size, cpu)  # type: ignore[arg-type]
        match = re.fullmatch(
            rf"estimated: ([\d.e+]+) seconds for 2 epochs of {size} cells, ([\d.e-]+) GB for 32 images at once, {size} "
            "cells side by side",
            said,
        )
        assert match is not None, said
        memory[size] = float(match[2]) * 1e9
    alone = [estimate_training(cell, "nb201", few, RECIPE, cpu).memory_bytes for cell in CELLS[:4]]
    images = 1.6 * few.images.nbytes  # which all share
    assert memory[2] < memory[4]
    assert memory[4] == pytest.approx(sum(alone) - 3 * images, rel=0.2)
    before = train_many(CELLS, "nb201", few, RECIPE, (0, 1), folder=tmp_path / "a", stack=5, **CPU)
    assert capsys.readouterr().err == ""
    found = train_many(CELLS, "nb201", few, RECIPE, (0, 1), folder=tmp_path / "b", stack=5, progress=True, **CPU)
    said = capsys.readouterr().err
    assert said.startswith("estimated: ")
    assert "2 epochs of 5 cells" in said.splitlines()[0]
    assert said.splitlines()[0].endswith("5 cells side by side, each seed")
    assert "epochs: 20 of 20" in said
    for ours, due in zip(found, before, strict=True):  # a trial leaves nothing behind
        assert isinstance(ours, TrainingResult)
        assert isinstance(due, TrainingResult)
        assert [replace(one, seconds=0) for one in ours.epochs] == [replace(one, seconds=0) for one in due.epochs]
    train_many(CELLS, "nb201", few, RECIPE, (0, 1), folder=tmp_path / "b", stack=5, progress=True, **CPU)
    assert "estimated" not in capsys.readouterr().err  # nothing is left to train


def test_a_stack_is_estimated_by_the_epochs_that_are_left(
    few: ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stack_module, "estimate", lambda *_: Estimate(100.0, 10**9, 32))
    cells, save, saved = CELLS[:2], stack_module.Training.save, []

    def stopping(self: Any) -> None:
        save(self)
        saved.append(self)
        if len(saved) == 2:  # both cells have an epoch behind them
            raise KeyboardInterrupt

    monkeypatch.setattr(stack_module.Training, "save", stopping)
    with pytest.raises(KeyboardInterrupt):
        train_many(cells, "nb201", few, RECIPE, (0, 1), folder=tmp_path, stack=2, progress=True, **CPU)
    assert "estimated: 100 seconds for 2 epochs of 2 cells, " in capsys.readouterr().err
    monkeypatch.setattr(stack_module.Training, "save", save)
    train_many(cells, "nb201", few, RECIPE, (0, 1), folder=tmp_path, stack=2, progress=True, **CPU)
    said = capsys.readouterr().err
    assert "estimated: 50 seconds for the 2 epochs that 2 cells have left, " in said
    assert "side by side, for the first seed that is not done" in said


@pytest.mark.slow
def test_the_seconds_of_a_stack_are_about_what_it_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = ImageDataset.load("digits")
    found = train_many(CELLS, "nb201", whole, RECIPE, folder=tmp_path, stack=3, progress=True, **CPU)
    match = re.match(r"estimated: ([\d.e+]+) seconds for 2 epochs of 5 cells", capsys.readouterr().err)
    assert match is not None
    results = [result for result in found if isinstance(result, TrainingResult)]
    took = sum(result.train_seconds + result.evaluate_seconds for result in results)
    assert took / 4 < float(match[1]) < took * 4  # a machine that others use


def test_a_trial_and_a_training_that_lack_memory_say_so(
    few: ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = stack_module.StackedLearner._step

    def short(self: Any, *arguments: Any) -> Any:
        if len(self._members) > 3:
            raise torch.OutOfMemoryError("out of memory")
        return step(self, *arguments)

    monkeypatch.setattr(stack_module.StackedLearner, "_step", short)
    train_many(CELLS, "nb201", few, RECIPE, folder=tmp_path, stack=5, progress=True, **CPU)
    said = capsys.readouterr().err
    assert "memory does not suffice for 5 cells side by side, the stack will be halved" in said
    assert "stacks of 5 trainings were cut into halves, of down to 2 cells; 32 images went" in said
    assert "epochs: 10 of 10" in said


@pytest.mark.slow
def test_a_killed_stack_goes_on_to_the_same_result(few: ImageDataset, tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from nasmeta.training import _trainer, ImageDataset, Recipe, train_many\n"
        "saved, save = [], _trainer.Training.save\n"
        "def dying(self):\n"
        "    save(self)\n"
        "    saved.append(self)\n"
        "    len(saved) == int(sys.argv[2]) and os._exit(9)\n"
        "_trainer.Training.save = dying\n"
        "recipe = Recipe.load('tiny', epochs=3, channels=4, batch_size=32)\n"
        "data = ImageDataset.load('digits', valid_fraction=0.3).subset(96)\n"
        "train_many([6111, 9930, 1462], data=data, recipe=recipe, device='cpu', stack=3, folder=sys.argv[1])\n"
    )
    recipe, cells = Recipe.load("tiny", epochs=3, channels=4, batch_size=32), [6111, 9930, 1462]
    whole = train_many(cells, "nb201", few, recipe, folder=tmp_path / "whole", stack=3, **CPU)
    for after in (6, 4):  # between epochs, and between the checkpoints of one
        home = tmp_path / str(after)
        environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
        ended = subprocess.run([sys.executable, "-c", code, str(home), str(after)], env=environment, check=False)
        assert ended.returncode == 9
        again = train_many(cells, "nb201", few, recipe, folder=home, stack=3, **CPU)
        for ours, due in zip(again, whole, strict=True):
            assert isinstance(ours, TrainingResult)
            assert isinstance(due, TrainingResult)
            assert ours.stopped == "finished"
            if after == 6:  # to the bit
                assert [replace(one, seconds=0) for one in ours.epochs] == [replace(e, seconds=0) for e in due.epochs]
                found, expected = state_of(home / f"{due.cell}-0"), state_of(tmp_path / "whole" / f"{due.cell}-0")
                assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())
            else:
                losses, expected_losses = ([epoch.train_loss for epoch in one.epochs] for one in (ours, due))
                assert losses == pytest.approx(expected_losses, rel=0.02)


def test_early_ends_leave_the_stack(few: ImageDataset, tmp_path: Path) -> None:
    recipe = RECIPE.but(epochs=6, patience=1, learning_rate=0.3)
    found = train_many(CELLS, "nb201", few, recipe, folder=tmp_path, stack=5, **CPU)
    lengths = [len(result.epochs) for result in found if isinstance(result, TrainingResult)]
    assert len(lengths) == 5
    assert min(lengths) < max(lengths)
    again = train_many(CELLS, "nb201", few, recipe, folder=tmp_path, stack=5, **CPU)
    assert [result.epochs for result in again] == [result.epochs for result in found]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stack": 0}, "stack must be"),
        ({"stack": 2, "workers": 2}, "leave out workers=2, or stack=2"),
        ({"stack": 2, "workers": "ray"}, "leave out workers='ray'"),
        ({"stack": 2, "recipe": Recipe.load("tiny", precision="float16")}, "A stack does not train in float16"),
        (
            {"stack": 2, "recipe": Recipe.load("tiny", cuda_graphs=True)},
            "asks for CUDA graphs, which a training on cpu",
        ),
        ({"recipe": Recipe.load("tiny", cuda_graphs=True), "workers": 1}, "train on device='cuda'"),
    ],
)
def test_impossible_stacks_are_refused(wrong: dict[str, Any], message: str, few: ImageDataset, tmp_path: Path) -> None:
    asked = {"cells": [6111, 9930], "data": few, "recipe": RECIPE, "folder": tmp_path, **CPU, **wrong}
    with pytest.raises(SettingError, match=message):
        train_many(**asked)


def test_recipes_without_cuda_graphs_are_told_as_before() -> None:
    assert "cuda_graphs" not in RECIPE.to_dict()
    assert RECIPE.but(cuda_graphs=True).to_dict()["cuda_graphs"] is True


def test_all_that_fail_are_told(few: ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, *arguments: Any) -> Any:
        raise RuntimeError("the device is gone")

    monkeypatch.setattr(Learner, "_try_step", broken)
    found = train_many(CELLS[:3], "nb201", few, RECIPE, folder=tmp_path, stack=3, **CPU)
    assert all(isinstance(result, TrainingFailed) and result.reason == "error" for result in found)
