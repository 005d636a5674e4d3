"""The options with which ``data add`` and ``doctor`` read a user's file."""

from __future__ import annotations

from nasmeta.cli._cli_utils import Shared, by_metric, names_in

_MANY = list[str] | None

FILE_OPTIONS = {  # keyword arguments of `nasmeta.tables.add_file`
    "space": Shared("Name of the space, such as nb201, or package.module:Name."),
    "columns": Shared(
        "Instead of --space: the columns that describe an architecture. The rows then form the space.", read=names_in
    ),
    "dataset": Shared("Dataset on which the networks were trained. Default: the name of the table."),
    "architecture": Shared("Name of the column that holds the architectures."),
    "metrics": Shared("Columns of values, separated by commas, if the file has other columns too.", read=names_in),
    "split": Shared("Split on which the values were measured: train, valid or test."),
    "epochs": Shared("Length of the trainings, in epochs.", int | None),
    "release": Shared("Release of the data."),
    "direction": Shared(
        "Whether higher (max) or lower (min) is better, unless the name is well known (val_acc). Repeatable.",
        _MANY, read=by_metric, more={"metavar": "METRIC=max|min"},
    ),
    "unit": Shared("Unit of a metric.", _MANY, read=by_metric, more={"metavar": "METRIC=UNIT"}),
    "kind": Shared(
        "Kind of a metric: performance, size, seconds, latency, energy or proxy.",
        _MANY, read=by_metric, more={"metavar": "METRIC=KIND"},
    ),
    "device": Shared("Device on which latency or energy was measured."),
}  # fmt: skip
