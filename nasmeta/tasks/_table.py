"""Tables with the tasks of their columns."""

from __future__ import annotations

from typing import Any

from nasmeta import tables
from nasmeta.errors import ColumnError
from nasmeta.tables import Cost
from nasmeta.tasks._distribution import TaskDistribution
from nasmeta.tasks._task import Task


class Table(tables.Table):
    """Values of the architectures of a space, in columns addressed by (dataset, metric, split, epochs, seed).

    Use `load_table` to open a table. It joins the columns of its sources. Missing values are NaN in
    a column, and a query for one raises an error; nothing is imputed.

    **Addresses.** A metric that is measured on held-out data, such as accuracy, needs split, epochs
    and seed. For other metrics, parts with a single value may be omitted. State the release if
    several releases hold the address; without it, the release of the table's required source is
    used. ``epoch`` selects a point of a learning curve: the network after that many of its
    ``epochs``. Epoch 12 of 200 differs from a training of 12 epochs, because the learning-rate
    schedules differ.

    **Names.** In ``nb201``, ``cifar10`` / ``train`` and ``valid`` refer to networks trained on half
    of the training set, measured on that half and on the other half. ``cifar10`` / ``test`` refers
    to networks trained on the whole training set, measured on the test set (best mean 94.37).
    ``cifar10-valid`` / ``test`` refers to networks trained on half of it. ``valid`` and ``test`` of
    the other datasets are two halves of the official test images, and ``valid+test`` is both.
    Official names, such as ``cifar100`` / ``ori-test``, are accepted.

    Parameters
    ----------
    name : str
    sources : sequence of Source
        Of one space.

    Attributes
    ----------
    name : str
    columns : tuple of ColumnInfo
        All columns except points of learning curves, which are opened at the first query for one.

    Examples
    --------
    >>> from nasmeta.tasks import load_table
    >>> table = load_table("nb201")
    >>> address = {"dataset": "cifar10", "split": "valid", "epochs": 200, "seed": "mean", "release": "NATS-tss v1.0"}
    >>> round(table.query(6111, **address), 4)
    91.6067
    >>> table.query([0, 1], dataset="cifar10", metric="parameters", seed=777)
    array([129306., 802426.])
    """

    def task(
        self,
        metric: str | None = None,
        dataset: str | None = None,
        *,
        split: str | None = None,
        epochs: int | None = None,
        seed: int | str | None = None,
        release: str | None = None,
        cost: str | None = "recorded",
        name: str | None = None,
    ) -> Task:
        """Return the task of a column; `Task.with_objective` adds a budget or a trade-off.

        Parameters
        ----------
        metric : str, optional
            By default an accuracy, or the only performance.
        dataset : str, optional
            By default the only dataset.
        split, epochs, seed, release : optional
            By default the split ``valid`` or the only split, the longest training, the mean over
            seeds, and the default or only release. ``seed="sample"`` returns one measured seed at
            random, see `nasmeta.tasks.Task.sampled_values`.
        cost : str or None, default "recorded"
            The metric with the seconds of an evaluation. ``"recorded"`` finds it; None means no
            cost.
        name : str, optional
            By default ``TABLE/DATASET[/METRIC][@SPLIT][@12ep][@RELEASE][#SEED]``, without parts
            that are defaults.

        Returns
        -------
        Task

        Raises
        ------
        ColumnError
            If no column, or several, fit.

        Examples
        --------
        >>> from nasmeta.tasks import load_table
        >>> load_table("nb201").task("accuracy", "cifar10", epochs=200)
        Task('nb201/cifar10': accuracy, split valid, 200 epochs, seed mean, nb201)
        """
        signal = self.signal(
            metric, dataset, split=split, epochs=epochs, seed=seed, release=release
        )
        costs: Any = cost
        if cost not in (None, "recorded"):
            of_cost = self.signal(cost, signal.dataset)
            if of_cost.kind != "seconds":
                hint = "Table.from_frame accepts kind='seconds' for a metric."
                raise ColumnError(f"The kind of the cost {cost}", of_cost.kind, "seconds", hint)
            costs = Cost(of_cost)
        name = self._task_name(signal) if name is None else name
        return Task(name, self.name if self._has_name else self, signal, cost=costs)

    def tasks(self, metric: str | None = None) -> TaskDistribution:
        """Return the tasks of each dataset: of its main metric, else of all metrics, or of the given one.

        Examples
        --------
        >>> import pandas as pd
        >>> import nasmeta as nm
        >>> frame = pd.DataFrame({"cell": [1, 2, 1, 2], "dataset": ["a", "a", "b", "b"], "loss": [1.0, 2, 3, 4]})
        >>> nm.Table.from_frame(frame, space="nb201").tasks().names
        ('own/a', 'own/b')
        """
        if metric is None:
            metrics = self._ends.default_metrics
            return TaskDistribution(
                self.task(name, dataset) for dataset in metrics for name in metrics[dataset]
            )
        with_it = dict.fromkeys(info.dataset for info in self.columns if info.metric == metric)
        return TaskDistribution(self.task(metric, dataset) for dataset in with_it or self.datasets)


def load_table(name: str = "nb201") -> Table:
    """Open a table. The first call on a machine builds it, which takes a second.

    Parameters
    ----------
    name : str, default "nb201"
        A built-in table; one that was added (`Table.add`, ``nasmeta data add``); one that another
        package provides as an entry point of the group ``nasmeta.tables``; or
        ``package.module:Name`` of a Table or of a function that returns one.

    Returns
    -------
    Table

    Raises
    ------
    UnknownNameError
    SettingError
        If the cache folder (``NASMETA_CACHE``) cannot be used.
    DamagedFileError
        If a file is damaged and cannot be rebuilt.

    Examples
    --------
    >>> from nasmeta.tasks import load_table
    >>> load_table("nb201")
    Table('nb201', 15,625 architectures, 27 columns; cifar10, cifar100, imagenet16-120; accuracy, latency_seconds, \
parameters, train_seconds)
    """
    return Table._load(name)


Task._open = staticmethod(load_table)
