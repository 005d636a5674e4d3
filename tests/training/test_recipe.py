"""Recipes as data."""

import inspect
import math
from pathlib import Path

import pytest

import nasmeta as nm
from nasmeta.errors import DamagedFileError, SettingError, UnknownNameError
from nasmeta.evaluators import TrainingEvaluator
from nasmeta.training import ImageDataset, Recipe, train, train_many


def test_the_official_ones() -> None:
    long, short = Recipe.load("nb201-200"), Recipe.load("nb201-12")
    assert long == Recipe("nb201-200")
    assert short.but(epochs=200, name="nb201-200") == long
    assert (long.batch_size, long.learning_rate, long.momentum, long.nesterov) == (
        256,
        0.1,
        0.9,
        True,
    )
    assert (long.weight_decay, long.label_smoothing) == (5e-4, 0.0)
    assert (long.channels, long.cells_per_stage, long.precision, round(32 * long.crop)) == (
        16,
        5,
        "float32",
        4,
    )


def test_the_official_cosine_moves_once_an_epoch() -> None:
    recipe = Recipe.load("nb201-12")
    for epoch in range(12):
        expected = 0.05 * (1 + math.cos(math.pi * epoch / 12))
        assert recipe.learning_rate_at(epoch, 0, 98) == recipe.learning_rate_at(epoch, 97, 98)
        assert recipe.learning_rate_at(epoch, 0, 98) == pytest.approx(expected)
    smooth = recipe.but(schedule_per="step")
    rates = [smooth.learning_rate_at(epoch, step, 98) for epoch in range(12) for step in range(98)]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == len(rates)


def test_one_cycle_rises_and_falls() -> None:
    recipe = Recipe("own", epochs=4, schedule="one-cycle", schedule_per="step", warmup=0.25)
    rates = [recipe.learning_rate_at(epoch, step, 25) for epoch in range(4) for step in range(25)]
    top = rates.index(max(rates))
    assert top == pytest.approx(25, abs=1)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 < min(rates) <= max(rates) <= 0.1
    flat = recipe.but(schedule="constant")
    assert {flat.learning_rate_at(epoch, step, 3) for epoch in range(4) for step in range(3)} == {
        0.1
    }


@pytest.mark.parametrize("name", Recipe.names())
def test_all_shipped_ones_load_and_return_from_a_dict(name: str) -> None:
    assert Recipe(**Recipe.load(name).to_dict()) == Recipe.load(name)
    assert all(math.isfinite(Recipe.load(name).learning_rate_at(epoch, 0, 7)) for epoch in range(3))


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('based_on = "tiny"\nepochs = 3\nlearning_rate = 1\n')
    mine = Recipe.load(path)
    assert (mine.name, mine.epochs, mine.channels, mine.learning_rate) == (
        "mine",
        3,
        Recipe.load("tiny").channels,
        1.0,
    )
    path.write_text("epochs = 3\n")
    assert Recipe.load(path).name == "mine"  # what is based on none keeps its name, too
    path.write_text("based_on = 3\n")
    with pytest.raises(UnknownNameError):
        Recipe.load(path)
    path.write_text("epochs = 3\nepoch = 4\n")
    with pytest.raises(UnknownNameError):
        Recipe.load(path)
    path.write_text("epochs = ")
    with pytest.raises(DamagedFileError):
        Recipe.load(path)
    with pytest.raises(FileNotFoundError):
        Recipe.load(tmp_path / "none.toml")
    with pytest.raises(UnknownNameError):
        Recipe.load("nb201-13")


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"learning_rate": math.nan},
        {"schedule": "linear"},
    ],
)
def test_impossible_settings(change: dict[str, object]) -> None:
    with pytest.raises(SettingError):
        Recipe.load("tiny", **change)


def test_a_recipe_may_take_fewer_and_smaller_images(tmp_path: Path) -> None:
    digits = ImageDataset.load("digits")
    recipe = Recipe.load(
        "tiny", epochs=1, channels=4, train_images=64, evaluation_images=32, image_size=12
    )
    few = recipe.images_of(digits)
    assert {name: len(found) for name, found in few.splits.items()} == {
        "train": 64,
        "valid": 32,
        "test": 32,
    }
    assert few.image_size == (12, 12)
    kept = recipe.but(image_size=0).images_of(digits)
    for name, positions in kept.splits.items():  # each image comes from its own split
        there = {image.tobytes() for image in digits.images[digits.splits[name]]}
        assert {image.tobytes() for image in kept.images[positions]} <= there
    assert recipe.images_of(few) is few
    assert recipe.images_of(digits).sha256() == few.sha256()
    assert Recipe.load("tiny").images_of(digits) is digits
    result = train(6111, digits, recipe, folder=tmp_path, device="cpu")
    assert (result.data_sha256, result.split_sha256) == (few.sha256(), few.split_sha256())
    assert result.data_facts["size"] == 12


def test_every_way_to_train_takes_the_recipe_of_the_images(tmp_path: Path) -> None:
    ways = [train, train_many, nm.verify, TrainingEvaluator]
    assert {inspect.signature(way).parameters["recipe"].default for way in ways} == {None}
    few, whole = ImageDataset.load("digits").subset(40), {"seed": 1, "device": "cpu"}
    by_train = train(6111, few, **whole).recipe
    assert by_train == Recipe.load("tiny").to_dict()
    assert (
        train_many([6111], data=few, folder=tmp_path, workers=1, device="cpu")[0].recipe == by_train
    )
    assert TrainingEvaluator("nb201/cifar10", few).recipe == Recipe.load("tiny")
