"""Files of meta-models: the model comes back; damaged, foreign and leaking files are refused."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import (
    DamagedFileError,
    LeakageError,
    OtherMetricWarning,
    SettingError,
)
from nasmeta.meta import SavedMetaModel, meta_model_for, meta_train
from nasmeta.meta._mean_score_search import SourceOrder
from nasmeta.meta._meta_gp import MetaGPSearch
from nasmeta.meta._saved_model import KIND, encode
from nasmeta.searchers import MetaSearcher
from nasmeta.tasks import SourceTask

SPACE = nm.get_space("nb201")


def learned(
    kind: type[MetaSearcher] = SourceOrder, n_labels: int = 200, **settings: object
) -> MetaSearcher:
    sources, _ = nm.task_distribution("nb201").leave_out("cifar100")
    few = sources.as_sources(n_labels, np.random.default_rng(3))
    return kind(SPACE, np.random.default_rng(0), **settings).meta_fit(few)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedMetaModel:
    return SavedMetaModel.load(
        SavedMetaModel.write(tmp_path_factory.mktemp("models") / "order.npz", learned())
    )


def test_the_card_lists_the_sources_and_the_bytes_are_reproducible(
    saved: SavedMetaModel, tmp_path: Path
) -> None:
    assert (saved.kind, saved.held_out) == ("source-order", ("cifar10", "imagenet16-120"))
    assert saved.sources == ("nb201/cifar10", "nb201/imagenet16-120")
    assert [source["labels"] for source in saved.card["sources"]] == [200, 200]
    assert saved.metric_kinds == ("accuracy",)
    assert (
        SavedMetaModel.write(tmp_path / "again.npz", learned()).read_bytes()
        == saved.path.read_bytes()
    )
    assert list(tmp_path.iterdir()) == [tmp_path / "again.npz"], "no other file remains"


FEW = [
    (name, 200) for name in ("meta-gp", "multi-task-gp", "rgpe", "rgpe-vanilla", "meta", "meta-nas")
]
OTHER_WEIGHTS = pytest.param("meta-rl", 200, marks=pytest.mark.slow)


@pytest.mark.parametrize(("name", "n_labels"), [*FEW, ("meta-nas", SPACE.size), OTHER_WEIGHTS])
def test_a_searcher_proposes_the_same_after_loading(
    name: str, n_labels: int, tmp_path: Path
) -> None:
    searcher = learned(nm.searchers.SEARCHERS[name], n_labels)  # type: ignore[arg-type]
    again = SavedMetaModel.load(SavedMetaModel.write(tmp_path / "gp.npz", searcher)).searcher(
        np.random.default_rng(0)
    )
    values = nm.get_task("nb201/cifar100").values
    for _ in range(8):
        architecture, other = searcher.ask(), again.ask()
        assert architecture == other
        searcher.tell(architecture, values[architecture])
        again.tell(architecture, values[architecture])


def test_settings_of_the_search_may_differ_and_those_of_the_training_not(tmp_path: Path) -> None:
    path = SavedMetaModel.write(
        tmp_path / "gp.npz", learned(MetaGPSearch, 60, features=["edges", "operations"])
    )
    model, rng = SavedMetaModel.load(path), np.random.default_rng(0)
    assert model.card["settings"] == {"features": ["edges", "operations"]}
    assert model.searcher(rng, beta=2.0).beta == 2.0
    with pytest.raises(SettingError) as error:
        model.searcher(rng, features=["edges"])
    assert error.value.what == f"features for {path}"
    run = nm.search("meta-gp", "nb201/cifar100", evaluations=3, sources=SavedMetaModel.load(path))
    assert run.settings["features"] == ["edges", "operations"]


def test_the_data_of_pretrained_weights_are_no_honest_test(tmp_path: Path) -> None:
    model = meta_train("meta-nas", leave_out="cifar100", n_labels=50, output=tmp_path / "model.npz")
    assert {"cifar10", "imagenet16-120"} < set(model.held_out)
    assert "cifar100" not in model.held_out


def test_what_cannot_be_written(tmp_path: Path) -> None:
    class Own(SourceOrder):
        pass

    for learner in (SourceOrder(SPACE, np.random.default_rng(0)), learned(Own)):
        with pytest.raises(SettingError):
            SavedMetaModel.write(tmp_path / "x.npz", learner)
    with pytest.raises(FileNotFoundError):
        SavedMetaModel.write(tmp_path / "no/such/x.npz", learned())


def test_damaged_files_are_refused(saved: SavedMetaModel, tmp_path: Path) -> None:
    whole, path = saved.path.read_bytes(), tmp_path / "model.npz"
    content = {key: saved.card[key] for key in ("kind", "space", "settings", "sources", "facts")}
    _, arrays = KIND.decode(whole, path)
    damaged = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "other version": replace(KIND, version=7).encode(saved.card, arrays),
        "other labels": KIND.encode({**saved.card, "sources": []}, arrays),
        "other arrays": KIND.encode(saved.card, {"scores": arrays["scores"] + 1}),
        "unknown space": encode({**content, "space": "nb999"}, arrays),
    }
    for raw in damaged.values():
        path.write_bytes(raw)
        with pytest.raises(DamagedFileError):
            SavedMetaModel.load(path)
    for changes, found in (
        ({"kind": "no-such"}, arrays),
        ({"kind": "random"}, arrays),
        ({"settings": {"no_such": 1}}, arrays),
        ({}, {}),
    ):
        path.write_bytes(encode({**content, **changes}, found))
        with pytest.raises(DamagedFileError, match=re.escape(str(path))):
            SavedMetaModel.load(path).searcher(np.random.default_rng(0))
    with pytest.raises(FileNotFoundError):
        SavedMetaModel.load(tmp_path / "missing.npz")


@pytest.mark.parametrize("name", ["maml", "multi-task-gp"])
def test_missing_arrays_are_refused(name: str, tmp_path: Path) -> None:
    settings = {"steps": 1} if name == "maml" else {}
    model = meta_train(
        name, leave_out="cifar100", n_labels=60, settings=settings, output=tmp_path / "model.npz"
    )
    for key in model.arrays:
        others = {other: model.arrays[other] for other in model.arrays if other != key}
        without = replace(model, arrays=others)
        with pytest.raises(DamagedFileError):
            without.predictor() if model.predicts else without.searcher(np.random.default_rng(0))


def test_a_model_of_another_kind_or_space_is_refused(saved: SavedMetaModel) -> None:
    rng = np.random.default_rng(0)
    for kind, target in (("meta-gp", "nb201/cifar100"), ("source-order", "tnb101/jigsaw")):
        with pytest.raises(SettingError):
            meta_model_for(kind, nm.get_task(target), saved)
    for learner in (MetaGPSearch(SPACE, rng), SourceOrder(nm.get_space("tnb101"), rng)):
        with pytest.raises(SettingError):
            saved.restore(learner)


def test_a_model_that_has_seen_the_target_is_refused(saved: SavedMetaModel) -> None:
    meta_model_for("source-order", nm.get_task("nb201/cifar100"), saved)
    with pytest.raises(LeakageError):
        meta_model_for("source-order", nm.get_task("nb201/cifar10@12ep"), saved)


def test_a_model_of_another_metric_warns(tmp_path: Path) -> None:
    latency = SourceTask("mine", "my phone", SPACE, [1, 2], [-5.0, -7.0], metric_kind="latency")
    searcher = SourceOrder(SPACE, np.random.default_rng(0)).meta_fit([latency])
    path = SavedMetaModel.write(tmp_path / "latency.npz", searcher)
    with pytest.warns(OtherMetricWarning):
        meta_model_for("source-order", nm.get_task("nb201/cifar10"), SavedMetaModel.load(path))


@pytest.mark.parametrize("factor", [2.0, -1.0])
def test_a_model_of_the_targets_values_under_another_name_is_refused(
    factor: float, tmp_path: Path
) -> None:
    task, architectures = nm.get_task("nb201/cifar10"), np.random.default_rng(0).permutation(15625)
    copy = SourceTask(
        "x",
        "mine",
        SPACE,
        architectures,
        factor * task.values[architectures],
        metric_kind="accuracy",
    )
    path = SavedMetaModel.write(
        tmp_path / "copy.npz", SourceOrder(SPACE, np.random.default_rng(0)).meta_fit([copy])
    )
    with pytest.raises(LeakageError):
        nm.search("source-order", task, evaluations=2, sources=SavedMetaModel.load(path))
    with pytest.raises(LeakageError):
        nm.compare(
            ["source-order"], [task], evaluations=2, repeats=1, sources=SavedMetaModel.load(path)
        )
    nm.search("source-order", "nb201/cifar100", evaluations=2, sources=SavedMetaModel.load(path))
