"""The file of a surrogate: a data card and the arrays of its process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind
from nasmeta.spaces import CellSpace, SearchSpace, from_content
from nasmeta.surrogates._features import feature_sets
from nasmeta.surrogates._noise import SeedNoise
from nasmeta.surrogates._process import Process

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
    """Return the bytes and the content of a file."""
    raw = path.read_bytes()
    card, arrays = KIND.decode(raw, path)
    with KIND.blaming(path):
        return raw, _content(card, arrays)


def _content(card: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Content:
    space = from_content(card["space"])
    process = Process(
        inverse_lengthscales=tuple(arrays[f"scales_{name}"] for name in _sets(space)),
        variances=arrays["variances"],
        observed=arrays["observed"],
        weights=arrays["weights"],
        **dict(zip(_NUMBERS, arrays["numbers"].tolist(), strict=True)),
    )
    noise = SeedNoise(arrays["noise_means"], arrays["noise_quantiles"]) if "noise_means" in arrays else None
    trained = np.unpackbits(arrays["trained"], count=space.size).astype(bool)
    return Content(card, process, trained, noise, arrays.get("cost_coefficients"))


def _sets(space: SearchSpace) -> tuple[str, ...]:
    """Return the names of the arrays of the feature sets; names of count features may not fit a file."""
    names = feature_sets(space)
    return names if isinstance(space, CellSpace) else tuple(f"feature_{i}" for i in range(len(names)))
