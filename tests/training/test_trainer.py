"""Training: it learns, goes on where it was interrupted, and says what went wrong."""

import errno
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nasmeta.errors import DamagedFileError, SettingError, TrainingFailed
from nasmeta.training import (
    CellNetwork,
    EpochRecord,
    ImageDataset,
    Recipe,
    TrainingResult,
    read_result,
    train,
    train_many,
)

CELL = 6111
TWO = Recipe.load("tiny", epochs=2, channels=4, batch_size=32)


@pytest.fixture(scope="module")
def few() -> ImageDataset:
    return ImageDataset.load("digits").subset(64)


def train_two(data: ImageDataset, folder: Path | None = None, **options: object) -> TrainingResult:
    """Train the cell for two epochs, unless the options have another recipe."""
    return train(CELL, **{"data": data, "recipe": TWO, "device": "cpu", "folder": folder} | options)


def same(a: TrainingResult, b: TrainingResult) -> bool:
    """Whether two trainings found the same, to the bit, but for the time."""
    weights = zip(a.network.state_dict().values(), b.network.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in weights) and [
        replace(e, seconds=0) for e in a.epochs
    ] == [replace(e, seconds=0) for e in b.epochs]


class Interrupt:
    """Raises when an epoch is over, as a user does who presses Ctrl-C then."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, record: EpochRecord) -> None:
        if record.epoch == self.after:
            raise KeyboardInterrupt


def test_progress_is_reported(few: ImageDataset) -> None:
    reports = []
    result = train_two(few, tell=lambda done, note: reports.append((done, note)))
    assert [done for done, _ in reports] == [1, 2]
    assert f"{result.train_accuracy:.2f} %" in reports[1][1]


def test_digits_are_learnt() -> None:
    result = train(CELL, recipe=Recipe.load("tiny", epochs=3), device="cpu")
    # chance is 10
    assert min(result.train_accuracy, result.valid_accuracy, result.test_accuracy) > 70
    assert result.split_sha256 == ImageDataset.load("digits").split_sha256()
    assert result.recipe["name"] == "tiny with epochs=3"
    assert result.train_seconds == pytest.approx(sum(epoch.seconds for epoch in result.epochs))


@pytest.mark.parametrize(
    "changes", [{}, {"label_smoothing": 0.1, "channels_last": True, "precision": "bfloat16"}]
)
def test_interrupted_and_uninterrupted_are_the_same(
    changes: dict[str, object], few: ImageDataset, tmp_path: Path
) -> None:
    recipe = TWO.but(epochs=3, **changes)
    whole = train_two(few, tmp_path / "whole", recipe=recipe, seed=5)
    for after in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            train_two(few, tmp_path / "cut", recipe=recipe, seed=5, on_epoch=Interrupt(after))
        assert not (tmp_path / "cut" / "result.json").exists()
    resumed = train_two(few, tmp_path / "cut", recipe=recipe, seed=5)
    assert same(whole, resumed)
    assert same(whole, train_two(few, recipe=recipe, seed=5))
    other = train_two(few, recipe=recipe, seed=6)
    assert other.epochs[-1].train_loss != whole.epochs[-1].train_loss


@pytest.mark.slow
def test_a_killed_process_goes_on(few: ImageDataset, tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from nasmeta.training import ImageDataset, Recipe, train\n"
        "recipe = Recipe.load('tiny', epochs=2, channels=4, batch_size=32)\n"
        "train(6111, data=ImageDataset.load('digits').subset(64), recipe=recipe, device='cpu', folder=sys.argv[1],\n"
        "      on_epoch=lambda record: os._exit(9))\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, check=False
    )
    assert ended.returncode == 9
    resumed = train_two(few, tmp_path)
    assert same(resumed, train_two(few))


def test_a_finished_training_is_read(few: ImageDataset, tmp_path: Path) -> None:
    done = train_two(few, tmp_path)

    def never(record: EpochRecord) -> None:
        raise AssertionError("it trained again")

    again = train_two(few, tmp_path, on_epoch=never)
    assert again == done == read_result(tmp_path)
    assert same(again, done)
    loaded = CellNetwork.load(tmp_path / "network.safetensors")
    images = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded(images), done.network(images))
    for change in (
        {"seed": 1},
        {"recipe": TWO.but(momentum=0.5)},
        {"data": ImageDataset.load("digits").subset(63)},
    ):
        with pytest.raises(SettingError):
            train_two(**{"data": few, "folder": tmp_path} | change)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"junk")
    with pytest.raises(DamagedFileError):
        train_two(few, tmp_path)
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(DamagedFileError):
        read_result(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_result(tmp_path / "none")


def test_nan_stops_with_a_report(few: ImageDataset, tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed) as caught:
        train_two(few, tmp_path, recipe=TWO.but(learning_rate=1e30))
    assert caught.value.reason == "diverged"
    assert json.loads((tmp_path / "failure.json").read_text())["reason"] == "diverged"
    assert not (tmp_path / "result.json").exists()


def test_a_folder_of_images_may_be_moved(few: ImageDataset, tmp_path: Path) -> None:
    images = replace(few, name="before", facts={**few.facts, "source": "folder"})
    done = train_two(images, tmp_path)
    assert train_two(replace(images, name="after"), tmp_path).epochs == done.epochs
    with pytest.raises(SettingError):
        train_two(replace(images, images=255 - images.images), tmp_path)


def test_a_network_that_does_not_fit_is_a_failure(
    few: ImageDataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("no more memory")

    with pytest.raises(KeyboardInterrupt):
        train_two(few, tmp_path, on_epoch=Interrupt(1))
    for owner, name in ((CellNetwork, "to"), (CellNetwork, "load_state_dict")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            with pytest.raises(TrainingFailed):
                train_two(few, tmp_path)
        assert json.loads((tmp_path / "failure.json").read_text())["reason"] == "out of memory"
        (tmp_path / "failure.json").unlink()
    assert len(train_two(few, tmp_path).epochs) == 2


def test_a_single_image_at_the_end_joins_the_last_batch() -> None:
    digits = ImageDataset.load("digits", size=4)  # whose last maps have one pixel
    splits = {name: positions[:65] for name, positions in digits.splits.items()}
    odd = replace(digits, splits=splits)
    assert train_two(odd).stopped == "finished"


def test_without_validation_images(few: ImageDataset) -> None:
    none = replace(few, splits={**few.splits, "valid": few.splits["valid"][:0]})
    result = train_two(none)
    assert (result.valid_accuracy, result.stopped) == (None, "finished")


def test_global_generators_are_not_touched(few: ImageDataset) -> None:
    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - it must not be touched
    train_two(few)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()  # noqa: NPY002


def test_many_keep_order_and_failures(
    few: ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = TWO.but(epochs=1)
    forward = CellNetwork.forward

    def failing(self: CellNetwork, images: torch.Tensor) -> torch.Tensor:
        return forward(self, images) * (float("nan") if self.cell == 0 else 1)

    monkeypatch.setattr(CellNetwork, "forward", failing)
    found = train_many(
        [5, 0, 5], data=few, recipe=recipe, seeds=(1, 2), folder=tmp_path, device="cpu"
    )
    assert [getattr(result, "cell", None) for result in found] == [5, 5, None, None, 5, 5]
    assert [getattr(result, "seed", None) for result in found] == [1, 2, None, None, 1, 2]
    assert found[2].reason == "diverged"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0-1", "0-2", "5-1", "5-2"]


@pytest.mark.slow  # two processes that import PyTorch
def test_side_by_side_is_the_same(few: ImageDataset, tmp_path: Path) -> None:
    recipe = TWO.but(epochs=1)
    side = train_many(
        [5, 9], data=few, recipe=recipe, folder=tmp_path / "side", device="cpu", workers=2
    )
    alone = train_many(
        [5, 9], data=few, recipe=recipe, folder=tmp_path / "alone", device="cpu", workers=1
    )
    for ours, theirs in zip(side, alone, strict=True):
        assert ours.epochs[0].train_loss == pytest.approx(theirs.epochs[0].train_loss, rel=1e-5)


@pytest.mark.parametrize("full_at", [1, 2, 3, 4, 5])
def test_a_full_disk_is_one_sentence_and_loses_nothing(
    full_at: int, few: ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nasmeta import files

    whole = train_two(few)
    write, written = files.write_to_disk, 0

    def filling(path: Path, content: bytes) -> None:
        nonlocal written
        written += 1
        if written == full_at:
            path.write_bytes(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, content)

    monkeypatch.setattr(files, "write_to_disk", filling)
    ends = pytest.raises(OSError, match="No space")
    with ends if full_at <= 4 else nullcontext():
        train_two(few, tmp_path)
    assert written == min(full_at, 4)  # two checkpoints, the network, the result
    monkeypatch.undo()
    assert same(train_two(few, tmp_path), whole)


def test_a_pause_changes_nothing(few: ImageDataset, tmp_path: Path) -> None:
    whole = train_two(few, tmp_path / "whole")
    paused = train_two(few, tmp_path / "paused", until=1)
    assert (paused.stopped, len(paused.epochs)) == ("paused", 1)
    assert paused.valid_accuracy == whole.epochs[0].valid_accuracy
    assert not (tmp_path / "paused" / "result.json").is_file()
    again = train_two(few, tmp_path / "paused", until=1)
    assert again.epochs == paused.epochs  # nothing was trained
    assert same(train_two(few, tmp_path / "paused"), whole)
    beginning = train_two(few, tmp_path / "paused", until=1)
    assert beginning.epochs == paused.epochs
    assert 0 < beginning.train_seconds <= paused.train_seconds


def test_any_other_error_is_a_failure(
    few: ImageDataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(CellNetwork, "forward", broken)
    with pytest.raises(TrainingFailed) as caught:
        train_two(few, tmp_path)
    assert (
        caught.value.reason
        == json.loads((tmp_path / "failure.json").read_text())["reason"]
        == "error"
    )
