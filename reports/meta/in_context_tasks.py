"""Episodes for the in-context learner: real tasks of all families, and functions drawn from Gaussian processes.

A bank contains normal scores of tasks on some architectures of a space, and predictions of natural
and misleading sources.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nasmeta.arrays import Floats, Floats32, Integers
from nasmeta.gaussian_process import Hyperparameters, KernelPrior, count_model
from nasmeta.meta import SourceMatrix
from nasmeta.meta.in_context import Reading, Similarity, SourceView, read
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Task, normal_scores
from reports.transfer.cases import Case, _some_of, _stranger, _wrong_at_the_top, cases

# Families that share a table or data sets are left out together.
GROUPS = {
    "nb201": ("nb201", "robust", "latency"),
    "tnb101": ("tnb101", "tnb101-macro"),
    "graph": ("graph", "graphgym"),
    "tabular": ("hpobench-mlp", "fcnet"),
}
FAMILIES = (
    *("tnb101", "tnb101-macro", "hpobench-mlp", "graphgym"),
    *("nb201", "robust", "latency", "graph", "fcnet"),
)
SIZES = (0, 2, 4, 7, 10, 15, 20, 30, 50, 75, 100)  # of contexts
ASKED = 96
_CELLS = 3000  # of a bank
_BUDGETS = (40, 150, 400)
_FEWEST = 20  # labels of a source
_KINDS = ("natural", "wrong at the top", "stranger")
_WORLDS, _WORLD_CELLS, _FUNCTIONS = 8, 900, 8  # of functions drawn from processes, in each space


@dataclass
class Bank:
    """Tasks on some cells of a space, and the sources' values of these cells.

    Attributes
    ----------
    family : str
        Its name, or the name of a space with drawn functions.
    scores : ndarray, shape (n_tasks, n_cells)
        NaN for missing values.
    targets : list of (int, tuple of int)
        Tasks that may be targets, each with the tasks that may be its sources.
    said : dict of str to list of ndarray, each of shape (n_tasks, n_cells)
        By kind of source: predictions from several numbers of labels.
    """

    family: str
    space: SearchSpace
    architectures: Integers
    scores: Floats32
    targets: list[tuple[int, tuple[int, ...]]]
    said: dict[str, list[Floats32]]


class Pool(NamedTuple):
    """Episodes of contexts of the same size: their families, readings and the scores that are to be predicted."""

    families: list[str]
    readings: list[Reading]
    wanted: Floats32


def tasks_of(every: list[Case]) -> list[Task]:
    """Return all targets and sources of some cases, each once."""
    return list(
        {task.name: task for case in every for task in (case.target, *case.sources)}.values()
    )


def seen_in(family: str) -> tuple[str, set[str]]:
    """Return the space of a family, and all datasets and devices that its tasks hold out."""
    tasks = tasks_of(list(cases(family)))
    return tasks[0].space.name, {name for task in tasks for name in task.held_out}


def real_bank(family: str) -> Bank:
    """Return the bank of a family of real tasks."""
    rng = np.random.default_rng([zlib.crc32(family.encode()), 1])
    every = list(cases(family))
    tasks = tasks_of(every)
    names = [task.name for task in tasks]
    space = tasks[0].space
    architectures = np.sort(rng.choice(space.size, min(_CELLS, space.size), replace=False))
    scores = np.full((len(tasks), len(architectures)), np.nan, dtype=np.float32)
    for row, task in zip(scores, tasks, strict=True):
        whole = np.full(space.size, np.nan)
        whole[task.measured] = normal_scores(task.sign * task.values[task.measured])
        row[:] = whole[architectures]
    if family in ("robust", "latency"):
        targets = [
            (names.index(case.target.name), tuple(names.index(one.name) for one in case.sources))
            for case in every
        ]
    else:
        targets = []
        for i, task in enumerate(tasks):
            apart = [set(task.held_out).isdisjoint(other.held_out) for other in tasks]
            targets.append((i, tuple(np.flatnonzero(apart).tolist())))
    labelled = [task.as_source() for task in tasks]
    said: dict[str, list[Floats32]] = {kind: [] for kind in _KINDS}
    said["natural"].append(np.nan_to_num(scores))
    for budget in _BUDGETS:
        for kind in _KINDS:
            sources = labelled
            if kind == "wrong at the top":
                sources = [_wrong_at_the_top(one) for one in sources]
            elif kind == "stranger":
                sources = [_stranger(one, i, rng) for i, one in enumerate(sources)]
            some = [_some_of(one, budget, rng) for one in sources]
            if all(len(one) >= _FEWEST and np.ptp(one.utilities) for one in some):
                said[kind].append(SourceMatrix.of(space, some).scores[:, architectures])
    print(f"{family}: {len(names)} tasks on {len(architectures)} cells", flush=True)
    return Bank(family, space, architectures, scores, targets, said)


def drawn_banks(family: str, space: SearchSpace) -> Iterator[Bank]:
    """Yield banks of functions drawn from Gaussian processes, with a kernel per bank."""
    rng = np.random.default_rng([zlib.crc32(family.encode()), 2])
    similarity = Similarity(space)
    model = count_model(space)
    n_features = len(model.kernel.terms)
    typical_lengthscales = np.exp(model.prior.mean[n_features:-1])
    for world in range(_WORLDS):
        n = min(_WORLD_CELLS, space.size)
        architectures = np.sort(rng.choice(space.size, n, replace=False))
        if world % 4 == 1:  # by encodings, at several lengths
            by_length = similarity.between(architectures, architectures)[1].astype(np.float64)
            covariance = np.tensordot(rng.dirichlet(np.ones(len(by_length))), by_length, 1)
        elif world % 4 == 3:  # by positions, of which some may not matter
            relevant = rng.permutation(space.n_positions)[: rng.integers(2, space.n_positions + 1)]
            covariance = np.ones((n, n))
            for p in relevant:
                codes = space.codes[architectures, p].astype(float)
                apart = np.abs(codes[:, None] - codes) / (codes.std() or 1.0)
                apart = apart if space.positions[p].ordered else np.sign(apart)
                covariance *= np.exp(-apart / rng.uniform(0.5, 3.0))
        else:
            variances = rng.dirichlet(np.full(n_features, 0.7)) + 1e-3
            lengths = typical_lengthscales * np.exp(rng.normal(0.3, 0.8, n_features))
            drawn = Hyperparameters(variances, lengths, 0.0)
            prior = KernelPrior(model, drawn)
            covariance = prior.covariance(architectures, architectures).astype(np.float64)
        factor = np.linalg.cholesky(covariance + 1e-3 * np.eye(n))
        functions = factor @ rng.standard_normal((n, _FUNCTIONS + 1))
        shared = rng.uniform(0, 1, _FUNCTIONS) ** 0.5
        values = shared * functions[:, :1] + np.sqrt(1 - shared**2) * functions[:, 1:]
        values += rng.choice([0.05, 0.2, 0.5]) * rng.standard_normal(values.shape)
        scores = np.stack([normal_scores(column) for column in values.T])
        said = []
        for budget in (*_BUDGETS, n):
            n_seen = min(budget, n // 2) if budget < n else n
            seen = rng.choice(n, n_seen, replace=False)
            noisy = covariance[np.ix_(seen, seen)] + 0.1 * np.eye(n_seen)
            weights = np.linalg.solve(noisy, scores[:, seen].T)
            said.append((covariance[:, seen] @ weights).T.astype(np.float32))
        others = tuple(range(_FUNCTIONS))
        targets = [(i, tuple(j for j in others if j != i)) for i in others]
        scores = scores.astype(np.float32)
        yield Bank(f"drawn {family}", space, architectures, scores, targets, {"natural": said})


class Episode(NamedTuple):
    """A target's context, and the wanted scores."""

    reading: Reading
    wanted: Floats32


def draw(bank: Bank, similarity: Similarity, size: int, rng: np.random.Generator) -> Episode:
    """Draw a target, sources, a context of some size and cells to predict."""
    target, allowed = bank.targets[rng.integers(len(bank.targets))]
    truth = bank.scores[target].astype(np.float64)
    measured = np.flatnonzero(np.isfinite(truth))
    view = sources_of(bank, target, allowed, rng)
    how = str(rng.choice(["random", "best", "mean", "both"], p=(0.6, 0.15, 0.1, 0.15)))
    known = _known(measured, truth, view, size, how, rng)
    left = np.setdiff1d(measured, known)
    asked = rng.choice(left, ASKED, replace=len(left) < ASKED)
    noisy = truth + rng.choice([0.0, 0.0, 0.1, 0.3, 0.6]) * rng.standard_normal(len(truth))
    scores, wanted = noisy[known], truth[asked]
    if size:
        scores = normal_scores(scores)
        wanted = labels_of(noisy[known], scores, wanted)
    reading = read(similarity, view, known, scores, asked, bank.architectures)
    return Episode(reading, wanted.astype(np.float32))


def labels_of(values: Floats, scores: Floats, others: Floats) -> Floats:
    """Return the scores of other values, by regression of the scores of known values on these."""
    spread = values - values.mean()
    slope = (spread @ scores + 0.5) / (spread @ spread + 0.5)
    return np.clip(slope * (others - values.mean()), -4, 4)


def sources_of(
    bank: Bank, target: int, allowed: tuple[int, ...], rng: np.random.Generator
) -> SourceView:
    """Draw sources of a random kind."""
    n = len(allowed) if rng.random() < 0.5 else int(rng.integers(1, len(allowed) + 1))
    chosen = rng.choice(allowed, n, replace=False)
    kind = str(rng.choice(
        ["natural", "none", "reversed", "permuted", "one sister", "wrong at the top", "nearly"],
        p=(0.43, 0.15, 0.1, 0.07, 0.1, 0.08, 0.07),
    ))  # fmt: skip

    def of(kind: str) -> Floats32:
        tables = bank.said.get(kind) or bank.said["natural"]
        return tables[rng.integers(len(tables))]

    rows = of("wrong at the top" if kind == "wrong at the top" else "natural")[chosen]
    if kind == "none":
        rows = 0 * rows[:1]
    elif kind == "reversed":
        rows = -rows
    elif kind == "permuted":
        rows = rng.permuted(rows, axis=1) * rng.choice([0.3, 1.0])
    elif kind == "one sister":
        if "stranger" in bank.said:
            strangers = of("stranger")
        else:
            strangers = rng.permuted(of("natural"), axis=1)
        rows = np.concatenate([rows[:1], strangers[rng.choice(len(strangers), 6)]])
    elif (
        kind == "nearly"
    ):  # the target's own values, among others: what the best of sources look like
        rows = np.concatenate([rows, [np.nan_to_num(bank.scores[target])]])
        scale = rng.choice([0.1, 0.4, 0.8])
        rows = rows + scale * rng.standard_normal(rows.shape).astype(np.float32)
    return SourceView.of(rows)


def _known(
    measured: Integers,
    truth: Floats,
    view: SourceView,
    size: int,
    how: str,
    rng: np.random.Generator,
) -> Integers:
    """Draw known cells: at random, or more of those that a search would have tried."""
    size = min(size, len(measured) // 2)
    if how == "random":
        return rng.choice(measured, size, replace=False)
    promise = {"best": truth, "mean": view.mean, "both": truth + view.mean}[how][measured]
    noisy = promise * rng.choice([1.0, 2.0, 4.0]) + rng.gumbel(size=len(measured))
    picked = measured[np.argsort(-noisy)[:size]]
    random = rng.choice(np.setdiff1d(measured, picked), size // 3, replace=False)
    return np.concatenate([random, picked[: size - len(random)]])


def banks() -> Iterator[Bank]:
    """Yield all banks."""
    for family in FAMILIES:
        bank = real_bank(family)
        yield bank
        if family not in ("robust", "latency"):
            yield from drawn_banks(family, bank.space)
