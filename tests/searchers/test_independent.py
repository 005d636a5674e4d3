"""Mean evaluations to the optimum, against separate and deliberately naive implementations of the same searchers."""

from collections import deque
from collections.abc import Callable

import numpy as np
import pytest

import nasmeta as nm

RUNS = 300
Simulation = Callable[[np.ndarray, np.random.Generator], int]


def mutated(digits: list[int], rng: np.random.Generator) -> list[int]:
    child = list(digits)
    edge = rng.integers(6)
    child[edge] = rng.choice([d for d in range(5) if d != digits[edge]])
    return child


def climb(values: np.ndarray, rng: np.random.Generator, first: bool) -> int:
    """Local search on digit lists, counting distinct cells until the best one is looked at."""
    space = nm.get_space("nb201")
    optimum, seen = int(values.argmax()), set()
    while True:
        here = rng.integers(5, size=6).tolist()
        while here is not None:
            at = space.from_codes(here)
            seen.add(at)
            if at == optimum:
                return len(seen)
            around = [
                [*here[:e], d, *here[e + 1 :]] for e in range(6) for d in range(5) if d != here[e]
            ]
            rng.shuffle(around)
            best, here = values[at], None
            for digits, architecture in zip(around, space.from_codes(around).tolist(), strict=True):
                seen.add(architecture)
                if architecture == optimum:
                    return len(seen)
                if values[architecture] > best:
                    best, here = values[architecture], digits
                    if first:
                        break


def evolve(values: np.ndarray, rng: np.random.Generator) -> int:
    """Regularized evolution 30/10 on digit lists."""
    space = nm.get_space("nb201")
    optimum, seen, population = int(values.argmax()), set(), deque(maxlen=30)
    while True:
        if len(population) < 30:
            child = rng.integers(5, size=6).tolist()
        else:
            parents = [population[i] for i in rng.integers(30, size=10)]
            child = mutated(max(parents, key=lambda member: member[1])[0], rng)
        architecture = space.from_codes(child)
        seen.add(architecture)
        if architecture == optimum:
            return len(seen)
        population.append((child, values[architecture]))


SIMULATIONS = {
    "local-search": lambda values, rng: climb(values, rng, first=True),
    "local-search-full": lambda values, rng: climb(values, rng, first=False),
    "evolution": evolve,
}


@pytest.mark.slow
@pytest.mark.parametrize("searcher", SIMULATIONS)
def test_mean_evaluations_to_the_optimum(searcher: str) -> None:
    task = nm.get_task("nb201/cifar100")
    frame = nm.compare(
        [searcher], tasks=[task], repeats=RUNS, evaluations=15_625, stop_at_optimum=True
    )
    ours = frame.groupby("seed").evaluation.max().to_numpy()
    rngs = np.random.default_rng(2024).spawn(RUNS)
    theirs = np.array([SIMULATIONS[searcher](task.values, rng) for rng in rngs])
    error = np.sqrt(ours.var() / RUNS + theirs.var() / RUNS)
    assert abs(ours.mean() - theirs.mean()) < 3.5 * error, (ours.mean(), theirs.mean(), error)


@pytest.mark.slow
def test_random_search_finds_the_optimum_half_way() -> None:
    frame = nm.compare(
        ["random"], tasks="nb201/cifar10", repeats=60, evaluations=15_625, stop_at_optimum=True
    )
    found = frame.groupby("seed").evaluation.max().to_numpy()
    # Uniform on 1 … n: expectation (n + 1) / 2, standard deviation n / √12.
    assert abs(found.mean() - 7_813) < 4 * 15_625 / np.sqrt(12 * 60)
