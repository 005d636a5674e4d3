"""Old names of arguments and settings go on to work, and mean the same run."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import SettingError
from nasmeta.searchers import SEARCHERS
from nasmeta.tasks import LabelNoise
from nasmeta.training import load_dataset

SPACE = nm.get_space("nb201")


@pytest.mark.parametrize("name", ["gp", "tpe", "bananas", "predictor", "xgboost-ei", "rgpe", "multi-task-gp"])
def test_initial_is_n_initial_now(name: str) -> None:
    kind = SEARCHERS[name]
    with pytest.warns(DeprecationWarning, match=r"The argument initial of [\w-]+ is n_initial now") as told:
        made = kind(SPACE, np.random.default_rng(0), initial=3)
    assert made.n_initial == 3
    assert told[0].filename == __file__


def test_a_setting_has_one_name() -> None:
    with pytest.raises(SettingError, match="give it by that name only"):
        nm.search("gp", "nb201/cifar10", evaluations=3, settings={"initial": 3, "n_initial": 3})


def test_settings_of_a_run_have_the_new_name() -> None:
    with pytest.warns(DeprecationWarning, match="n_initial now") as told:
        old = nm.search("gp", "nb201/cifar10", evaluations=8, settings={"initial": 2})
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = nm.search("gp", "nb201/cifar10", evaluations=8, settings={"n_initial": 2})
    assert old.settings == new.settings == {"n_initial": 2}
    assert old.cells.tolist() == new.cells.tolist()


def test_a_journal_with_the_old_name_is_of_the_same_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    whole = nm.search("gp", "nb201/cifar10", evaluations=8, settings={"n_initial": 2})
    nm.search("gp", "nb201/cifar10", evaluations=4, settings={"n_initial": 2}, journal=path)
    text = path.read_text("utf-8")
    assert '"n_initial": 2' in text
    path.write_text(text.replace('"n_initial": 2', '"initial": 2'), "utf-8")
    resumed = nm.search("gp", "nb201/cifar10", evaluations=8, settings={"n_initial": 2}, journal=path)
    assert resumed.cells.tolist() == whole.cells.tolist()
    assert len(path.read_text("utf-8").splitlines()) == 9


def test_a_folder_with_the_old_name_is_of_the_same_comparison(tmp_path: Path) -> None:
    searchers = {"few": ("gp", {"n_initial": 2})}
    nm.compare(searchers, tasks="nb201/cifar10", repeats=1, evaluations=4, folder=tmp_path)
    path = tmp_path / "specification.json"
    said = json.loads(path.read_text("utf-8"))
    said["searchers"]["few"]["settings"] = {"initial": 2}
    path.write_text(json.dumps(said), "utf-8")
    for journal in tmp_path.rglob("*.jsonl"):
        journal.write_text(journal.read_text("utf-8").replace('"n_initial"', '"initial"'), "utf-8")
    frame = nm.compare(searchers, tasks="nb201/cifar10", repeats=1, evaluations=6, folder=tmp_path)
    assert len(frame) == 6


def test_a_deviation_is_std_now() -> None:
    with pytest.warns(DeprecationWarning, match="The argument deviations of LabelNoise is stds now"):
        noise = LabelNoise(np.zeros(1), deviations=np.ones(1))
    with pytest.warns(DeprecationWarning, match=r"LabelNoise\.deviations is stds now"):
        assert noise.deviations is noise.stds
    digits = load_dataset("digits")
    with pytest.warns(DeprecationWarning, match=r"ImageDataset\.deviation is std now"):
        assert digits.deviation == digits.std


def test_a_number_of_labels_is_n_labels_now(tmp_path: Path) -> None:
    task, rng = nm.get_task("nb201/cifar10"), np.random.default_rng
    with pytest.warns(DeprecationWarning, match=r"The argument labels of Task\.as_source is n_labels now"):
        old = task.as_source(labels=20, rng=rng(0))
    assert old.sha256 == task.as_source(n_labels=20, rng=rng(0)).sha256
    with pytest.warns(DeprecationWarning, match="The argument labels of meta_train is n_labels now"):
        saved = nm.meta_train("source-order", leave_out="cifar100", labels=20, out=tmp_path / "order.npz")
    assert saved.card["sources"][0]["labels"] == 20


def test_a_notation_is_a_codec_now() -> None:
    with pytest.warns(DeprecationWarning, match=r"nasmeta\.spaces\.Notation is nasmeta\.spaces\.CellCodec now"):
        assert nm.spaces.Notation is nm.spaces.CellCodec
