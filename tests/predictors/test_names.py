"""Arguments of predictors are named as in scikit-learn and XGBoost; what was written under earlier names is read."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import nasmeta as nm
from nasmeta.archives import digest_of
from nasmeta.code import estimator_digest
from nasmeta.errors import SettingError
from nasmeta.moved import OF_PREDICTORS
from nasmeta.predictors import (
    PREDICTORS,
    GPRegressor,
    XGBoostRegressor,
    load_predictor,
    make_predictor,
    save_predictor,
)
from nasmeta.predictors._storage import _KIND

CELLS = np.arange(0, 15625, 400)
Y = np.cos(CELLS / 900)
NEURAL = ("mlp", "gnn", "transformer")
QUICK: dict[str, dict[str, Any]] = {
    "xgboost": {"n_estimators": 5},
    "random-forest": {"n_estimators": 5},
    **{key: {"max_epochs": 2, "n_members": 2} for key in NEURAL},
}
# A setting of each, as scikit-learn's or the library's own users know it.
NATIVE: dict[str, dict[str, list[Any]]] = {
    "ridge": {"labels": ["rank", "value"]},
    "gp": {"distance": ["l1", "l2"]},
    "random-forest": {"min_samples_leaf": [1, 4]},
    "xgboost": {"max_depth": [2, 4]},
    "ensemble": {"xgboost__regressor__n_estimators": [2, 4]},
    **{key: {"random_state": [0, 1]} for key in NEURAL},
}
FORMER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "xgboost": (
        {"rounds": 9, "depth": 3, "rows": 0.7, "columns": 0.6},
        {"n_estimators": 9, "max_depth": 3, "subsample": 0.7, "colsample_bytree": 0.6},
    ),
    "random-forest": (
        {"n_trees": 5, "columns": 0.4, "smallest_leaf": 2},
        {"n_estimators": 5, "max_features": 0.4, "min_samples_leaf": 2},
    ),
    **dict.fromkeys(NEURAL, ({"seed": 4, "validation_share": 0.2}, {"random_state": 4, "validation_fraction": 0.2})),
}


def make(name: str, **settings: Any) -> Any:
    if name in NEURAL:
        pytest.importorskip("torch", reason="Needs the extra torch.")
    return make_predictor(name, **{**QUICK.get(name, {}), **settings})


def with_former(name: str) -> Any:
    """Return a predictor that was built with earlier names."""
    pipeline = make(name, **{key: value for key, value in QUICK.get(name, {}).items() if key != "n_estimators"})
    with pytest.warns(DeprecationWarning, match="The argument .* is .* now"):
        pipeline[-1].set_params(**FORMER[name][0])
    return pipeline


@pytest.mark.parametrize("name", sorted(NATIVE))
def test_scikit_learn_clones_sets_and_searches(name: str) -> None:
    pipeline = make(name)
    assert name in PREDICTORS
    again = clone(pipeline)
    assert estimator_digest(again) == estimator_digest(pipeline)
    ((key, values),) = NATIVE[name].items()
    assert again[-1].set_params(**{key: values[0]}).get_params()[key] == values[0]
    grid = {f"regressor__{key}": values}
    search = GridSearchCV(pipeline, grid, cv=2, scoring="r2", error_score="raise").fit(CELLS, Y)
    assert search.best_params_[f"regressor__{key}"] in values
    assert search.predict(CELLS[:3]).shape == (3,)


@pytest.mark.parametrize("name", sorted(FORMER))
def test_former_names_warn_and_give_the_same(name: str, tmp_path: Path) -> None:
    old, new = FORMER[name]
    due = make(name, **new).fit(CELLS, Y)
    former = with_former(name).fit(CELLS, Y)
    np.testing.assert_array_equal(former.predict(CELLS), due.predict(CELLS))
    assert former[-1].get_params() == due[-1].get_params()
    kind, first = type(due[-1]), next(iter(old))
    with pytest.warns(DeprecationWarning, match=f"The argument {first} of {kind.__name__} is"):
        assert kind(**{first: old[first]}).get_params()[OF_PREDICTORS[name][first]] == old[first]
    with pytest.warns(DeprecationWarning, match=f"{kind.__name__}.{first} is"):
        assert getattr(due[-1], first) == old[first]
    with pytest.raises(SettingError, match="by that name only"):
        kind(**{first: 1, OF_PREDICTORS[name][first]: 1})
    assert kind.__init__.renamed == OF_PREDICTORS[name]  # type: ignore[misc]
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        read = load_predictor(written_before(save_predictor(due, tmp_path / "file.zip"), OF_PREDICTORS[name]))
        np.testing.assert_array_equal(read.predict(CELLS), due.predict(CELLS))
        assert read[-1].get_params() == due[-1].get_params()


def written_before(file: Path, renamed: dict[str, str]) -> Path:
    """Return the file with the settings by the names that they had."""
    card, arrays = _KIND.decode(file.read_bytes(), file)
    settings = card["predictor"]["steps"]["list"][1]["tuple"][1]["settings"]["dict"]
    for old, new in renamed.items():
        settings[old] = settings.pop(new)
    card["sha256"] = digest_of({"predictor": card["predictor"]}, arrays)
    file.write_bytes(_KIND.encode(card, arrays))
    return file


def test_forests_had_both_names_for_a_while(tmp_path: Path) -> None:
    forest = make("random-forest").fit(CELLS, Y)
    file = save_predictor(forest, tmp_path / "forest.zip")
    card, arrays = _KIND.decode(file.read_bytes(), file)
    settings = card["predictor"]["steps"]["list"][1]["tuple"][1]["settings"]["dict"]
    settings.update(n_trees=7, columns="deprecated", smallest_leaf="deprecated")
    card["sha256"] = digest_of({"predictor": card["predictor"]}, arrays)
    file.write_bytes(_KIND.encode(card, arrays))
    read = load_predictor(file)[-1]
    assert (read.n_estimators, read.max_features, read.min_samples_leaf) == (7, 0.5, 1)


def test_a_pickle_with_former_names_keeps_its_settings() -> None:
    model = XGBoostRegressor(n_estimators=3).fit(np.eye(4), [0.0, 1.0, 2.0, 3.0])
    model.__dict__["rounds"] = model.__dict__.pop("n_estimators")
    assert pickle.loads(pickle.dumps(model)).get_params()["n_estimators"] == 3


def test_digests_are_what_they_were() -> None:
    assert estimator_digest(XGBoostRegressor(n_estimators=5)) == "769c3cad037c90b66f0ae08b68606991"
    assert estimator_digest(GPRegressor()) == "47a0ba1033a51419de2792261e292d06"


def test_a_benchmark_goes_on_under_former_names(tmp_path: Path) -> None:
    options: dict[str, Any] = {"sizes": [20], "draws": 1, "target": "valid", "folder": tmp_path}
    new = {"xgboost": {"n_estimators": 3, "colsample_bytree": 0.9}, "random-forest": {"max_features": 0.9}}
    due = nm.benchmark_predictors(list(new), settings=new, **options)
    journal = tmp_path / "journal.jsonl"
    text = journal.read_text()
    for name, key in (("rounds", "n_estimators"), ("columns", "colsample_bytree"), ("columns", "max_features")):
        text = text.replace(f'"{key}"', f'"{name}"')
    journal.write_text(text)
    again = nm.benchmark_predictors(list(new), settings=new, **options)
    assert again["fit_seconds"].tolist() == due["fit_seconds"].tolist()
    assert journal.read_text() == text


def test_a_search_goes_on_under_former_names(tmp_path: Path) -> None:
    journal = tmp_path / "run.jsonl"
    settings = {"options": {"n_estimators": 3, "colsample_bytree": 0.9}, "copies": 2}
    options: dict[str, Any] = {"evaluations": 12, "seed": 1, "settings": settings, "journal": journal}
    due = nm.search("xgboost-ei", "nb201/cifar10", **options)
    text = journal.read_text().replace('"n_estimators"', '"rounds"').replace('"colsample_bytree"', '"columns"')
    assert '"rounds"' in text
    journal.write_text(text)
    np.testing.assert_array_equal(nm.search("xgboost-ei", "nb201/cifar10", **options).cells, due.cells)
    assert journal.read_text() == text
