"""Comparisons whose cells are trained, or answered by a function: nobody knows their optimum."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.analysis import (
    average_ranks,
    summarise,
)
from nasmeta.cli._app import app
from nasmeta.errors import JournalError, SettingError, TrainingFailed
from nasmeta.evaluators import FunctionEvaluator, TrainingEvaluator
from nasmeta.experiments import report
from nasmeta.training import EpochRecord, ImageDataset, Recipe, Trainer, TrainingResult, train

FEW = ImageDataset.load("digits").subset(48)
RECIPE = Recipe.load("tiny", epochs=3, channels=4, batch_size=16)


def on_digits(**asked: Any) -> TrainingEvaluator:
    return TrainingEvaluator("nb201/cifar10", FEW, RECIPE, isolated=False, **asked)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """Return (cell, until) of each training that is asked for."""
    calls = []
    train_one = Trainer.train

    def counting(self: Trainer, architecture: int, *positional: Any, **named: Any) -> Any:
        calls.append((architecture, named.get("until")))
        return train_one(self, architecture, *positional, **named)

    monkeypatch.setattr(Trainer, "train", counting)
    return calls


@pytest.fixture
def epochs_run(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """Count the epochs that each cell is really trained for."""
    from nasmeta.training import Learner

    counts = Counter()
    epoch_of = Learner.epoch

    def counting(self: Learner, *arguments: Any) -> Any:
        counts[self.network.cell] += 1
        return epoch_of(self, *arguments)

    monkeypatch.setattr(Learner, "epoch", counting)
    return counts


def compared(folder: Path | None, evaluations: int = 6, **asked: Any) -> pd.DataFrame:
    answers = {"evaluator": on_digits(), "folder": folder, **asked}
    return nm.compare(
        ["random", "local-search"], "nb201/cifar10", repeats=2, evaluations=evaluations, **answers
    )


def answers_like_the_table(
    monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool] = lambda architecture: True
) -> TrainingEvaluator:
    """Return an evaluator whose trainings take no time, and diverge where they fail."""
    values = nm.get_task("nb201/cifar10").values

    def train_one(
        self: Trainer, architecture: int, seed: int = 0, *_: object, **__: object
    ) -> TrainingResult:
        if fails(architecture):
            raise TrainingFailed("the loss is nan", "diverged")
        epoch = EpochRecord(
            1, 0.1, 1.0, 50.0, 1.0, float(values[architecture]), 1.0, 50.0, 100_000.0
        )
        whose = (
            architecture,
            "nb201",
            "digits",
            {},
            seed,
            "cpu",
            (epoch,),
            100_000.0,
            0.5,
            "s",
            "d",
            1,
            "finished",
        )
        return TrainingResult(*whose, {})

    monkeypatch.setattr(Trainer, "train", train_one)
    monkeypatch.setattr(ImageDataset, "load", wraps(ImageDataset.load)(lambda *_, **__: FEW))
    return on_digits()


COMMAND = [
    "compare",
    "--searchers",
    "random,evolution",
    "--tasks",
    "nb201/cifar10",
    "--evaluator",
    "training",
]
COMMAND += ["--data", "digits", "--recipe", "tiny", "--repeats", "2", "--evaluations", "4"]


def test_without_any_successful_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers_like_the_table(monkeypatch)
    search = [
        "search",
        "random",
        "nb201/cifar10",
        "--evaluator",
        "training",
        "--data",
        "digits",
        "--evaluations",
        "2",
    ]
    shard = [*COMMAND, "--folder", str(tmp_path / "shards"), "--shard", "0/2"]
    for command in (search, shard, [*COMMAND, "--folder", str(tmp_path)]):
        assert CliRunner().invoke(app, command).exit_code == 1
    assert "| random | – |" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    with pytest.raises(SettingError):
        report(tmp_path)
    with pytest.raises(SettingError):
        _ = nm.search("random", on_digits(), evaluations=2).best


def test_means_leave_out_runs_without_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    first = nm.search(
        "random", "nb201/cifar10", evaluations=3
    ).architectures.tolist()  # those of the first of two runs
    lost = {int(nm.get_space("nb201").canonical(architecture)) for architecture in first}
    evaluator = answers_like_the_table(monkeypatch, lost.__contains__)
    frame = nm.compare(["random", "evolution"], evaluator, repeats=2, evaluations=3)
    ends = frame.groupby(["searcher", "seed"], observed=True)["incumbent_value"].last()
    assert ends["random", 0] == 0  # no run of the others
    row = summarise(frame, at=[3]).set_index("searcher").loc["random"]
    assert row["value_at_3"] == ends["random", 1]
    # what fails is no incumbent beside a value
    assert frame.loc[frame["failure"] == "", "incumbent_value"].min() > 0


def test_without_a_known_optimum_there_are_no_regrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_like_the_table(monkeypatch, lambda architecture: False)
    # takes seconds
    monkeypatch.setattr("nasmeta.pages._sections.save_figure", lambda _, path, *__: [path])
    assert CliRunner().invoke(app, [*COMMAND, "--folder", str(tmp_path)]).exit_code == 0
    result = report(tmp_path, formats=()).findings
    for name in ("summary.md", "report/report.md"):
        page = (tmp_path / name).read_text(encoding="utf-8")
        assert "regret" not in page.lower().replace("no regrets", "")
        assert "simulated" not in page
    assert result.scores is None
    assert result.results["nb201/cifar10"]["seconds"].between(1e5, 4e5 + 2).all()
    assert not result.facts[0].known
    frame = pd.read_parquet(tmp_path / "results.parquet")
    assert result.facts[0].optimum == frame["value"].max()
    assert "test_end" not in result.results["nb201/cifar10"]


@pytest.mark.slow
@pytest.mark.parametrize("kept", [True, False])
def test_a_cell_is_trained_once_whoever_proposes_it(
    kept: bool, tmp_path: Path, trainings: list[tuple]
) -> None:
    # two labels of one searcher propose the same cells
    frame = nm.compare(
        {"one": "random", "two": "random", "evolution": ("evolution", {"population": 3})},
        on_digits(),
        repeats=2,
        evaluations=6,
        folder=tmp_path if kept else None,
    )
    assert len(frame) == 36
    assert len(trainings) == len(set(trainings))
    space = nm.get_space("nb201")
    assert {architecture for architecture, _ in trainings} == {
        int(space.canonical(int(architecture))) for architecture in frame["cell"]
    }
    one, two = (frame[frame["searcher"] == label] for label in ("one", "two"))
    np.testing.assert_array_equal(one["value"], two["value"])
    # the second is not free of charge
    np.testing.assert_array_equal(one["cost_seconds"], two["cost_seconds"])
    assert (
        frame["cost_seconds"] > 0
    ).sum() > 30  # a class that a run has paid for costs it nothing
    assert frame["regret"].isna().all()
    first = one.iloc[0]
    direct = train(int(space.canonical(int(first["cell"]))), FEW, RECIPE, device="cpu")
    assert first["value"] == direct.valid_accuracy
    run = nm.search("random", on_digits(), evaluations=6, seed=1)
    np.testing.assert_array_equal(run.architectures, one.loc[one["seed"] == 1, "cell"])
    np.testing.assert_array_equal(run.values, one.loc[one["seed"] == 1, "value"])


@pytest.mark.slow
def test_a_killed_comparison_goes_on_and_trains_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainings: list[tuple]
) -> None:
    whole = compared(tmp_path / "whole")
    trainings.clear()
    train_one = Trainer.train

    def dying(self: Trainer, *positional: Any, **named: Any) -> Any:
        if len(trainings) == 9:
            raise KeyboardInterrupt
        return train_one(self, *positional, **named)

    monkeypatch.setattr(Trainer, "train", dying)
    with pytest.raises(KeyboardInterrupt):
        compared(tmp_path / "killed")
    monkeypatch.setattr(Trainer, "train", train_one)
    before = list((tmp_path / "killed" / "trainings").glob("*/result.json"))
    assert before
    written = {path: path.stat().st_mtime_ns for path in before}
    resumed = compared(tmp_path / "killed")
    different = ["cost_seconds", "simulated_seconds"]  # as another training measured them
    pd.testing.assert_frame_equal(resumed.drop(columns=different), whole.drop(columns=different))
    assert {path: path.stat().st_mtime_ns for path in before} == written
    trainings.clear()
    pd.testing.assert_frame_equal(compared(tmp_path / "killed"), resumed)
    assert not trainings
    longer = compared(tmp_path / "killed", 8)
    both = longer[longer["evaluation"] <= 6].reset_index(drop=True)
    pd.testing.assert_series_equal(both["value"], resumed["value"])
    with pytest.raises(SettingError, match="another comparison"):
        compared(tmp_path / "killed", evaluator=on_digits(seed=1))


def test_a_recipe_by_another_name_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers_like_the_table(monkeypatch, lambda architecture: False)
    renamed = TrainingEvaluator("nb201/cifar10", FEW, RECIPE.but(name="other"), isolated=False)
    changed = TrainingEvaluator(
        "nb201/cifar10", FEW, RECIPE.but(crop=0, name=RECIPE.name), isolated=False
    )
    path = tmp_path / "run.jsonl"
    first = nm.search("random", on_digits(), evaluations=2, journal=path)
    assert (
        nm.search("random", renamed, evaluations=3, journal=path).architectures[:2].tolist()
        == first.architectures.tolist()
    )
    with pytest.raises(JournalError, match=r"evaluator\.recipe_sha256 is"):
        nm.search("random", changed, evaluations=3, journal=path)
    frame = compared(tmp_path / "folder", 2)
    pd.testing.assert_frame_equal(compared(tmp_path / "folder", 2, evaluator=renamed), frame)
    with pytest.raises(SettingError, match="another comparison"):
        compared(tmp_path / "folder", 2, evaluator=changed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("searcher", "kept"), [("asha", True), ("hyperband", False), ("bohb", False)]
)
def test_a_promoted_training_goes_on_where_it_paused(
    searcher: str, kept: bool, tmp_path: Path, epochs_run: Counter[int]
) -> None:
    journal = tmp_path / "run.jsonl" if kept else None
    run = nm.search(
        searcher,
        on_digits(),
        evaluations=14,
        journal=journal,
        seed=3,
        settings={"epochs": ["1of3", 3]},
    )
    space = nm.get_space("nb201")
    longest = Counter()
    for architecture, epochs in zip(run.architectures.tolist(), run.epochs.tolist(), strict=True):
        longest[int(space.canonical(architecture))] = max(
            longest[int(space.canonical(architecture))], epochs
        )
    assert set(run.epochs) == {1, 3}
    assert epochs_run == longest  # no epoch is trained twice
    assert run.clock.promotion == "continued"
    promoted = [
        architecture
        for architecture in set(run.architectures.tolist())
        if (run.architectures == architecture).sum() == 2
    ]
    assert promoted
    for architecture in promoted[:2]:
        at = run.architectures == architecture
        direct = train(int(space.canonical(architecture)), FEW, RECIPE, device="cpu")
        assert run.values[at].tolist() == [direct.epochs[0].valid_accuracy, direct.valid_accuracy]
        assert (run.cost_seconds[at] > 0).all()
    if kept:
        path = tmp_path / "run.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:8]))
        settings = {"epochs": ["1of3", 3]}
        resumed = nm.search(
            searcher, on_digits(), evaluations=14, journal=journal, seed=3, settings=settings
        )
        np.testing.assert_array_equal(resumed.values, run.values)


def test_a_length_by_default_is_a_ninth_and_a_third() -> None:
    rarely = TrainingEvaluator(
        "nb201/cifar10", FEW, RECIPE.but(epochs=9, evaluate_every=4), isolated=False
    )
    assert list(rarely.after()) == [4, 9]
    with pytest.raises(SettingError, match="3of9"):
        rarely.after(["3of9", 9])
    with pytest.raises(SettingError, match="training lengths"):
        nm.search(
            "asha", TrainingEvaluator("nb201/cifar10", FEW, RECIPE.but(epochs=2), isolated=False)
        )


def worst_width(choices: Mapping[str, Any]) -> float:
    return float((choices["width"] - 37) ** 2 + choices["depth"])


def test_regrets_of_runs_that_begin_with_their_best_have_the_right_sign() -> None:
    rows = {
        "task": "t",
        "searcher": ["a"] * 2 + ["b"] * 2,
        "seed": 0,
        "evaluation": [1, 2] * 2,
        "regret": np.nan,
    }
    rows |= {"simulated_seconds": 0.0}
    frame = pd.DataFrame(
        {**rows, "value": [1.0, 5.0, 2.0, 2.0], "incumbent_value": [1.0, 1.0, 2.0, 2.0]}
    )
    assert summarise(frame)["final_regret"].tolist() == [0, 1]  # less is better
    more = frame.assign(value=[5.0, 1.0, 2.0, 2.0], incumbent_value=[5.0, 5.0, 2.0, 2.0])
    assert summarise(more)["final_regret"].tolist() == [0, 3]


def test_a_function_is_compared_too_and_less_may_be_better() -> None:
    space = nm.SearchSpace("mlp", {"width": list(range(60)), "depth": [1, 2, 3]})
    evaluator = FunctionEvaluator(worst_width, space, direction="min")
    frame = nm.compare(["random", "local-search"], evaluator, repeats=5, evaluations=40)
    assert frame["regret"].isna().all()
    ends = frame.groupby(["searcher", "seed"], observed=True)["incumbent_value"].last()
    table = summarise(frame, at=[40]).set_index("searcher")
    best = frame["value"].min()
    for searcher in ("random", "local-search"):
        assert table.loc[searcher, "final_regret"] == pytest.approx((ends[searcher] - best).mean())
        assert np.isnan(table.loc[searcher, "share_solved"])
        assert np.isnan(table.loc[searcher, "evaluations_to_optimum"])
    winner = ends.groupby("searcher", observed=True).mean().idxmin()
    assert average_ranks(frame).iloc[0]["searcher"] == winner
