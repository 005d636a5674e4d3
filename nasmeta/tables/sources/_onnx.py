"""Columns that an ONNX file predicts: a published surrogate in place of measurements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError, MissingValueError, needing
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tables._columns import ColumnInfo

_ROWS = 16  # inputs are padded to a multiple, because products of smaller matrices round differently
_MOST_ROWS = 4096  # per call
_DECIMALS = 4
_TYPES = {"tensor(int32)": np.int32, "tensor(int64)": np.int64, "tensor(float)": np.float32}


class PredictedColumns:
    """The columns of a source whose file predicts them; it replaces the columnar file of measurements.

    Parameters
    ----------
    source : FetchedSource
        With `inputs`, `categories`, `epochs` and `measures`.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self.space, self.origin = source.space, {"identity": source.identity()}  # of a file that is never outdated
        datasets, (file,) = source.categories["dataset"], source.files
        self.infos = tuple(
            ColumnInfo(
                dataset, measure["metric"], measure["split"], source.epochs, None, measure["unit"],
                measure["direction"], source.release, source.name, source.licence, file.sha256,
                kind=measure.get("kind", "performance"), note=measure.get("note", ""),
            )
            for dataset in datasets
            for measure in source.measures
        )  # fmt: skip

    @cached_property
    def search_space(self) -> SearchSpace:
        """The space of the architectures."""
        return get_space(self._source.space)

    def column(self, position: int) -> Any:
        """Return the column at a position of `infos`: in a large space a `PredictedColumn`, else an array."""
        column = PredictedColumn(self, self.infos[position], position % len(self._source.measures))
        return column if self.search_space.is_large else column[np.arange(self.search_space.size)]

    def verify(self) -> Any:
        """Return the file as a session, after a check of its checksum.

        Raises
        ------
        MissingValueError, DamagedFileError, MissingPackageError
        """
        (path,), (file,) = self._source.required_files().values(), self._source.files
        return _session(path, file.sha256, self._source.name)

    def predict(
        self, architectures: NDArray[np.integer], dataset: str, epochs: int | None = None
    ) -> NDArray[np.float64]:
        """Predict all measures of architectures.

        Parameters
        ----------
        architectures : ndarray of int, shape (n,)
        dataset : str
        epochs : int, optional
            Completed epochs of the training; all by default.

        Returns
        -------
        ndarray of float64, shape (n, n_measures)
            In the units of `infos`, rounded to four decimals.
        """
        codes = self.search_space.codes_of(architectures)
        values: dict[str, Any] = {
            position.name: np.asarray(position.choices, dtype=object)[codes[:, i]]
            for i, position in enumerate(self.search_space.positions)
        }
        return self.predict_values({**values, "dataset": dataset, "epochs": epochs or self._source.epochs}, len(codes))

    def predict_values(self, values: Mapping[str, Any], n: int) -> NDArray[np.float64]:
        """Predict all measures from the n values, or the one value, of each input of the file."""
        source, session = self._source, self.verify()
        numbers = {name: self._numbers(name, values[name], n) for names in source.inputs.values() for name in names}
        feeds = {
            each.name: _padded([numbers[name] for name in source.inputs[each.name]]).astype(_TYPES[each.type])
            for each in session.get_inputs()
        }
        batches = [
            session.run(None, {name: rows[begin : begin + _MOST_ROWS] for name, rows in feeds.items()})[0]
            for begin in range(0, max(n, 1), _MOST_ROWS)
        ]
        factors = [measure.get("factor", 1) for measure in source.measures]
        predicted: NDArray[np.float64] = np.concatenate(batches)[:n].astype(np.float64) * factors
        return np.round(predicted, _DECIMALS) + 0.0  # no -0.0

    def _numbers(self, name: str, values: Any, n: int) -> NDArray[np.float64]:
        """Return the values of an input as numbers, shape (n,)."""
        codes = self._source.categories.get(name)
        each = np.broadcast_to(np.asarray(values, dtype=object), n)
        return np.array([codes[value] for value in each] if codes else each, dtype=np.float64)


class PredictedColumn:
    """A column of a large space: its values are predicted for the architectures with which it is indexed.

    Parameters
    ----------
    columns : PredictedColumns
    info : ColumnInfo
    measure : int
        The position of the column in the output of the file.
    epochs : int, optional
        Completed epochs of the training; all by default.
    """

    def __init__(self, columns: PredictedColumns, info: ColumnInfo, measure: int, epochs: int | None = None) -> None:
        self._columns, self._info, self._measure, self._epochs = columns, info, measure, epochs

    def after(self, epochs: int) -> PredictedColumn:
        """Return the column after some epochs of the training."""
        return PredictedColumn(self._columns, self._info, self._measure, epochs)

    def __getitem__(self, architectures: Any) -> Any:
        """Predict the values of architectures, int64, shape (n,) or ()."""
        ranks = np.asarray(architectures)
        values = self._columns.predict(ranks.reshape(-1), self._info.dataset, self._epochs)[:, self._measure]
        return values.reshape(ranks.shape)[()]

    def __array__(self, *_: Any, **__: Any) -> NDArray[np.float64]:
        space = self._columns.search_space
        raise MissingValueError(f"{self._info.address}: {space.name} has {space.size:,} architectures; query some.")

    astype = __array__


@cache
def predicted_columns(source: Any) -> PredictedColumns:
    """Return the columns of a source whose file predicts them."""
    return PredictedColumns(source)


@cache
def _session(path: Path, expected: str, name: str) -> Any:
    """Return the verified file in a session of one thread. It executes no Python code and no custom operators."""
    with needing(name, "onnx"):
        import onnxruntime
    content = path.read_bytes()
    if (actual := sha256(content).hexdigest()) != expected:
        raise DamagedFileError(f"The sha256 of {path}", actual, expected, f"Run `nasmeta data fetch {name}`.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _padded(columns: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    rows = np.stack([*columns], axis=1)
    return np.pad(rows, ((0, -len(rows) % _ROWS), (0, 0)), mode="edge" if len(rows) else "constant")
