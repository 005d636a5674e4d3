"""Finding the one column that a question means, or saying why there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from nasmeta.errors import ColumnError, NoColumnError, UnknownNameError, near_name, shown
from nasmeta.spaces import canonical_dataset
from nasmeta.tables._catalog import sources_of
from nasmeta.tables._columns import KNOWN_METRICS, ColumnInfo, Seed, measured_split, split_of
from nasmeta.tables._legality import METRICS, our_name, why_illegal

_LENGTH = re.compile(r"(?:([0-9]{1,9})of)?([0-9]{1,9})")  # a point of a learning curve has 37of200
_SEED = re.compile(r"[0-9]{1,18}")


class Address(NamedTuple):
    """What a question says about a column; None is: not said. Only for `epoch` it is: at the end of the training."""

    dataset: str
    metric: str
    split: str | None = None
    epochs: int | None = None
    seed: Seed | None = None
    release: str | None = None
    epoch: int | None = None

    @classmethod
    def of(cls, info: ColumnInfo) -> Address:
        """Return the whole address of a column."""
        return cls(info.dataset, info.metric, info.split, info.epochs, info.seed, info.release, info.epoch)

    @classmethod
    def parse(cls, text: object) -> Address:
        """Return the address that `ColumnInfo.address` writes, maybe with its release behind it; or a ColumnError.

        >>> address = Address.parse("cifar10/accuracy/test/200/mean of NATS-tss v1.0")
        >>> address.split, address.epochs, address.seed, address.release
        ('test', 200, 'mean', 'NATS-tss v1.0')
        >>> Address.parse("cifar10/parameters/-/-/777").described()
        "dataset='cifar10', metric='parameters', seed=777"
        >>> address = Address.parse("cifar10/accuracy/valid/37of200/777")
        >>> address.epoch, address.epochs
        (37, 200)
        """
        where, _, release = str(text).partition(" of ")
        parts = [None if part == "-" else part for part in where.split("/")]
        if not isinstance(text, str) or len(parts) != 5:
            raise ColumnError(
                f"{shown(text)} is no column: write DATASET/METRIC/SPLIT/EPOCHS/SEED, such as "
                '"cifar10/accuracy/test/200/mean", and " of RELEASE" behind it where there are several.'
            )
        dataset, metric, split, epochs, seed = parts
        length = _LENGTH.fullmatch(epochs or "")
        if not dataset or not metric or (epochs is not None and length is None):
            raise ColumnError(f"{text!r} has no dataset, no metric, or epochs that are no number.")
        numbers = (None, None) if length is None else length.groups()
        epoch, of = (None if number is None else int(number) for number in numbers)
        return cls(
            dataset, metric, split, of, int(seed) if seed and _SEED.fullmatch(seed) else seed, release or None, epoch
        )

    def described(self) -> str:
        """Return the parts that were said, as they would be written in a call."""
        said = zip(self._fields, self, strict=True)
        return ", ".join(f"{part}={value!r}" for part, value in said if value is not None)

    def normal(self) -> Address:
        """Return the address with our names where official ones were used and Python's integers, checked for type."""
        for part in ("dataset", "metric", "split", "release"):
            value = getattr(self, part)
            if not isinstance(value, str) and (value is not None or part in ("dataset", "metric")):
                raise ColumnError(f"{part} must be a string, not {shown(value)} ({type(value).__name__}).")
        for part in ("epochs", "seed", "epoch"):
            value = getattr(self, part)
            if value is None or (part == "seed" and isinstance(value, str)):
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                also = ", 'mean' or a numpy.random.Generator" if part == "seed" else ""
                raise ColumnError(f"{part} must be an integer{also}, not {shown(value)} ({type(value).__name__}).")
            if not -(2**63) <= value < 2**63:
                raise ColumnError(f"{part} must be an integer that fits 64 bits, not {shown(int(value))}.")
        if self.epoch is not None and self.epochs is None:
            raise ColumnError(f"epoch={self.epoch} is a point of a learning curve: epochs= must say of which training.")
        dataset, split = our_name(canonical_dataset(self.dataset), self.split)
        return self._replace(
            dataset=dataset,
            split=split,
            epochs=None if self.epochs is None else int(self.epochs),
            seed=int(self.seed) if isinstance(self.seed, int | np.integer) else self.seed,
            epoch=None if self.epoch is None else int(self.epoch),
        )

    def declared(self) -> dict[str, object]:
        """Return the parts as `Source.brings` takes them: a point of a learning curve has ``37of200`` as its epochs."""
        epochs = self.epochs if self.epoch is None else f"{self.epoch}of{self.epochs}"
        return {**self._asdict(), "epochs": epochs}


class ColumnIndex:
    """The columns of one table by address.

    Of several releases `release` is meant where nobody says: that of the source which is always there, so that a
    question goes on to mean the same when more is fetched.
    """

    def __init__(self, table: str, columns: Sequence[ColumnInfo], release: str | None = None) -> None:
        self._table = table
        self.columns = columns
        self.release = release
        self._groups: dict[tuple[str, str, int | None], list[int]] = {}
        self._found: dict[Address, int] = {}
        self._found_seeds: dict[Address, tuple[int, ...]] = {}

    @cached_property
    def by_dataset(self) -> dict[str, list[ColumnInfo]]:
        """The columns of each dataset."""
        found: dict[str, list[ColumnInfo]] = {}
        for column in self.columns:
            found.setdefault(column.dataset, []).append(column)
        return found

    @cached_property
    def main_metrics(self) -> dict[str, str | None]:
        """The default metric of each dataset, see `main_metric`."""
        return {dataset: main_metric(columns, dataset) for dataset, columns in self.by_dataset.items()}

    def find(self, address: Address) -> int:
        """Return the position of the one column with this address."""
        asked = address.normal()
        found = self._found.get(asked)
        if found is None:
            matches = self._of_default_release(asked, self._matches(asked))
            self._require_said(asked, matches, ("split", "epochs", "seed"))
            self._require_single(asked, matches, ("split", "epochs", "seed", "release"))
            found = self._found[asked] = matches[0]
        return found

    def find_seeds(self, address: Address) -> tuple[int, ...]:
        """Return the positions of the columns of single seeds; the address leaves the seed open."""
        asked = address.normal()
        found = self._found_seeds.get(asked)
        if found is None:
            matches = self.single_seeds(asked)
            self._require_said(asked, matches, ("split", "epochs"))
            found = self._found_seeds[asked] = matches
        return found

    def single_seeds(self, address: Address) -> tuple[int, ...]:
        """Return the same as `find_seeds`, where split and epochs may be left out if only one exists."""
        asked = address.normal()
        matches = self._of_default_release(asked, self._matches(asked, single_seeds=True))
        self._require_single(asked, matches, ("split", "epochs", "release"))
        return tuple(matches)

    def _of_default_release(self, asked: Address, matches: list[int]) -> list[int]:
        own = [i for i in matches if self.columns[i].release == self.release]
        return own if own and asked.release is None else matches

    def matching(self, asked: Address) -> list[ColumnInfo]:
        """Return what is known about the columns that fit, of the default release where none is said."""
        return [self.columns[i] for i in self._of_default_release(asked, self._matches(asked))]

    def holds(self, address: Address) -> bool:
        """Whether there is a column with this address: much faster than the reason why there is none."""
        return bool(self._candidates(address.normal()))

    def _matches(self, asked: Address, single_seeds: bool = False) -> list[int]:
        found = self._candidates(asked, single_seeds)
        if not found:
            raise NoColumnError(
                f"{self._table} holds no {asked.described()}. {self._what_helps(asked)} "
                "`nasmeta data list` shows what can be had."
            )
        return found

    def _candidates(self, asked: Address, single_seeds: bool = False) -> list[int]:
        if not self._groups:  # when a column is first asked for: opening a table asks for none
            for i, column in enumerate(self.columns):
                self._groups.setdefault((column.dataset, column.metric, column.epoch), []).append(i)
        parts = ("split", "epochs", "seed", "release")
        said = [(part, value) for part in parts if (value := getattr(asked, part)) is not None]
        return [
            i
            for i in self._groups.get((asked.dataset, asked.metric, asked.epoch), ())
            if all(getattr(self.columns[i], part) == value for part, value in said)
            and (not single_seeds or isinstance(self.columns[i].seed, int))
        ]

    def _what_helps(self, asked: Address) -> str:
        """Say what is legal where the question is not; else what is here, and which source brings the rest."""
        if self._table == "nb201" and asked.metric in METRICS:
            reason = why_illegal(asked.dataset, asked.split, asked.epochs, asked.epoch)
            if reason:
                return reason
        here = {column.source for column in self.columns}
        try:
            sources = sources_of(self._table)
        except UnknownNameError:  # a user's own, without a name in the store
            sources = []
        others = [one for one in sources if one.name not in here and one.brings(**asked.declared())]
        brings = [one.how_to_get for one in others if not one.imported]
        releases = [one.release for one in others if one.imported]
        if releases:
            brings.append(f"`nasmeta data import PATH` of official files of {' or '.join(releases)} brings it.")
        return " ".join([self._what_exists(asked), " Or ".join(brings)]).rstrip()

    def _require_said(self, asked: Address, matches: Sequence[int], parts: Sequence[str]) -> None:
        """Refuse hidden defaults: what is measured on held-out data must be asked for by its whole address."""
        if all(self.columns[i].split in (None, "train") for i in matches):
            return
        unsaid = [
            part
            for part in parts
            if getattr(asked, part) is None and any(getattr(self.columns[i], part) is not None for i in matches)
        ]
        if unsaid:
            raise ColumnError(
                f"{asked.described()} leaves open {' and '.join(f'{part}=' for part in unsaid)}: give each a value, "
                f"as none is assumed for what is measured on held-out data. {self._what_exists(asked)}"
            )

    def _require_single(self, asked: Address, matches: Sequence[int], parts: Sequence[str]) -> None:
        several = [part for part in parts if len({getattr(self.columns[i], part) for i in matches}) > 1]
        if several:
            raise ColumnError(
                f"{asked.described()} means several columns of {self._table}: "
                f"give {' and '.join(f'{part}=' for part in several)}. {self._what_exists(asked)}"
            )

    def _what_exists(self, asked: Address) -> str:
        if asked.epoch is not None:
            curves = {(c.dataset, c.metric, c.split, c.epochs, c.seed) for c in self.columns}
            held = sorted("/".join(map(str, curve)) for curve in curves)
            return f"Learning curves here: {', '.join(held) or 'none'}."
        datasets = sorted({column.dataset for column in self.columns})
        if asked.dataset not in datasets:
            return f"Its datasets: {_listed(datasets, asked.dataset)}"
        metrics = sorted({column.metric for column in self.columns if column.dataset == asked.dataset})
        if asked.metric not in metrics:
            return f"Metrics of {asked.dataset}: {_listed(metrics, asked.metric)}"
        seeds: dict[tuple[str | None, int | None, str], list[Seed | None]] = {}
        for column in self.columns:
            if (column.dataset, column.metric, column.epoch) == (asked.dataset, asked.metric, None):
                seeds.setdefault((column.split, column.epochs, column.release), []).append(column.seed)
        holds = "; ".join(
            (f"split {split!r}, " if split is not None else "")
            + (f"epochs {epochs}, " if epochs is not None else "")
            + f"seeds {', '.join(map(repr, values))} ({release})"
            for (split, epochs, release), values in seeds.items()
        )
        splits = sorted({split for split, _, _ in seeds if split is not None})
        near = "" if asked.split in (None, *splits) else near_name(asked.split, splits)
        return f"It holds for {asked.dataset}/{asked.metric}: {holds}.{near}"


def _listed(names: Sequence[str], asked: str) -> str:
    return f"{', '.join(names)}.{near_name(asked, names)}"


def _first(names: Sequence[str], most: int = 20) -> str:
    more = f", ... and {len(names) - most} more: `nasmeta data list`" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def main_metric(columns: Sequence[ColumnInfo], dataset: str) -> str | None:
    """Return the metric of a task that does not name one; None if there are several candidates.

    It is the first well-known accuracy that was not measured on training data, else the only other performance, else
    the only metric.
    """
    kinds = {info.metric: info.kind for info in columns if info.dataset == dataset}
    performances = [m for m in kinds if kinds[m] == "performance" and measured_split(m, None) != "train"]
    order = [name for name, known in KNOWN_METRICS.items() if known.unit == "percent"]
    accuracies = sorted((m for m in performances if m.lower() in order), key=lambda m: order.index(m.lower()))
    found = accuracies[:1] or performances or list(kinds)
    return found[0] if len(found) == 1 else None


def _meant(found: list[ColumnInfo], asked: Address) -> list[ColumnInfo]:
    """Return the columns that a searcher is to see, as far as the question leaves it open."""
    if asked.split is None and any(split_of(info.split) == "valid" for info in found):
        found = [info for info in found if split_of(info.split) == "valid"]
    if asked.epochs is None and all(info.epochs is not None for info in found):
        found = [info for info in found if info.epochs == max(info.epochs or 0 for info in found)]
    if asked.seed is None:
        of_all = [info for info in found if info.seed == "mean"], [info for info in found if info.seed is None]
        found = of_all[0] or of_all[1] or found
    return found


def task_name(table: str, index: ColumnIndex, column: ColumnInfo, *, sampled: bool = False) -> str:
    """Return ``TABLE/DATASET``, the metric where it is not the main one, and what else is not meant anyway.

    So tasks of two columns have two names, such as ``mine/pets``, ``mine/pets@test``, ``mine/pets@12ep`` and
    ``mine/pets/loss#0``: split, epochs, release and seed.
    """
    asked = Address(column.dataset, column.metric).normal()
    meant = _meant(index.matching(asked), asked)
    name = f"{table}/{column.dataset}"
    name += "" if column.metric == index.main_metrics[column.dataset] else f"/{column.metric}"
    for part, form in (("split", "@{}"), ("epochs", "@{}ep"), ("release", "@{}"), ("seed", "#{}")):
        value = "sample" if sampled and part == "seed" else getattr(column, part)
        if value is not None and {getattr(info, part) for info in meant} != {value}:
            name += form.format(value)
    return name


def parts_of_name(name: str, columns: Sequence[ColumnInfo]) -> tuple[str, str, dict[str, Any]]:
    """Return dataset, metric and what else `task_name` wrote behind a table, where these columns are meant.

    >>> info = ColumnInfo("pets", "map@50", "valid", 12, 0, "1", "max", "v1.0", "made-up", "CC0")
    >>> parts_of_name("pets/map@50@12ep#0", [info])
    ('pets', 'map@50', {'epochs': 12, 'seed': 0})
    """
    known = {text for info in columns for text in (info.dataset, f"{info.dataset}/{info.metric}")}
    signs = [found.start() for found in re.finditer("[@#]", name)]
    end = next((i for i in [len(name), *reversed(signs)] if name[:i] in known), len(name))
    dataset, _, metric = name[:end].partition("/")
    said: dict[str, Any] = {}
    for sign, text in re.findall("([@#])([^@#]+)", name[end:]):
        if sign == "#":
            said["seed"] = int(text) if text.isdigit() else text
        elif re.fullmatch(r"\d+ep", text):
            said["epochs"] = int(text.removesuffix("ep"))
        else:
            said["split" if any(info.split == text for info in columns) else "release"] = text
    return dataset, metric, said


def signal_column(
    table: str,
    index: ColumnIndex,
    metric: str | None,
    dataset: str | None,
    split: str | None = None,
    epochs: int | None = None,
    seed: Seed | None = None,
    release: str | None = None,
) -> ColumnInfo:
    """Return the column that a searcher is to see; see `nasmeta.tables.Table.task` for what may be left out."""
    datasets = tuple(index.by_dataset)
    if dataset is None:
        if len(datasets) > 1:
            raise ColumnError(f"{table} has several datasets: name one of {_first(datasets)}.")
        dataset = datasets[0]
    main = metric if metric is not None else index.main_metrics.get(canonical_dataset(dataset))
    if main is None:
        own = dict.fromkeys(info.metric for info in index.by_dataset.get(canonical_dataset(dataset), ()))
        if not own:
            raise ColumnError(f"{table} has no dataset {shown(dataset)}. Its datasets: {', '.join(datasets)}.")
        raise ColumnError(
            f"{table} has several metrics of {dataset}, none an accuracy to search by default: name one, "
            f"on the command line as in {table}/{dataset}/{next(iter(own))}, of {_first([*own])}."
        )
    sampled = isinstance(seed, str) and seed == "sample"
    seed = None if sampled else seed
    asked = Address(dataset, main, split, epochs, seed, release).normal()
    found = index.matching(asked)
    single = {(c.split, c.epochs, c.release) for c in found if isinstance(c.seed, int)}
    found = _meant(found, asked)
    several = [p for p in ("split", "epochs", "seed", "release") if len({getattr(info, p) for info in found}) > 1]
    if several:
        choices = "; ".join(f"{p}: {', '.join(sorted({str(getattr(i, p)) for i in found}))}" for p in several)
        raise ColumnError(f"{asked.described()} means several columns of {table}. Say {choices}.")
    if sampled and (found[0].split, found[0].epochs, found[0].release) not in single:
        raise ColumnError(f"{table} holds no single seeds of {found[0].address}, so none can be sampled.")
    return found[0]
