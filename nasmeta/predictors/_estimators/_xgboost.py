"""Gradient boosting by XGBoost, and checks of a saved model before XGBoost reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int, check_number
from nasmeta.errors import SettingError
from nasmeta.predictors._estimators._base import ScaledRegressor

_NO_PARENT = 2**31 - 1
_OF_NODES = {
    **dict.fromkeys(
        ("left_children", "right_children", "parents", "split_indices", "split_type", "default_left"), "iu"
    ),
    **dict.fromkeys(("base_weights", "loss_changes", "split_conditions", "sum_hessian"), "f"),
}


def checked_booster(raw: bytes, n_features: int) -> bytes:
    """Return a model in XGBoost's JSON if `XGBoostRegressor` can have fitted it; raise an error otherwise.

    XGBoost does not check indices of nodes and columns. The text is written again, so XGBoost reads exactly the checked
    content, even if a key appears twice.
    """
    content = json.loads(raw)
    learner = content["learner"]
    parameters, booster = learner["learner_model_param"], learner["gradient_booster"]
    model, trees = booster["model"], booster["model"]["trees"]
    steps = np.asarray(model.get("iteration_indptr", np.arange(len(trees) + 1)))
    right = {
        "its booster": booster["name"] == "gbtree" and learner["objective"]["name"] == "reg:squarederror",
        "its number of columns": int(parameters["num_feature"]) == n_features,
        "its outputs": int(parameters["num_class"]) == 0 and int(parameters.get("num_target", 1)) == 1,
        "its base score": np.isfinite(float(parameters["base_score"].removeprefix("[").removesuffix("]"))),
        "names of its columns": not len(learner["feature_names"]) and not len(learner["feature_types"]),
        "categories": not any(len(values) for values in model.get("cats", {}).values()),
        "the number of its trees": len(trees) == int(model["gbtree_model_param"]["num_trees"]),
        "its trees a step": int(model["gbtree_model_param"].get("num_parallel_tree", 1)) == 1
        and np.array_equal(steps, np.arange(len(trees) + 1)),
        "outputs of its trees": np.array_equal(model["tree_info"], np.zeros(len(trees))),
        "the order of its trees": [tree["id"] for tree in trees] == [*range(len(trees))],
    }
    for what, holds in right.items():
        if not holds:
            raise ValueError(f"the XGBoost model has odd content: {what}")
    for i, tree in enumerate(trees):
        if not _is_tree(tree, n_features):
            raise ValueError(f"tree {i} of the XGBoost model is not a tree on {n_features} columns")
    return json.dumps(content, allow_nan=False).encode()


def _is_tree(tree: dict[str, Any], n_features: int) -> bool:
    """Return whether the nodes form one tree and split by existing columns."""
    parameters = tree["tree_param"]
    n = int(parameters["num_nodes"])
    of_nodes = {name: np.asarray(tree[name]) for name in _OF_NODES}
    if (
        n < 1
        or any(
            of_nodes[name].shape != (n,) or of_nodes[name].dtype.kind not in kind for name, kind in _OF_NODES.items()
        )
        or any(len(values) for name, values in tree.items() if name.startswith("categories"))
        or int(parameters["num_feature"]) != n_features
        or int(parameters["num_deleted"]) != 0
        or int(parameters["size_leaf_vector"]) not in (0, 1)
    ):
        return False
    left, right, parents = of_nodes["left_children"], of_nodes["right_children"], of_nodes["parents"]
    columns = of_nodes["split_indices"]
    inner = np.flatnonzero(left != -1)
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    return bool(
        parents[0] == _NO_PARENT
        and not of_nodes["split_type"].any()
        and ((columns >= 0) & (columns < n_features)).all()
        and ((right == -1) == (left == -1)).all()
        and np.array_equal(np.sort(children), np.arange(1, n))  # every node but the root is a child, once
        and np.array_equal(parents[children], np.tile(inner, 2))
        and (children > parents[children]).all()  # so there are no circles
    )


_SMALLEST_DEVIATION = 1e-6


@dataclass(eq=False, repr=False)
class XGBoostRegressor(ScaledRegressor):
    """Gradient boosting (Chen and Guestrin, KDD 2016) on one thread; several seeds give a deviation.

    Parameters
    ----------
    n_estimators : int, default 300
        Trees per member.
    learning_rate : float, default 0.05
    max_depth : int, default 6
        Of a tree.
    subsample, colsample_bytree : float, default 0.8 and 0.5
        Shares of the rows and of the columns for one tree.
    n_members : int, default 1
        Boosters with different seeds. Their mean is the prediction; the deviation needs at least two.
    labels : {"value", "rank"}, default "value"
        Learn the values themselves, or normal scores of ranks.
    random_state : int, default 0
    n_jobs : int, default 1
        Threads; -1 or None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import XGBoostRegressor
    >>> X = np.arange(60.0)[:, None]
    >>> model = XGBoostRegressor(n_estimators=50).fit(X, X[:, 0] ** 2)
    >>> model.predict([[10.0], [50.0]]).shape
    (2,)

    Each of ``model.boosters_`` is an ``xgboost.Booster``, with ``get_score`` for importances and
    ``predict(pred_contribs=True)`` for SHAP values.
    """

    n_estimators: int = 300
    learning_rate: float = 0.05
    max_depth: int = 6
    subsample: float = 0.8
    colsample_bytree: float = 0.5
    n_members: int = 1
    labels: str = "value"
    random_state: int = 0
    n_jobs: int | None = 1

    def _fit(self, X: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
        import xgboost

        n_trees = check_int("n_estimators", self.n_estimators)
        settings = {
            "eta": check_number("learning_rate", self.learning_rate),
            "max_depth": check_int("max_depth", self.max_depth),
            "subsample": check_number("subsample", self.subsample, most=1),
            "colsample_bytree": check_number("colsample_bytree", self.colsample_bytree, most=1),
            "tree_method": "hist",
            "nthread": None if self.n_jobs is None else check_int("n_jobs", self.n_jobs, least=-1, most=2**31 - 1),
            "verbosity": 0,
        }
        seed = check_int("random_state", self.random_state, least=0)
        data = xgboost.QuantileDMatrix(X, label=scores, nthread=settings["nthread"])
        self.boosters_ = [
            xgboost.train({**settings, "seed": seed + member}, data, num_boost_round=n_trees)
            for member in range(check_int("n_members", self.n_members))
        ]

    def _predict(
        self, X: NDArray[np.float64], return_std: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        predicted = np.stack([booster.inplace_predict(X) for booster in self.boosters_]).astype(np.float64)
        if not return_std:
            return predicted.mean(axis=0), None
        if len(predicted) < 2:
            raise SettingError("n_members", 1, "an integer of at least 2 for a deviation")
        return predicted.mean(axis=0), np.maximum(predicted.std(axis=0, ddof=1), _SMALLEST_DEVIATION)

    def _state(self) -> dict[str, Any]:
        return {"boosters": [bytes(booster.save_raw("json")) for booster in self.boosters_]}

    def _set_state(self, state: dict[str, Any]) -> None:
        import xgboost

        self.boosters_ = []
        for raw in state["boosters"]:
            booster = xgboost.Booster({"nthread": self.n_jobs})
            booster.load_model(bytearray(checked_booster(raw, self.n_features_in_)))
            self.boosters_.append(booster)
