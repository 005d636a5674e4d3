"""The file of a surrogate: a data card and the arrays of its process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind, check_array
from nasmeta.spaces import CellSpace, SearchSpace, from_content
from nasmeta.surrogates._features import class_features, feature_sets
from nasmeta.surrogates._noise import N_LEVELS, SeedNoise
from nasmeta.surrogates._process import Process
from nasmeta.tasks import Signal

KIND = ArchiveKind(
    "nasmeta-surrogate",
    1,
    "surrogate",
    "`nasmeta surrogate fit TASK --output FILE` makes one.",
    largest=2**26,
    version_key="format_version",
)
_NUMBERS = ("noise", "best", "margin", "centre")


class Content(NamedTuple):
    """What a file holds."""

    card: dict[str, Any]
    process: Process
    trained: NDArray[np.bool_]
    noise: SeedNoise | None
    cost_coefficients: NDArray[np.float64] | None


def encode(content: Content) -> bytes:
    """Return the bytes of a file; the same content gives the same bytes."""
    process, sets = content.process, _sets(from_content(content.card["space"]))
    arrays: dict[str, NDArray[Any]] = {
        "trained": np.packbits(content.trained),
        "numbers": np.array([getattr(process, name) for name in _NUMBERS]),
        "variances": process.variances,
        "observed": process.observed,
        "weights": process.weights,
        **{f"scales_{name}": s for name, s in zip(sets, process.inverse_lengthscales, strict=True)},
    }
    if content.noise is not None:
        arrays |= {f"noise_{name}": getattr(content.noise, name) for name in ("means", "quantiles")}
    if content.cost_coefficients is not None:
        arrays["cost_coefficients"] = content.cost_coefficients
    return KIND.encode(content.card, arrays)


def read(path: Path) -> tuple[bytes, Content]:
    """Return the bytes and the content of a file, checked."""
    raw = KIND.read(path)
    card, arrays = KIND.decode(raw, path)
    with KIND.blaming(path):
        return raw, _content(card, arrays)


def _content(card: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Content:
    space = from_content(card["space"])
    features, sets = class_features(space), _sets(space)
    n_classes, n_cells = len(features[0]), space.size
    scales = tuple(
        check_array(arrays, f"scales_{name}", np.float32, (part.shape[1],))
        for name, part in zip(sets, features, strict=True)
    )
    n = len(arrays["observed"])
    observed = check_array(arrays, "observed", np.int32, (n,))
    if n and (observed.min() < 0 or observed.max() >= n_classes):
        raise ValueError("a class that the space does not have")
    numbers = check_array(arrays, "numbers", np.float64, (len(_NUMBERS),))
    process = Process(
        inverse_lengthscales=scales,
        variances=check_array(arrays, "variances", np.float64, (len(sets),)),
        observed=observed,
        weights=check_array(arrays, "weights", np.float32, (n,)),
        **dict(zip(_NUMBERS, numbers.tolist(), strict=True)),
    )
    if process.noise < 0 or process.margin <= 0 or (process.variances < 0).any():
        raise ValueError("a variance or a margin is negative")
    packed = check_array(arrays, "trained", np.uint8, ((n_cells + 7) // 8,))
    noise = None
    if "noise_means" in arrays:
        knots = arrays["noise_means"].size
        noise = SeedNoise(
            check_array(arrays, "noise_means", np.float64, (knots,)),
            check_array(arrays, "noise_quantiles", np.float32, (knots, N_LEVELS)),
        )
        if not knots or (np.diff(noise.means) < 0).any() or (np.diff(noise.quantiles, axis=1) < 0).any():
            raise ValueError("its seed noise is no distribution")
    costs = None
    if "cost_coefficients" in arrays:
        costs = check_array(arrays, "cost_coefficients", np.float64, (1 + sum(space.n_choices),))
    _check_card(card)
    return Content(card, process, np.unpackbits(packed, count=n_cells).astype(bool), noise, costs)


def _sets(space: SearchSpace) -> tuple[str, ...]:
    """Return the names of the arrays of the feature sets: those of count features are anybody's, and no file names."""
    names = feature_sets(space)
    return names if isinstance(space, CellSpace) else tuple(f"feature_{i}" for i in range(len(names)))


def _check_card(card: dict[str, Any]) -> None:
    """Raise where the card lacks what is read of it, or that is of another kind."""
    from nasmeta.tables import ColumnInfo

    column, signal = ColumnInfo(**card["column"]), Signal(**card["signal"])
    kinds: dict[str, Any] = {
        "task": str, "table": str, "measured_cells": int, "training_cells": int, "split": dict, "scores": dict
    }  # fmt: skip
    names: tuple[str, ...] = ("dataset", "metric", "unit", "direction", "release", "source")
    right = (
        all(isinstance(card[key], kind) for key, kind in kinds.items())
        and all(isinstance(getattr(column, name), str) for name in names)
        and all(
            value is None or isinstance(value, str | int) for value in (*vars(column).values(), *vars(signal).values())
        )
        and isinstance(card["split"]["train_fraction"], int | float)
        and isinstance(card["split"]["seed"], int)
        and column.direction in ("max", "min")
    )
    if not right:
        raise ValueError("its card says something that no surrogate's does")
