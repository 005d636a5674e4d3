"""Files of meta-models that are oddly formed under a right checksum: refused by name, with what helps."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import DamagedFileError
from nasmeta.meta import META_PREDICTORS, SavedMetaModel
from nasmeta.meta._model_archive import encode
from nasmeta.searchers import SEARCHERS, MetaSearcher

SPACE = nm.get_space("nb201")
SMALL = ("source-order", "meta-gp", "rgpe", "multi-task-gp", "meta", "meta-linear", "maml", "meta-dkl")


@cache
def model_of(name: str, folder: Path) -> SavedMetaModel:
    """Return a shipped model, or a small one of the learner of this name."""
    if name in SavedMetaModel.shipped():
        return SavedMetaModel.load(name)
    source, _ = nm.task_distribution("nb201").leave_out("cifar100")
    sources = source.as_sources() if name == "meta-gp" else source.as_sources(60, np.random.default_rng(0))
    if name in SEARCHERS:
        kind: Any = SEARCHERS[name]
        assert issubclass(kind, MetaSearcher)
        learner = kind(SPACE, np.random.default_rng(0))
    else:
        learner = META_PREDICTORS[name](**({} if name == "meta-linear" else {"steps": 1}))
    return SavedMetaModel.load(SavedMetaModel.write(folder / f"{name}.npz", learner.meta_fit(sources)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def restored(model: SavedMetaModel) -> Any:
    return model.searcher(np.random.default_rng(0)) if model.kind in SEARCHERS else model.predictor()


def refused(model: SavedMetaModel) -> None:
    with pytest.raises(DamagedFileError) as caught:
        restored(model)
    assert str(model.path) in str(caught.value)
    assert "nasmeta meta-train" in str(caught.value)


def odd_arrays(arrays: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, array in arrays.items():
        yield f"without {name}", {key: value for key, value in arrays.items() if key != name}
        for other in (array[None], np.concatenate([array.ravel()] * 2)):
            yield f"{name} of shape {other.shape}", {**arrays, name: other}
        values = (np.nan, np.inf) if array.dtype.kind == "f" else (-1, np.iinfo(array.dtype).max)
        for value in values:
            spoilt = array.copy()
            spoilt.reshape(-1)[0] = value
            if not (name == "scores" and math.isnan(value) and array.dtype == np.float64):  # not labelled: possible
                yield f"{name} with {value}", {**arrays, name: spoilt}


SHIPPED = [  # the arrays of a kind are alike: the models for one target stand for the others
    pytest.param(name, marks=() if name.endswith("-nb201-without-cifar10") else pytest.mark.slow)
    for name in SavedMetaModel.shipped()
]


QUICK = [pytest.param(name, marks=pytest.mark.slow) if name == "maml" else name for name in SMALL]  # meta-dkl is alike


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SHIPPED, *QUICK])
def test_arrays_that_are_missing_of_another_shape_or_not_finite_are_refused(name: str, folder: Path) -> None:
    model = model_of(name, folder)
    restored(model)
    accepted = []
    for what, arrays in odd_arrays(model.arrays):
        try:
            refused(replace(model, arrays=arrays))
        except BaseException as reason:  # pytest's own is one, too
            accepted.append(f"{what}: {reason!r:.100}")
    assert not accepted


@pytest.mark.parametrize(
    "name", [*(f"{kind}-nb201-without-cifar10" for kind in ("meta-np", "meta-nas", "meta-rl")), *SMALL[2:]]
)
def test_facts_and_settings_that_no_learner_has_are_refused(name: str, folder: Path) -> None:
    """Sizes, too, that would take all memory or for ever."""
    model = model_of(name, folder)
    sizes = {"meta-np": ["groups"], "meta-nas": ["width"], "meta-rl": ["hidden"], "maml": ["groups"],
             "meta-dkl": ["groups"]}.get(model.kind, [])  # fmt: skip
    for key, value in [(k, v) for k in sizes for v in (None, -1, 0, 10**9 if k != "groups" else "x", [], math.nan)]:
        refused(replace(model, card={**model.card, "facts": {**model.card["facts"], key: value}}))
    if model.kind != "meta-linear":
        refused(replace(model, card={**model.card, "facts": {}}))
    refused(replace(model, card={**model.card, "settings": {**model.card["settings"], "no_such": 1}}))
    if "width" in model.card["settings"]:
        for value in (10**9, -3, "x", None, []):
            refused(replace(model, card={**model.card, "settings": {**model.card["settings"], "width": value}}))


def test_roles_beyond_all_bounds_are_refused(folder: Path) -> None:
    model = model_of("meta-linear", folder)
    for odd in ([0, 10**9], [1, 2], [0], ["x", "y"], None):
        refused(replace(model, card={**model.card, "facts": {**model.card["facts"], "roles": odd}}))


def test_steps_of_the_inner_loop_that_would_never_end_are_refused(folder: Path) -> None:
    model = model_of("maml", folder)
    refused(replace(model, card={**model.card, "settings": {**model.card["settings"], "inner_steps": 10**9}}))


def written(path: Path, model: SavedMetaModel, **changes: Any) -> Path:
    said = {key: model.card[key] for key in ("kind", "space", "settings", "sources", "facts")}
    path.write_bytes(encode(**{**said, "arrays": model.arrays, **changes}))
    return path


def test_a_method_or_a_space_that_is_none_is_named(folder: Path, tmp_path: Path) -> None:
    model = model_of("source-order", folder)
    with pytest.raises(DamagedFileError, match="nb999"):
        SavedMetaModel.load(written(tmp_path / "space.npz", model, space="nb999"))
    for kind in ("no-such", "random"):
        path = written(tmp_path / f"{kind}.npz", model, kind=kind)
        with pytest.raises(DamagedFileError, match=rf"{kind}.npz holds a model of the method '{kind}', which is none"):
            SavedMetaModel.load(path).searcher(np.random.default_rng(0))
        with pytest.raises(DamagedFileError, match="which is none here: anil"):
            SavedMetaModel.load(path).predictor()


def test_a_search_names_the_file(folder: Path, tmp_path: Path) -> None:
    model = model_of("source-order", folder)
    without = written(tmp_path / "without.npz", model, arrays={})
    unknown = written(tmp_path / "unknown.npz", model, settings={"no_such": 1})
    for path in (without, unknown):
        with pytest.raises(DamagedFileError, match=path.name):
            nm.search("source-order", "nb201/cifar100", evaluations=3, sources=SavedMetaModel.load(path))


def test_a_file_too_large_to_be_one_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.npz"
    with path.open("wb") as file:
        file.truncate(2**29)  # sparse
    with pytest.raises(DamagedFileError, match=r"large.npz is no meta-model: it has more than"):
        SavedMetaModel.load(path)
