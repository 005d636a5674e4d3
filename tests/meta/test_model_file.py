"""Files of meta-models: what was learnt comes back, and everything else is refused with a reason."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import (
    DamagedFileError,
    LeakageError,
    LeakageWarning,
    OtherMetricWarning,
    SettingError,
    UnknownNameError,
)
from nasmeta.meta import MetaGPSearch, SavedMetaModel, SourceOrder, meta_model_for
from nasmeta.meta._model_archive import encode
from nasmeta.searchers import MetaSearcher
from nasmeta.tasks import SourceTask

SPACE = nm.get_space("nb201")


def learnt(kind: type[MetaSearcher] = SourceOrder, left_out: str = "cifar100", **settings: object) -> MetaSearcher:
    source, _ = nm.task_distribution("nb201").leave_out(left_out)
    sources = source.as_sources(200, np.random.default_rng(3)) if kind is SourceOrder else source.as_sources()
    return kind(SPACE, np.random.default_rng(0), **settings).meta_fit(sources)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SavedMetaModel.write(tmp_path_factory.mktemp("models") / "order.npz", learnt())


def test_the_card_tells_what_it_has_seen(saved: Path) -> None:
    model = SavedMetaModel.load(saved)
    assert model.kind == "source-order"
    assert model.sources == ("nb201/cifar10", "nb201/imagenet16-120")
    assert model.held_out == ("cifar10", "imagenet16-120")
    assert [source["labels"] for source in model.card["sources"]] == [200, 200]
    assert model.card["nasmeta"] == nm.__version__
    assert len(model.sha256) == 64


def test_the_same_model_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    assert SavedMetaModel.write(tmp_path / "again.npz", learnt()).read_bytes() == saved.read_bytes()
    assert list(tmp_path.iterdir()) == [tmp_path / "again.npz"], "nothing else is left behind"


def test_meta_gp_proposes_the_same_after_loading(tmp_path: Path) -> None:
    searcher = learnt(MetaGPSearch)
    again = SavedMetaModel.load(SavedMetaModel.write(tmp_path / "gp.npz", searcher)).searcher(np.random.default_rng(0))
    values = nm.get_task("nb201/cifar100").values
    for _ in range(8):
        cell, other = searcher.ask(), again.ask()
        assert cell == other
        searcher.tell(cell, values[cell])
        again.tell(cell, values[cell])


@pytest.mark.slow
def test_settings_of_the_search_may_differ_and_those_of_the_training_not(tmp_path: Path) -> None:
    path = SavedMetaModel.write(tmp_path / "gp.npz", learnt(MetaGPSearch, features=["edges", "operations"]))
    assert SavedMetaModel.load(path).card["settings"] == {"features": ["edges", "operations"]}
    assert SavedMetaModel.load(path).searcher(np.random.default_rng(0), beta=2.0).beta == 2.0
    with pytest.raises(SettingError, match=r"meta-trained with features=\['edges', 'operations'\]"):
        SavedMetaModel.load(path).searcher(np.random.default_rng(0), features=["edges"])
    with pytest.raises(SettingError, match=r"meta-gp has no setting 'bet'. Possible: beta, features"):
        SavedMetaModel.load(path).searcher(np.random.default_rng(0), bet=2.0)
    run = nm.search("meta-gp", "nb201/cifar100", evaluations=3, sources=SavedMetaModel.load(path))
    assert run.settings["features"] == ["edges", "operations"]


def test_what_cannot_be_kept_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="call meta_fit"):
        SavedMetaModel.write(tmp_path / "x.npz", SourceOrder(SPACE, np.random.default_rng(0)))
    with pytest.raises(SettingError, match="cannot be written"):
        SavedMetaModel.write(tmp_path / "no" / "such" / "x.npz", learnt())

    class Own(SourceOrder):
        pass

    with pytest.raises(SettingError, match="Own is not registered"):
        SavedMetaModel.write(tmp_path / "x.npz", learnt(Own))


def altered(path: Path, target: Path, **changes: object) -> Path:
    """Write the file with another card and the old checksum."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "card.npy":
                import io

                card = {**json.loads(np.load(io.BytesIO(content)).tobytes()), **changes}
                buffer = io.BytesIO()
                np.save(buffer, np.frombuffer(json.dumps(card).encode(), np.uint8))
                content = buffer.getvalue()
            new.writestr(name, content)
    return target


def test_another_version_a_truncated_and_an_altered_file_are_refused(saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    (tmp_path / "none.npz").write_bytes(b"")
    np.savez(tmp_path / "other.npz", mean=np.zeros(3))
    for name in ("cut", "none", "other"):
        with pytest.raises(DamagedFileError, match=r"no meta-model, or it is damaged.*nasmeta meta-train"):
            SavedMetaModel.load(tmp_path / f"{name}.npz")
    with pytest.raises(DamagedFileError, match="has version 7 of the format"):
        SavedMetaModel.load(altered(saved, tmp_path / "version.npz", version=7))
    with pytest.raises(DamagedFileError, match="no meta-model's does"):  # it would pass as honest on every target
        SavedMetaModel.load(altered(saved, tmp_path / "none.npz", sources=[]))
    with pytest.raises(DamagedFileError, match="checksum"):
        SavedMetaModel.load(altered(saved, tmp_path / "sources.npz", sources=_SOURCES))
    with pytest.raises(DamagedFileError, match="There is no meta-model to read"):
        SavedMetaModel.load(tmp_path / "missing.npz")
    with pytest.raises(UnknownNameError, match="neither the file"):
        SavedMetaModel.load("no-such-model")
    with pytest.raises(SettingError, match="named by its file"):
        SavedMetaModel.load(3)  # type: ignore[arg-type]


_SOURCES = [
    {"name": "nb201/cifar10", "labels": 3, "held_out": ["cifar10"], "metric_kind": "accuracy", "order_sha256": ""}
]


def test_arrays_of_another_shape_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(encode("source-order", "nb201", {}, _SOURCES, {"scores": np.zeros(7)}, {}))
    with pytest.raises(DamagedFileError, match="scores is float64 of shape"):
        SavedMetaModel.load(tmp_path / "x.npz").searcher(np.random.default_rng(0))
    (tmp_path / "x.npz").write_bytes(encode("source-order", "nb201", {}, _SOURCES, {}, {}))
    with pytest.raises(DamagedFileError, match="scores"):
        SavedMetaModel.load(tmp_path / "x.npz").searcher(np.random.default_rng(0))


def test_a_model_of_another_kind_or_space_is_refused(saved: Path) -> None:
    with pytest.raises(SettingError, match="holds a model of source-order, but the searcher is meta-gp"):
        meta_model_for("meta-gp", nm.get_task("nb201/cifar100"), saved)
    with pytest.raises(SettingError, match="for the space nb201, but tnb101/jigsaw is a task of tnb101"):
        meta_model_for("source-order", nm.get_task("tnb101/jigsaw"), saved)
    with pytest.raises(SettingError, match="the learner is meta-gp"):
        SavedMetaModel.load(saved).restore(MetaGPSearch(SPACE, np.random.default_rng(0)))
    with pytest.raises(SettingError, match="the learner's is tnb101"):
        SavedMetaModel.load(saved).restore(SourceOrder(nm.get_space("tnb101"), np.random.default_rng(0)))


def test_a_model_that_knows_the_target_warns(saved: Path) -> None:
    meta_model_for("source-order", nm.get_task("nb201/cifar100"), saved)
    with pytest.warns(LeakageWarning, match="learnt from cifar10.* no honest test"):
        meta_model_for("source-order", nm.get_task("nb201/cifar10@12ep"), saved)
    with pytest.raises(SettingError, match="source-order"):
        meta_model_for("source-order", nm.get_task("nb201/cifar10"), "shipped")
    with pytest.raises(SettingError, match="tnb101"):
        meta_model_for("meta-np", nm.get_task("tnb101/jigsaw"), "shipped")


@pytest.mark.parametrize("target", ["nb201/latency/pixel3", "nb201/robust/pgd@1", "nb201/cifar100/within-5ms/pixel3"])
@pytest.mark.parametrize("kind", ["meta-rl", "meta-nas", "meta-np"])
def test_no_shipped_model_serves_another_metric_unasked(kind: str, target: str) -> None:
    task = nm.get_task(target)
    with pytest.raises(SettingError, match=task.metric_kind):
        meta_model_for(kind, task, "shipped")  # which needs no values of the target
    with pytest.warns(OtherMetricWarning, match="are of the metric accuracy: "):
        meta_model_for(kind, task, f"{kind}-nb201-without-" + ("cifar100" if "cifar100" in target else "cifar10"))


def test_the_card_tells_the_metric(saved: Path, tmp_path: Path) -> None:
    assert SavedMetaModel.load(saved).metric_kinds == ("accuracy",)
    of_latency = SourceTask("mine", "my phone", SPACE, [1, 2], [-5.0, -7.0], is_cost=True, metric_kind="latency")
    told = SourceOrder(SPACE, np.random.default_rng(0)).meta_fit([of_latency])
    path = SavedMetaModel.write(tmp_path / "latency.npz", told)
    assert SavedMetaModel.load(path).metric_kinds == ("latency",)
    with pytest.warns(OtherMetricWarning, match="latency.npz are of the metric latency: "):
        meta_model_for("source-order", nm.get_task("nb201/cifar10"), path)


@pytest.mark.parametrize("factor", [2.0, -1.0])
def test_a_model_that_has_learnt_the_targets_values_under_another_name_is_refused(
    factor: float, tmp_path: Path
) -> None:
    task, cells = nm.get_task("nb201/cifar10"), np.random.default_rng(0).permutation(15625)
    copy = SourceTask("x", "mine", SPACE, cells, factor * task.values[cells], metric_kind="accuracy")
    model = SourceOrder(SPACE, np.random.default_rng(0)).meta_fit([copy])
    path = SavedMetaModel.write(tmp_path / "copy.npz", model)
    with pytest.raises(LeakageError, match="its source x orders all cells as the target does"):
        nm.search("source-order", task, evaluations=2, sources=SavedMetaModel.load(path))
    with pytest.raises(LeakageError, match="its source x orders"):
        nm.compare(["source-order"], [task], evaluations=2, repeats=1, sources=SavedMetaModel.load(path))
    nm.search("source-order", "nb201/cifar100", evaluations=2, sources=SavedMetaModel.load(path))


def test_the_settings_of_a_shipped_model_are_those_of_its_learner(tmp_path: Path) -> None:
    for name in ("meta-rl-nb201-without-cifar10", "meta-nas-nb201-without-cifar10"):
        shipped = SavedMetaModel.load(name)
        learner = shipped.searcher(np.random.default_rng(0))
        again = SavedMetaModel.load(SavedMetaModel.write(tmp_path / "again.npz", learner))
        assert shipped.card["settings"]["std"] == learner.std
        assert again.sha256 == shipped.sha256
        with pytest.raises(SettingError, match=r"meta-trained with std=0\.\d, not 0\.9"):
            shipped.searcher(np.random.default_rng(0), std=0.9)
