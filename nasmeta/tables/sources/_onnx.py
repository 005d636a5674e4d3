"""Columns that an ONNX file predicts: a published surrogate in place of measurements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.arrays import Floats, Integers
from nasmeta.errors import DamagedFileError, MissingValueError, needing
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tables._columns import ColumnInfo

# Inputs are padded to a multiple, because products of smaller matrices round differently.
_ROWS = 16
_MOST_ROWS = 4096  # per call
_DECIMALS = 4
_TYPES = {"tensor(int32)": np.int32, "tensor(int64)": np.int64, "tensor(float)": np.float32}


class PredictedColumns:
    """The columns that a source's ONNX file predicts, in place of a columnar file of measurements.

    Parameters
    ----------
    source : FetchedSource
        A source with `inputs`, `categories`, `epochs` and `measures`.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self.space = source.space
        self.origin = {"identity": source.identity()}  # so the file is never outdated
        (file,) = source.files
        columns = []
        for dataset, measure in product(source.categories["dataset"], source.measures):
            columns.append(ColumnInfo(
                dataset, seed=None, epochs=source.epochs, release=source.release, source=source.name,
                licence=source.licence, source_sha256=file.sha256,
                origin=f"predicted by {source.name}, {source.release}", **measure,
            ))  # fmt: skip
        self.infos = tuple(columns)

    @cached_property
    def search_space(self) -> SearchSpace:
        """The space of the architectures."""
        return get_space(self._source.space)

    def column(self, position: int) -> Any:
        """Return the column at a position of `infos`: in a large space a `PredictedColumn`, else an array."""
        measure = position % len(self._source.measures)
        column = PredictedColumn(self, self.infos[position].dataset, measure)
        if self.search_space.is_large:
            return column
        return column[np.arange(self.search_space.size)]

    def verify(self) -> Any:
        """Return the file as a session, after a check of its checksum.

        Raises
        ------
        MissingValueError, DamagedFileError, MissingPackageError
        """
        (path,), (file,) = self._source.required_files().values(), self._source.files
        return _session(path, file.sha256, self._source.name)

    def predict(self, architectures: Integers, dataset: str, epochs: int | None = None) -> Floats:
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
        source, session, n = self._source, self.verify(), len(architectures)
        codes = self.search_space.codes_of(architectures)
        codes = np.pad(codes, ((0, -n % _ROWS), (0, 0)))
        # The numbers of each position of the padded architectures, shape (rows,).
        values = {
            "dataset": np.full(len(codes), source.categories["dataset"][dataset]),
            "epochs": np.full(len(codes), epochs or source.epochs),
        }
        for i, (name, numbers) in enumerate(self._numbers.items()):
            values[name] = numbers[codes[:, i]]
        inputs = {}  # each of shape (rows, numbers)
        for node in session.get_inputs():
            columns = [values[name] for name in source.inputs[node.name]]
            inputs[node.name] = np.stack(columns, axis=1).astype(_TYPES[node.type])
        batches = []
        for begin in range(0, max(n, 1), _MOST_ROWS):
            batch = {name: rows[begin : begin + _MOST_ROWS] for name, rows in inputs.items()}
            batches.append(session.run(None, batch)[0])
        predicted: Floats = np.concatenate(batches)[:n].astype(np.float64) * source.factors
        return np.round(predicted, _DECIMALS) + 0.0  # no -0.0

    @cached_property
    def _numbers(self) -> dict[str, Floats]:
        """The input of the file for each choice, by position."""
        numbers = {}
        for position in self.search_space.positions:
            categories = self._source.categories.get(position.name, {})
            inputs = [categories.get(choice, choice) for choice in position.choices]
            numbers[position.name] = np.array(inputs, dtype=np.float64)
        return numbers


@dataclass(frozen=True)
class PredictedColumn:
    """A column of a large space: its values are predicted for the architectures with which it is indexed.

    Attributes
    ----------
    columns : PredictedColumns
    dataset : str
    measure : int
        The position of the column in the output of the file.
    epochs : int, optional
        Completed epochs of the training; all by default.
    """

    columns: PredictedColumns
    dataset: str
    measure: int
    epochs: int | None = None

    def __getitem__(self, architectures: Any) -> Any:
        """Predict the values of architectures, int64, shape (n,) or ()."""
        ranks = np.asarray(architectures)
        values = self.columns.predict(ranks.reshape(-1), self.dataset, self.epochs)[:, self.measure]
        return values.reshape(ranks.shape)[()]

    def astype(self, *_: Any) -> Floats:
        """Raise a MissingValueError: the values are not listed."""
        raise MissingValueError(
            f"The {self.columns.search_space.size:,} values are predicted on demand; query some."
        )


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
    actual = sha256(content).hexdigest()
    if actual != expected:
        hint = f"Run `nasmeta data fetch {name}`."
        raise DamagedFileError(f"The sha256 of {path}", actual, expected, hint)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
