"""Task names say everything: this module reads the forms that `nasmeta.tasks.get_task` lists.

The accuracy in front of ``within`` and ``tradeoff`` may be the mean over seeds, one seed, one seed at random, or one
under attack, as in ``nb201/robust/pgd@1/within-5ms/pixel3``. Test accuracy and points of learning curves have no name,
and `why_no_name` says so to who asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from nasmeta.errors import UnknownNameError
from nasmeta.tasks._objectives import Objective
from nasmeta.tasks._signal import EMBEDDED_RELEASE, Signal
from nasmeta.tasks._task import Task

DATASETS = ("cifar10", "cifar100", "imagenet16-120")
CANNOT_RUN_ALL = ("edgetpu",)  # devices with a latency of some cells only
_TWELVE_EPOCHS = {  # the only seed policy for which every cell has a value
    dataset: Signal(
        dataset,
        "accuracy",
        "valid",
        12,
        "mean" if dataset == "cifar10" else 111,
        "NB201, unnamed release",
        kind="performance",
    )
    for dataset in DATASETS
}
TNB101 = {  # epochs and metric of each task
    "class_scene": (25, "accuracy"),
    "class_object": (25, "accuracy"),
    "room_layout": (25, "loss"),
    "jigsaw": (10, "accuracy"),
    "segmentsemantic": (30, "miou"),
    "normal": (30, "ssim"),
    "autoencoder": (30, "ssim"),
}
_COST_METRIC = {"latency": "latency_{}_milliseconds", "energy": "energy_{}_millijoules"}
_KIND_OF_UNIT = {"ms": "latency", "mJ": "energy"}

_NUMBER, _DATASET = r"\d+(?:\.\d+)?", "|".join(DATASETS)
_ACCURACY = re.compile(rf"(?P<dataset>{_DATASET})(?:@(?P<epochs>12|200)ep)?(?:#(?P<seed>777|888|999|sample))?")
_SECONDS = re.compile(rf"train-seconds/(?P<dataset>{_DATASET})")
_COST = re.compile(rf"(?P<kind>latency|energy)/(?P<device>\w+)(?:/(?P<dataset>{_DATASET}))?")
_ROBUST = re.compile(r"robust/(?P<attack>[a-z-]+@[\d.]+)")
_COMBINED = re.compile(
    rf"(?P<accuracy>(?:robust/)?[^/]+)/(?:within-(?P<budget>{_NUMBER})(?P<unit>ms|mJ)|tradeoff-(?P<weight>{_NUMBER}))"
    rf"/(?P<device>\w+)(?:/(?P<dataset>{_DATASET}))?"
)

FORMS = (
    "nb201/DATASET#SEED", "nb201/latency/DEVICE", "nb201/energy/DEVICE", "nb201/robust/ATTACK@SIZE",
    "nb201/train-seconds/DATASET", "nb201/DATASET/within-5ms/DEVICE", "nb201/DATASET/tradeoff-2/DEVICE",
    "nb201/robust/ATTACK@SIZE/within-5ms/DEVICE", "tnb101/TASK/train",
)  # fmt: skip


@cache
def read_name(name: str) -> Task | None:
    """Return the task that a name means, or None where it has none of the forms."""
    family, _, rest = name.partition("/")
    if family == "tnb101" and (dataset := rest.removesuffix("/train")) in TNB101:
        epochs, metric = TNB101[dataset]
        split = "valid" if rest == dataset else "train"
        return Task(
            name, family, Signal(dataset, metric, split, epochs, None, "TransNAS-Bench-101", kind="performance")
        )
    if family != "nb201":
        return None
    accuracy = _accuracy(rest)
    if accuracy:
        return Task(_short(name), family, accuracy)
    if match := _SECONDS.fullmatch(rest):
        signal = Signal(match["dataset"], "train_seconds", "train", 200, "mean", EMBEDDED_RELEASE, kind="seconds")
        return Task(name, family, signal)
    if match := _COST.fullmatch(rest):
        return Task(name, family, _cost(match["kind"], match["device"], match["dataset"] or "cifar10"))
    if (match := _COMBINED.fullmatch(rest)) and (accuracy := _accuracy(match["accuracy"])):
        kind = _KIND_OF_UNIT[match["unit"]] if match["unit"] else "latency"
        cost = _cost(kind, match["device"], match["dataset"] or accuracy.dataset)
        if match["weight"]:
            objective = Objective(cost, "tradeoff", float(match["weight"]))
        else:
            objective = Objective(cost, "within", float(match["budget"]))
        return Task(_short(name), family, accuracy, objective=objective)
    return None


def _short(name: str) -> str:
    """Return the name of a task about accuracy without what is meant where nothing is said."""
    return name.replace("@200ep", "")


def devices(kind: str, dataset: str) -> Mapping[str, Signal]:
    """Return the devices, with batch sizes, whose latency or energy some registered source has for a dataset."""
    before, after = _COST_METRIC[kind].split("{}")
    return {
        metric.removeprefix(before).removesuffix(after): signal
        for (on, metric), signal in _declared().items()
        if on == dataset and metric.startswith(before) and metric.endswith(after)
    }


def attacks() -> Mapping[str, Signal]:
    """Return the attacks, with sizes, under which some registered source has the accuracy on CIFAR-10."""
    before = "accuracy_under_"
    return {
        metric.removeprefix(before): signal
        for (dataset, metric), signal in _declared().items()
        if dataset == "cifar10" and metric.startswith(before)
    }


def why_no_name(name: str) -> str:
    """Return why what a name seems to mean is no task, and what to use; empty where it means nothing of this kind.

    >>> why_no_name("nb201/cifar10@37ep")
    'A point of a learning curve is no task: trainings have 12 or 200 epochs (nb201/cifar10@12ep, nb201/cifar10); \
load_table("nb201").query(…, epochs=200, epoch=37) looks one up.'
    >>> why_no_name("nb201/cifar11")
    ''
    """
    if re.search(r"(?:^|[/@#:-])(?:x-|ori-)?test(?:$|[/@#:+-])|train\+valid|valid\+test", name.lower()):
        return (
            "What was measured on test images has no task: a searcher sees validation, and the test accuracy of a "
            "run's best cell is told afterwards (History.report, Task.report). A study that must search on it builds "
            "nasmeta.tasks.Task(name, table, Signal(…)) itself."
        )
    if (point := re.search(r"@(\d+)(?:ep$|of\d+|ep[/#])", name)) and point[1] not in ("12", "200"):
        return (
            "A point of a learning curve is no task: trainings have 12 or 200 epochs (nb201/cifar10@12ep, "
            f'nb201/cifar10); load_table("nb201").query(…, epochs=200, epoch={int(point[1])}) looks one up.'
        )
    return ""


def _accuracy(text: str) -> Signal | None:
    """Return the signal of an accuracy, under attack or not; None where the name has another form."""
    if attack := _ROBUST.fullmatch(text):
        known = attacks()
        if attack[1] not in known:
            raise UnknownNameError.of("attack", attack[1], known)
        return known[attack[1]]
    match = _ACCURACY.fullmatch(text)
    if not match or (match["epochs"] == "12" and match["seed"]):
        return None
    if match["epochs"] == "12":
        return _TWELVE_EPOCHS[match["dataset"]]
    seed = "mean" if not match["seed"] else int(match["seed"]) if match["seed"].isdecimal() else match["seed"]
    return Signal(match["dataset"], "accuracy", "valid", 200, seed, EMBEDDED_RELEASE, kind="performance")


def _cost(kind: str, device: str, dataset: str) -> Signal:
    known = devices(kind, dataset)
    if device not in known:
        raise UnknownNameError.of(f"device with {kind} on {dataset}", device, known)
    return known[device]


@cache
def _declared() -> Mapping[tuple[str, str], Signal]:
    """Return the columns about hardware and robustness that the registry declares, by dataset and metric."""
    return {(signal.dataset, signal.metric): signal for signal in _declared_signals()}


def _declared_signals() -> Iterator[Signal]:
    from nasmeta.tables import kind_of_old
    from nasmeta.tables.sources import registered_sources

    # What comes last counts: where two sources measured the same, the one that has it for all datasets.
    for source in sorted(registered_sources().values(), key=lambda source: source.name == "hw-nas-bench"):
        for pattern in source.columns if source.table == "nb201" else ():
            datasets, metrics, split, epochs, seed = pattern.split("/")
            if seed == "-" and "*" not in metrics:
                for dataset in datasets.split(","):
                    for metric in metrics.split(","):
                        kind, device = kind_of_old(metric)
                        yield Signal(
                            dataset, metric, None if split == "-" else split, None if epochs == "-" else int(epochs),
                            None, source.release, kind=kind, device=device,
                        )  # fmt: skip
