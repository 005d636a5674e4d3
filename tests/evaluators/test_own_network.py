"""Networks that a user builds, of a space of one's own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import nasmeta as nm
from nasmeta.errors import JournalError, SettingError
from nasmeta.evaluators import TrainingEvaluator
from nasmeta.training import ImageDataset, Recipe, train

FEW = ImageDataset.load("digits").subset(48)
RECIPE = Recipe.load("tiny", epochs=2, batch_size=16)
SPACE = nm.SearchSpace.from_frame(
    pd.DataFrame({"width": [4, 8, 8], "act": ["relu", "relu", "tanh"]}), name="mlp"
)


def build(choices: Any) -> nn.Module:
    act = {"relu": nn.ReLU, "tanh": nn.Tanh}[choices["act"]]
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(192, int(choices["width"])),
        act(),
        nn.Linear(int(choices["width"]), 10),
    )


def wider(choices: Any) -> nn.Module:
    return build({**choices, "width": 2 * choices["width"]})


def test_all_that_is_needed_is_a_function(tmp_path: Path) -> None:
    journal = tmp_path / "run.jsonl"
    before = torch.random.get_rng_state()
    evaluator = TrainingEvaluator(SPACE, FEW, RECIPE, build_network=build, isolated=False)
    run = nm.search("random", evaluator, evaluations=3, journal=journal)
    assert torch.equal(torch.random.get_rng_state(), before)
    direct = train(
        int(run.architectures[0]), FEW, RECIPE, space=SPACE, build_network=build, device="cpu"
    )
    assert run.values[0] == direct.valid_accuracy
    assert direct.parameters == sum(
        p.numel() for p in build(SPACE.choices(int(run.architectures[0]))).parameters()
    )
    assert [column.split for column in run.report()] == ["test"]  # there is no table
    again = TrainingEvaluator(SPACE, FEW, RECIPE, build_network=build, isolated=False)
    np.testing.assert_array_equal(
        nm.search("random", again, evaluations=3, journal=journal).values, run.values
    )
    other = TrainingEvaluator(SPACE, FEW, RECIPE, build_network=wider, isolated=False)
    with pytest.raises(JournalError):
        nm.search("random", other, evaluations=3, journal=journal)


def of_width(width: int, data: Any) -> Any:
    def network(choices: Any) -> nn.Module:
        return build({**choices, "width": width * (len(data.labels) > 0)})

    return network


def test_a_folder_is_of_one_network(tmp_path: Path) -> None:
    asked = {"space": SPACE, "folder": tmp_path, "device": "cpu"}
    done = train(2, FEW, RECIPE, build_network=of_width(5, FEW), **asked)
    assert train(2, FEW, RECIPE, build_network=of_width(5, FEW.subset(9)), **asked) == done
    for other in (of_width(6, FEW), build):
        with pytest.raises(SettingError):
            train(2, FEW, RECIPE, build_network=other, **asked)
    frame = pd.DataFrame({"width": [4, 9, 9], "act": ["relu", "relu", "tanh"]})
    asked["space"] = nm.SearchSpace.from_frame(frame, name="mlp")
    with pytest.raises(SettingError):
        train(2, FEW, RECIPE, build_network=of_width(5, FEW), **asked)


def test_a_network_may_say_its_identity(tmp_path: Path) -> None:
    asked = {"space": SPACE, "folder": tmp_path, "device": "cpu"}
    first, second, third = (of_width(width, FEW) for width in (5, 5, 5))
    first.identity = second.identity = {"widths": (5, 6)}
    third.identity = {"widths": 7}
    done = train(2, FEW, RECIPE, build_network=first, **asked)
    assert train(2, FEW, RECIPE, build_network=second, **asked) == done
    with pytest.raises(SettingError):
        train(2, FEW, RECIPE, build_network=third, **asked)


@pytest.mark.parametrize("isolated", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_evaluators_share_no_folder_unless_their_networks_are_the_same(
    tmp_path: Path, isolated: bool
) -> None:
    asked = {"folder": tmp_path, "isolated": isolated}
    architectures = np.array([0], dtype=np.int32)
    evaluator = TrainingEvaluator(SPACE, FEW, RECIPE, build_network=build, **asked)
    values = evaluator.evaluate(architectures).values
    evaluator.close()
    direct = train(
        0, FEW, RECIPE, space=SPACE, build_network=build, folder=tmp_path / "cell-0", device="cpu"
    )
    assert direct.valid_accuracy == values[0]
    other = TrainingEvaluator(SPACE, FEW, RECIPE, build_network=wider, **asked)
    with other.kept_open(), pytest.raises(SettingError):
        other.evaluate(architectures)


def fails_for_tanh(choices: Any) -> nn.Module:
    if choices["act"] == "tanh":
        raise ValueError("oops\nand more lines")
    return build(choices)


@pytest.mark.parametrize("isolated", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_network_that_cannot_be_built_is_a_failed_training(
    tmp_path: Path, isolated: bool
) -> None:
    asked = {"build_network": fails_for_tanh, "folder": tmp_path, "isolated": isolated}
    run = nm.search(
        "random", TrainingEvaluator(SPACE, FEW, RECIPE, **asked), evaluations=SPACE.size
    )
    failed = [
        SPACE.choices(int(architecture))["act"] == "tanh" for architecture in run.architectures
    ]
    assert any(failed)
    np.testing.assert_array_equal(run.values == 0, failed)
    report = json.loads(
        (tmp_path / f"cell-{run.architectures[np.argmax(failed)]}" / "failure.json").read_text()
    )
    assert report["reason"] == "error"
    assert "'act': 'tanh'}) raised ValueError: oops" in report["message"]
    assert all(
        why.endswith("'act': 'tanh'}) raised ValueError: oops") for why in run.failures.values()
    )
    assert set(run.frame()["failure"]) == {"", *run.failures.values()}
