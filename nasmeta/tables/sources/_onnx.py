"""Columns that an ONNX file predicts: a published surrogate in place of measurements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.arrays import Floats, Integers
from nasmeta.errors import DamagedFileError, MissingValueError, needing
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tables._columns import ColumnInfo

_ROWS = (
    16  # inputs are padded to a multiple, because products of smaller matrices round differently
)
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
        # of a file that is never outdated
        self.space, self.origin = (
            source.space,
            {"identity": source.identity()},
        )
        (file,) = source.files
        facts = {name: getattr(source, name) for name in ("release", "licence", "epochs")}
        facts["origin"] = f"predicted by {source.name}, {source.release}"
        self.infos = tuple(
            ColumnInfo(
                dataset,
                seed=None,
                source=source.name,
                source_sha256=file.sha256,
                **facts,
                **measure,
            )
            for dataset in source.categories["dataset"]
            for measure in source.measures
        )

    @cached_property
    def search_space(self) -> SearchSpace:
        """The space of the architectures."""
        return get_space(self._source.space)

    def column(self, position: int) -> Any:
        """Return the column at a position of `infos`: in a large space a `PredictedColumn`, else an array."""
        column = PredictedColumn(
            self, self.infos[position].dataset, position % len(self._source.measures)
        )
        return column if self.search_space.is_large else column[np.arange(self.search_space.size)]

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
        codes = np.pad(self.search_space.codes_of(architectures), ((0, -n % _ROWS), (0, 0)))
        values = {
            name: numbers[codes[:, i]] for i, (name, numbers) in enumerate(self._numbers.items())
        }
        values["dataset"] = np.full(len(codes), source.categories["dataset"][dataset])
        values["epochs"] = np.full(len(codes), epochs or source.epochs)
        feeds = {
            each.name: np.stack([values[name] for name in source.inputs[each.name]], axis=1).astype(
                _TYPES[each.type]
            )
            for each in session.get_inputs()
        }
        batches = [
            session.run(
                None, {name: rows[begin : begin + _MOST_ROWS] for name, rows in feeds.items()}
            )[0]
            for begin in range(0, max(n, 1), _MOST_ROWS)
        ]
        predicted: Floats = np.concatenate(batches)[:n].astype(np.float64) * source.factors
        return np.round(predicted, _DECIMALS) + 0.0  # no -0.0

    @cached_property
    def _numbers(self) -> dict[str, Floats]:
        """The input of the file for each choice, by position."""
        return {
            position.name: np.array(
                [
                    self._source.categories.get(position.name, {}).get(choice, choice)
                    for choice in position.choices
                ],
                dtype=np.float64,
            )
            for position in self.search_space.positions
        }


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
    if (actual := sha256(content).hexdigest()) != expected:
        raise DamagedFileError(
            f"The sha256 of {path}", actual, expected, f"Run `nasmeta data fetch {name}`."
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
