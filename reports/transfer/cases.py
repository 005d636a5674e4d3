"""Cases of the transfer benchmark: targets, natural sources, and stress sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

import nasmeta as nm
from nasmeta.errors import NasmetaError
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task, TaskDistribution, at_scale, default_sources
from reports.common import TOP, least_of_best

# Two halves of the families. Families that share columns are in the same half.
HALVES = {
    "A": ("tnb101", "tnb101-macro", "hpobench-mlp", "graphgym", "hw-gpt", "hw-gpt-s"),
    "B": (
        *("nb201", "nb201-seed", "graph", "fcnet", "step-law"),
        *("robust", "latency", "energy", "nb201-cost", "graph-cost", "graph-latency"),
    ),
}
STRESS = ("reversed", "permuted", "one sister", "wrong at the top")
STRANGERS = 6
# Attacks under which no more than 50 cells tie for the best 0.1 %; their rank correlation with
# accuracy on CIFAR-100 is .62, .33, .28, -.06 and .70.
ROBUST = ("square@1", "pgd@0.5", "square@2", "apgd-ce@0.5", "fgsm@1")
DEVICES = ("edgegpu", "pixel3", "fpga")
SEEDS = ("cifar10#777", "cifar100#888", "imagenet16-120#999")
ON_GRAPHS = ("citeseer", "cs", "photo", "arxiv")
GPT, GPT_COSTS = "gpt-s", ("latency/h100", "latency/cpu", "energy/a100", "memory")
# Sources that measure something else on the same space: for each family, (target, family of the
# sources).
UNLIKE = {
    "robust": [(f"nb201/robust/{name}", "nb201") for name in ROBUST],
    "latency": [(f"nb201/latency/{name}", "nb201") for name in DEVICES],
    "energy": [(f"nb201/energy/{name}", "nb201") for name in ("edgegpu", "eyeriss", "fpga")],
    "nb201-cost": [
        (f"nb201/{name}", "nb201/latency") for name in ("cifar10", "cifar100", "imagenet16-120")
    ],
    "graph-cost": [(f"graph/{name}", "graph/latency") for name in ON_GRAPHS],
    "graph-latency": [(f"graph/latency/{name}", "graph") for name in ON_GRAPHS],
    "hw-gpt-s": [(f"hw-gpt-s/{name}", "") for name in (GPT, *GPT_COSTS)],
}
NEAR = 0.002  # nats: the best of `step-law`
FEWEST_TIES = 4  # targets with more ties at the threshold are excluded


@dataclass(frozen=True)
class Case:
    """A target and all sources of its family with another dataset."""

    family: str
    target: Task
    sources: tuple[Task, ...]

    @property
    def kind(self) -> str:
        """The kind of the unchanged sources."""
        return "unlike" if self.family in UNLIKE else "natural"

    @property
    def least_of_best(self) -> float:
        """The smallest utility of the best 0.1 %, or of those near the best."""
        if self.family == "step-law":
            return float(self.target.sign * (self.target.optimum + NEAR))
        return least_of_best(self.target)

    @property
    def ties(self) -> float:
        """The number of architectures at or above this utility, relative to 0.1 %."""
        utilities = self.target.sign * self.target.values[self.target.measured]
        return float((utilities >= self.least_of_best).sum() / max(1, round(len(utilities) / TOP)))


def cases(family: str) -> Iterator[Case]:
    """Yield the cases of a family, if its table is available."""
    try:
        yield from _cases(family)
    except NasmetaError as reason:
        print(f"{family} is left out: {reason}", flush=True)


def _cases(family: str) -> Iterator[Case]:
    if family == "hw-gpt-s":
        for name, _ in UNLIKE[family]:
            sources = GPT_COSTS if name.endswith(GPT) else (GPT,)
            tasks = [nm.get_task(f"hw-gpt-s/{one}") for one in sources]
            yield Case(family, nm.get_task(name), tuple(tasks))
    elif family in UNLIKE:
        for name, of_sources in UNLIKE[family]:
            yield _case(family, nm.get_task(name), nm.task_distribution(of_sources))
    elif family == "hw-gpt":
        yield Case(family, nm.get_task("hw-gpt-m/gpt-m"), (nm.get_task("hw-gpt-s/gpt-s"),))
    elif family == "nb201-seed":
        for name in SEEDS:
            yield _case(family, nm.get_task(f"nb201/{name}"), nm.task_distribution("nb201"))
    elif family == "step-law":
        for target in nm.task_distribution("step-law/dense"):
            yield Case(family, target, tuple(default_sources(target)))
    else:
        tasks = nm.task_distribution(family)
        for target in list(tasks)[:: 4 if family == "graphgym" else 1]:
            yield _case(family, target, tasks)


def _case(family: str, target: Task, tasks: TaskDistribution) -> Case:
    """Return the case whose sources are the tasks that share nothing with the target."""
    apart = [task for task in tasks if set(task.held_out).isdisjoint(target.held_out)]
    return Case(family, target, tuple(apart))


def draw_sources(case: Case, stress: str, labels: int | None, draw: int) -> list[SourceTask]:
    """Return natural or stress sources with all labels or a random part of them."""
    rng = np.random.default_rng([draw, 14])
    sources = [task.as_source() for task in case.sources]
    if stress == "reversed":
        sources = [replace(one, utilities=-one.utilities) for one in sources]
    elif stress == "permuted":
        sources = [replace(one, utilities=rng.permutation(one.utilities)) for one in sources]
    elif stress == "one sister":
        sister = sources[draw % len(sources)]
        others = [sources[i % len(sources)] for i in range(STRANGERS)]
        sources = [sister, *(_stranger(one, i, rng) for i, one in enumerate(others))]
    elif stress == "wrong at the top":
        sources = [_wrong_at_the_top(one) for one in sources]
    elif stress not in ("natural", "unlike"):
        raise ValueError(stress)
    if case.family == "step-law":
        return at_scale(case.target, sources)
    return sources if labels is None else [_some_of(one, labels, rng) for one in sources]


def _some_of(source: SourceTask, labels: int, rng: np.random.Generator) -> SourceTask:
    kept = rng.choice(len(source), size=min(labels, len(source)), replace=False)
    return replace(
        source, architectures=source.architectures[kept], utilities=source.utilities[kept]
    )


def _wrong_at_the_top(source: SourceTask) -> SourceTask:
    """Swap the values of the best tenth with those between the 40 % and the 50 % quantile from the top."""
    order, n = np.argsort(-source.utilities, kind="stable"), len(source) // 10
    top, middle = order[:n], order[4 * n : 5 * n]
    utilities = source.utilities.copy()
    utilities[top], utilities[middle] = source.utilities[middle], source.utilities[top]
    return replace(source, utilities=utilities)


def _stranger(source: SourceTask, number: int, rng: np.random.Generator) -> SourceTask:
    """Rename the choices of each position, which gives an equally smooth function of other cells.

    Labels are dropped if the renamed cell is outside the space.
    """
    space: SearchSpace = source.space
    codes = space.codes.astype(np.int64)
    bases = codes.max(axis=0) + 1
    places = np.cumprod([1, *bases[:0:-1]])[::-1]
    renamed = [rng.permutation(base)[column] for base, column in zip(bases, codes.T, strict=True)]
    order = np.argsort(codes @ places)
    ranks, wanted = (codes @ places)[order], places @ renamed
    positions = np.searchsorted(ranks, wanted).clip(max=len(ranks) - 1)
    architectures = np.where(ranks[positions] == wanted, order[positions], -1)[source.architectures]
    inside = architectures >= 0
    return replace(
        source,
        name=f"stranger-{number}",
        dataset=f"stranger-{number}",
        held_out=(),
        architectures=architectures[inside].astype(np.int32),
        utilities=source.utilities[inside],
    )
