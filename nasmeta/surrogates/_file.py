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
    "`nasmeta surrogate fit TASK --out FILE` makes one.",
    largest=2**26,
    version_key="format_version",
)
_NUMBERS = ("noise", "best", "margin", "centre")


class Content(NamedTuple):
    """The content of a file."""

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
    raw = path.read_bytes()
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
        raise ValueError("the space does not have this class")
    numbers = check_array(arrays, "numbers", np.float64, (len(_NUMBERS),))
    process = Process(
        inverse_lengthscales=scales,
        variances=check_array(arrays, "variances", np.float64, (len(sets),)),
        observed=observed,
        weights=check_array(arrays, "weights", np.float32, (n,)),
        **dict(zip(_NUMBERS, numbers.tolist(), strict=True)),
    )
    packed = check_array(arrays, "trained", np.uint8, ((n_cells + 7) // 8,))
    noise = None
    if "noise_means" in arrays:
        knots = arrays["noise_means"].size
        noise = SeedNoise(
            check_array(arrays, "noise_means", np.float64, (knots,)),
            check_array(arrays, "noise_quantiles", np.float32, (knots, N_LEVELS)),
        )
    costs = None
    if "cost_coefficients" in arrays:
        costs = check_array(arrays, "cost_coefficients", np.float64, (1 + sum(space.n_choices),))
    from nasmeta.tables import ColumnInfo

    ColumnInfo(**card["column"]), Signal(**card["signal"])  # raise a TypeError for other keys
    return Content(card, process, np.unpackbits(packed, count=n_cells).astype(bool), noise, costs)


def _sets(space: SearchSpace) -> tuple[str, ...]:
    """Return the names of the arrays of the feature sets; names of count features may not fit a file."""
    names = feature_sets(space)
    return names if isinstance(space, CellSpace) else tuple(f"feature_{i}" for i in range(len(names)))
