"""What a file says of an XGBoost model, checked before XGBoost reads it: a wrong index there ends the process."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_INTEGERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8"}
_TYPES = {**_INTEGERS, "d": ">f4", "D": ">f8"}
_CONSTANTS = {"Z": None, "T": True, "F": False}
_DEEPEST = 20
_NO_PARENT = 2**31 - 1
_OF_NODES = {
    **dict.fromkeys(
        ("left_children", "right_children", "parents", "split_indices", "split_type", "default_left"), "iu"
    ),
    **dict.fromkeys(("base_weights", "loss_changes", "split_conditions", "sum_hessian"), "f"),
}


def check_booster(raw: bytes, n_features: int) -> None:
    """Refuse a model, in XGBoost's UBJ, that no `XGBoostRegressor` with so many columns has learnt."""
    learner = _Reader(raw).whole()["learner"]
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
            raise ValueError(f"tree {i} of the XGBoost model is none that was grown on {n_features} columns")


def _is_tree(tree: dict[str, Any], n_features: int) -> bool:
    """Tell whether all nodes hang from the root, each from one other, and split by columns that there are."""
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
        and (children > parents[children]).all()  # so there is no circle
    )


class _Reader:
    """Reads the part of Universal Binary JSON that XGBoost writes; whatever else there is is a ValueError."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def whole(self) -> Any:
        """Return the value that the bytes are, all of them."""
        value = self._value(self._marker(), 0)
        if self._at != len(self._raw):
            raise ValueError("the XGBoost model has bytes after its end")
        return value

    def _take(self, n: int) -> bytes:
        if not 0 <= n <= len(self._raw) - self._at:
            raise ValueError("the XGBoost model ends too early")
        self._at += n
        return self._raw[self._at - n : self._at]

    def _marker(self) -> str:
        return chr(self._take(1)[0])

    def _expect(self, marker: str) -> None:
        if self._marker() != marker:
            raise ValueError("the XGBoost model is no JSON of XGBoost's")

    def _numbers(self, marker: str, n: int) -> NDArray[Any]:
        kind = np.dtype(_TYPES[marker])
        return np.frombuffer(self._take(n * kind.itemsize), kind)

    def _length(self) -> int:
        self._expect("L")
        return int.from_bytes(self._take(8), "big", signed=True)

    def _value(self, marker: str, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("the XGBoost model is nested too deeply")
        if marker in _TYPES:
            return self._numbers(marker, 1)[0].item()
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == "S":
            return self._take(self._length()).decode()
        if marker == "{":
            return self._object(depth)
        if marker == "[":
            return self._array(depth)
        raise ValueError("the XGBoost model is no JSON of XGBoost's")

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._take(1) != b"}":
            self._at -= 1
            key = self._take(self._length()).decode()
            if key in found:
                raise ValueError(f"the XGBoost model says {key!r:.40} twice")
            found[key] = self._value(self._marker(), depth + 1)
        return found

    def _array(self, depth: int) -> Any:
        marker = self._marker()
        if marker == "$":
            kind = self._marker()
            self._expect("#")
            return self._numbers(kind, self._length())
        if marker != "#":
            raise ValueError("the XGBoost model is no JSON of XGBoost's")
        return [self._value(self._marker(), depth + 1) for _ in range(self._length())]
