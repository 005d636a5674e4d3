"""How a column is addressed, and what is known about it, if only by the name of its metric."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import canonical_dataset

Kind: TypeAlias = Literal["performance", "size", "seconds", "latency", "energy", "proxy"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Seed: TypeAlias = "int | str"  # the only string is "mean"


@dataclass(frozen=True)
class ColumnInfo:
    """The address of a column, (dataset, metric, split, epochs, seed) and the release, and what is known about it.

    Attributes
    ----------
    dataset : str
        Lower case, such as ``imagenet16-120``.
    metric : str
        Accuracy is in percent; a metric of time says seconds in its name.
    split : str or None
        What the metric was measured on; None where that means nothing, as for parameters.
    epochs : int or None
        How long the networks were trained; None where that means nothing.
    seed : int, "mean" or None
        ``mean`` is the mean of the seeds that were measured, or the one value that all seeds share; None where a
        source does not say.
    unit : str
    direction : {"max", "min"}
        Which values are good.
    release : str
        The release of the benchmark; means over different releases are different numbers.
    source, licence, source_sha256 : str
        Where the numbers come from: name of the source, licence, and checksum of the raw file.
    note : str
        Anything else a reader of the numbers should know, such as the official name of the split.
    epoch : int or None
        For a point of a learning curve: after how many of the `epochs` it was measured. None is the end.
    kind : {"performance", "size", "seconds", "latency", "energy", "proxy"}
        What it measures. What but the dataset is held out follows from it: see `nasmeta.tasks.Task.held_out`.
    device : str or None
        On which device latency or energy was measured, without the size of the batch.

    Examples
    --------
    >>> ColumnInfo("cifar10", "accuracy", "valid", 200, 777, "percent", "max", "v1.0", "made-up", "CC0").address
    'cifar10/accuracy/valid/200/777'
    """

    dataset: str
    metric: str
    split: str | None
    epochs: int | None
    seed: Seed | None
    unit: str
    direction: Literal["max", "min"]
    release: str
    source: str
    licence: str
    source_sha256: str = ""
    note: str = ""
    epoch: int | None = None
    kind: Kind = "performance"
    device: str | None = None

    def __post_init__(self) -> None:
        # One name for a dataset, however it is spelled: a column is found by it.
        object.__setattr__(self, "dataset", canonical_dataset(self.dataset))

    @classmethod
    def of(cls, facts: dict[str, Any]) -> ColumnInfo:
        """Return the facts, all of them, as `dataclasses.asdict` gives them: ten times as fast as the class itself.

        Raises
        ------
        ValueError
            Where they are not those of a column.

        Examples
        --------
        >>> from dataclasses import asdict
        >>> info = ColumnInfo("cifar10", "accuracy", "valid", 200, 777, "percent", "max", "v1.0", "made-up", "CC0")
        >>> ColumnInfo.of(asdict(info)) == info
        True
        """
        if facts.keys() != cls.__dataclass_fields__.keys():
            raise ValueError(f"a column with {', '.join(facts)}")
        info = object.__new__(cls)
        info.__dict__.update(facts)
        return info

    @property
    def metric_name(self) -> str:
        """The metric as people call it: as the note says, where the benchmark keeps another one under its name."""
        told = re.search(r"the metric is ([^;]+)", self.note)
        return told[1].strip() if told else self.metric.replace("_", " ")

    @property
    def address(self) -> str:
        """The address as one readable word; a part that means nothing is ``-``, a point of a curve ``37of200``."""
        split = "-" if self.split is None else self.split
        epochs = "-" if self.epochs is None else self.epochs if self.epoch is None else f"{self.epoch}of{self.epochs}"
        seed = "-" if self.seed is None else self.seed
        return f"{self.dataset}/{self.metric}/{split}/{epochs}/{seed}"


_HARDWARE = re.compile(r"(latency|energy)_(.+?)(?:_batch\d+)?_(?:milliseconds|millijoules)")


def kind_of_old(metric: str) -> tuple[Kind, str | None]:
    """Return kind and device of a column that was stored before columns said them.

    >>> kind_of_old("latency_1080ti_batch32_milliseconds"), kind_of_old("proxy_synflow"), kind_of_old("train_seconds")
    (('latency', '1080ti'), ('proxy', None), ('seconds', None))
    """
    if hardware := _HARDWARE.fullmatch(metric):
        return ("latency" if hardware[1] == "latency" else "energy"), hardware[2]
    if re.search(r"parameters|params|flops", metric):
        return "size", None
    if metric.startswith("proxy_"):
        return "proxy", None
    return ("seconds" if "seconds" in metric else "performance"), None


def mean_over_seeds(columns: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the mean of what was measured, NaN where nothing was."""
    values = np.stack(list(columns)).astype(np.float64)
    measured = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean = np.where(measured, values, 0).sum(axis=0) / measured.sum(axis=0)
    return np.asarray(mean, dtype=np.float32)


_MORE_IS_BETTER = re.compile(
    r"(f1|r2|acc|accuracy|accuracies|correct|success|true|auc|auroc|auprc|precision|recall|tpr|tnr|ppv|npv|sensitivity|"
    r"specificity|top|ap|map|mrr|ndcg|hits?|m?iou|dice|jaccard|kappa|mcc|nmi|ari|bleu|rouge|meteor|cider|chrf|em|ssim|"
    r"psnr|snr|score|likelihood|elbo|correlation|corr|spearman|kendall|tau|pearson|reward|fitness|utility|quality|"
    r"performance|perf|gain|improvement|throughput|fps|hypervolume)\d*"
)
_WORSE = re.compile(
    r"(err|fid|kid|fvd|lpips|mae|mape|smape|mase|rmsle|crps|nll|ppl|wer|cer|ter|der|eer|fpr|fnr|fdr|frr|false|miss(es|ed)?|"
    r"inaccuracy|misclassifications?|mistakes?|failures?|violations?|penalty|risk|ece|brier|bpb|bpc|aic|bic|kld?|jsd|mmd|"
    r"emd|divergence|deviance|hausdorff|regret|distance|hamming|gap|drop|std|stddev|stderr|sem|variance|"
    r".*(loss(es)?|errors?|mse|perplexity|entropy))\d*"
)
_SIZE = re.compile(r"(?!hyper).*(parameters|params|flops)\d*")
_COSTLY = re.compile(
    rf"{_SIZE.pattern}|(param|macs|madds|size|cost|price|duration|delay|memory|mem|v?ram|bytes|[kmg]i?b|carbon|co2|"
    r"emissions?|power|watts?|joules?|ms|secs?|mins|minutes?|hrs|hours?|days?|.*(seconds?|time|latency|energy))\d*"
)
_DERIVES = frozenset((
    "inverse", "inv", "reciprocal", "reduction", "reductions", "reduced", "saved", "saving", "savings", "efficiency",
    "aware", "speedup",
))  # fmt: skip


def guessed_direction(metric: str, kind: Kind = "performance") -> str | None:
    """Return which values of a metric are good, by its kind and the last word of its name that says so; or None.

    >>> [guessed_direction(m) for m in ("val_accuracy", "testLoss", "time_to_accuracy", "neg_mean_squared_error", "y")]
    ['max', 'min', 'min', 'max', None]
    >>> [guessed_direction(m) for m in ("1-accuracy", "loss_reduction", "val_acc_latency")]
    ['min', None, None]
    """
    if kind in ("size", "seconds", "latency", "energy"):
        return "min"
    words, is_turned = words_of(metric), _is_turned(metric)
    if _DERIVES & {*words} or ("minus" in words and not is_turned):
        return None
    saying = [word for word in head_of(words) if word == "rank" or _says_direction(word)]
    if not saying:
        return "max" if _per_time(words) else None  # images per second
    *before, last = saying
    if last == "rank":  # 1 is the best, or the worst
        return None
    if is_costly(last):
        unclear = any(_MORE_IS_BETTER.fullmatch(word) for word in before if word != "score")  # score_time is a time
        unclear |= bool(_SIZE.fullmatch(last)) and _per_time(words)
    else:
        less = [word for word in before if _is_less(word) and word != "ms"]  # ms_ssim
        unclear = bool(less) and not _is_less(last)
    if unclear:
        return None
    return "max" if _is_less(last) == (is_turned and last not in ("true", "false")) else "min"


def head_of(words: list[str]) -> list[str]:
    """Return what is measured, without the words on where: time to accuracy, recall at a false positive rate."""
    for rest in ("per", "to", "at", "after"):
        words = words[: words.index(rest)] if rest in words[1:] else words
    return words


def is_costly(word: str) -> bool:
    """Whether a word names what a network costs: time, memory, size, energy or money."""
    return bool(_COSTLY.fullmatch(word))


def is_derived(metric: str) -> bool:
    """Whether a metric is calculated from what its name says, so that it may be good where that is bad.

    >>> [is_derived(metric) for metric in ("neg_loss", "-loss", "1-shot_acc", "flops_reduction")]
    [True, True, False, True]
    """
    return _is_turned(metric) or not (_DERIVES | {"minus"}).isdisjoint(words_of(metric))


def _is_less(word: str) -> bool:
    return bool(_WORSE.fullmatch(word)) or is_costly(word)


def _says_direction(word: str) -> bool:
    return _is_less(word) or bool(_MORE_IS_BETTER.fullmatch(word))


def _is_turned(metric: str) -> bool:
    """Whether a metric is minus what its name says, or one minus it."""
    words = words_of(metric)
    if re.match(r"\s*1\s*-", metric):  # neither 1-shot nor 1-nn
        first = next((word for word in words[1:] if split_of(word) not in ("train", "valid", "test")), "")
        return first == "minus" or _says_direction(first)
    is_minus = words[:1] == ["minus"] or words[:2] in (["1", "minus"], ["one", "minus"])
    return is_minus or bool(re.match(r"\s*-", metric)) or bool({"neg", "negative"} & {*words})


def _per_time(words: list[str]) -> bool:
    after = words[words.index("per") + 1 :][:1] if "per" in words[1:] else []
    return any(re.fullmatch(r"s|secs?|seconds?|min|minutes?|hours?|days?", word) for word in after)


def words_of(metric: str) -> list[str]:
    """Return the words in the name of a metric, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+", metric)]


# Words of metrics that are about an accuracy, and are none.
BESIDE_ACCURACY = frozenset((
    "std", "stddev", "sem", "stderr", "var", "variance", "gap", "gain", "delta", "diff", "difference", "drop",
    "improvement", "z", "zscore", "rank",
))  # fmt: skip


def names_accuracy(words: Collection[str]) -> bool:
    """Whether one of the words means an accuracy.

    >>> [names_accuracy(words_of(metric)) for metric in ("valAcc", "testacc1", "inaccuracy", "acceleration")]
    [True, True, False, False]
    """
    return any(re.fullmatch(r"(?!.*inacc).*acc(uracy|uracies|s)?\d*", word) for word in words)


def is_plain_accuracy(metric: str) -> bool:
    """Whether a metric is an accuracy, and neither calculated from one nor measured at one.

    >>> [is_plain_accuracy(metric) for metric in ("val_acc", "acc_std", "1-accuracy", "time_to_accuracy", "acc_loss")]
    [True, False, False, False, False]
    """
    words = words_of(metric)
    is_plain = names_accuracy(head_of(words)) and "per" not in words and BESIDE_ACCURACY.isdisjoint(words)
    return is_plain and not is_derived(metric) and guessed_direction(metric) == "max"


_OF_TIME = {"time", "train", "training", "duration", "runtime", "wall", "walltime", "gpu", "cpu"}
_OF_INFERENCE = {"latency", "inference", "predict", "prediction"}
_OF_A_PART = {"epoch", "iteration", "iter", "step", "batch"}


def guessed_kind(metric: str) -> tuple[Kind, str | None]:
    """Return kind and device of a metric by the words of its name, however it is written.

    What has a word of quality in its name, or is derived, is no cost.

    >>> guessed_kind("trainSeconds"), guessed_kind("images_per_second"), guessed_kind("accuracy_at_100_seconds")
    (('seconds', None), ('performance', None), ('performance', None))
    """
    words = words_of(metric)
    of_quality = any(_MORE_IS_BETTER.fullmatch(w) or _WORSE.fullmatch(w) or names_accuracy([w]) for w in words)
    if of_quality or is_derived(metric) or BESIDE_ACCURACY & {*words}:
        return ("proxy" if metric.startswith("proxy_") else "performance"), None
    if hardware := _HARDWARE.fullmatch(metric):
        return ("latency" if hardware[1] == "latency" else "energy"), hardware[2]
    if any(_SIZE.fullmatch(word) for word in words):
        return ("performance" if _per_time(words) else "size"), None
    if metric.startswith("proxy_"):
        return "proxy", None
    of_time = words[-1:] == ["s"] and bool((_OF_TIME | _OF_INFERENCE) & {*words})
    in_seconds = of_time or any(re.fullmatch(r"secs?|.*seconds", word) for word in words)
    if in_seconds and "per" in words:
        return "performance", None  # images per second are no seconds, and seconds per epoch not those of a training
    if (in_seconds or "ms" in words) and _OF_INFERENCE & {*words}:
        return "latency", None
    if in_seconds:
        return ("performance" if other_time(metric) or _OF_A_PART & {*words} else "seconds"), None
    found = next((word for word in words if re.fullmatch(r".*(latency|latencies|energy)", word)), None)
    return ("performance" if found is None else "energy" if found.endswith("energy") else "latency"), None


_TIMES = re.compile(r"(milli|micro|nano)seconds?|mins|minutes?|hrs?|hours?|days?")
_SHORT_TIMES = {"ms": "milliseconds", "min": "minutes", "h": "hours", "d": "days"}


def other_time(metric: str) -> str | None:
    """Return the unit of time in the name of a metric, where it is another than seconds.

    >>> [other_time(metric) for metric in ("trainMinutes", "time_h", "train_seconds_min", "acc_min", "hours_per_epoch")]
    ['minutes', 'hours', None, None, None]
    """
    words = words_of(metric)
    if {"per", "s", "sec", "secs", "second", "seconds"} & {*words}:
        return None
    found = next((word for word in words if _TIMES.fullmatch(word)), None)
    return found or (_SHORT_TIMES.get(words[-1]) if _OF_TIME & {*words} else None)


def split_of(name: str | None) -> str | None:
    """Return the split that a name means.

    >>> [split_of(name) for name in ("validation", "Val", "TEST", "train+valid")]
    ['valid', 'valid', 'test', 'train+valid']
    """
    lower = (name or "").lower()
    return "valid" if lower in ("valid", "val", "validation") else lower if lower == "test" else name


def in_one_spelling(splits: Collection[tuple[str, str | None]]) -> dict[tuple[str, str | None], str | None]:
    """Return the split for each (dataset, split): where a dataset has several spellings of one, that of `split_of`.

    >>> in_one_spelling([("a", "val"), ("b", "Validation"), ("b", "val"), ("b", None)])
    {('a', 'val'): 'val', ('b', 'Validation'): 'valid', ('b', 'val'): 'valid', ('b', None): None}
    """
    counts = Counter((dataset, split_of(split)) for dataset, split in {*splits})
    return {one: split_of(one[1]) if counts[one[0], split_of(one[1])] > 1 else one[1] for one in splits}
