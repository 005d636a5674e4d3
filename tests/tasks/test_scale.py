"""Sources at the scale of a target: a power law of the best choices is found and applied."""

from itertools import product

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.evaluators import FunctionEvaluator
from nasmeta.tasks import SourceTask, Task, at_scale

SPACE = nm.SearchSpace("net", {"rate": [*range(12)], "batch": [*range(9)], "act": ["relu", "gelu"]})
EVERY = np.arange(SPACE.size)
TARGET = nm.get_task("step-law/1.07b-100b")


def optimum(parameters: float, tokens: float) -> np.ndarray:
    """One level of the rate less per octave of parameters, half a level of the batch more per octave of tokens."""
    return np.array([9 - np.log2(parameters), 2 + np.log2(tokens) / 2])


def labels(parameters: float, tokens: float) -> np.ndarray:
    codes = SPACE.codes
    return -np.square(codes[:, :2] - optimum(parameters, tokens)).sum(axis=1) + (codes[:, 2] == int(parameters > 2)) / 9


def source(parameters: float, tokens: float, **changes: object) -> SourceTask:
    facts = {"scale": {"tokens": tokens, "parameters": parameters}, "space": SPACE} | changes
    return SourceTask(f"{parameters}", f"{parameters}", facts.pop("space"), EVERY, labels(parameters, tokens), **facts)


def target(**changes: object) -> Task:
    signal = TARGET.signal
    return Task("mine", SPACE, signal, scale={"parameters": 64.0, "tokens": 64.0} | changes)


def test_labels_follow_the_power_law() -> None:
    given = [source(p, t) for p, t in product((1, 4, 16), (1, 4, 16))]
    given = [SourceTask(f"{i}", f"{i}", SPACE, EVERY, one.utilities, scale=one.scale) for i, one in enumerate(given)]
    for before, moved in zip(given, at_scale(target(), given), strict=True):
        p, t = before.scale["parameters"], before.scale["tokens"]
        steps = np.rint(optimum(64, 64) - optimum(p, t)).astype(int)
        codes = SPACE.codes[EVERY] + [*steps, 0]
        inside = ((codes >= 0) & (codes < [12, 9, 2])).all(axis=1)
        assert moved.architectures.tolist() == sorted(SPACE.from_codes(codes[inside]).tolist())
        assert moved.utilities.tolist() == before.utilities[inside].tolist()


def test_one_source_or_equal_scales_show_no_trend() -> None:
    alone = source(4, 4)
    assert np.array_equal(at_scale(target(), [alone])[0].architectures, EVERY)


@pytest.mark.parametrize(
    "sources", [[source(1, 1, scale=None), source(4, 4, scale={"tokens": 4.0})], [TARGET, nm.get_task("nb201/cifar10")]]
)
def test_sources_without_these_names_or_of_another_space_stay(sources: list[Task]) -> None:
    assert at_scale(target(), sources) == sources
    assert at_scale(TARGET.with_scale({}), sources) == sources


def test_a_source_that_would_leave_the_space_stays() -> None:
    given = [source(1, 1), source(2, 1)]
    moved = at_scale(target(parameters=2.0**40), given)
    assert [len(one) for one in moved] == [SPACE.size] * 2


def test_the_scale_identifies_a_source_and_a_run() -> None:
    assert len({source(1, t, scale=scale).sha256 for t, scale in ((1, None), (1, {"tokens": 1.0}))}) == 2
    scale = {"parameters": 64.0, "tokens": 1.0}
    evaluator = FunctionEvaluator(lambda choices: 0.0, SPACE, scale=scale)
    run = nm.search("source-order", evaluator, evaluations=1, sources=[source(1, 1), source(4, 1)])
    assert run.config.identity["scale"] == scale
    assert SPACE.codes[run.architectures[0]].tolist()[:2] == optimum(64, 1).tolist()


def test_language_models_state_their_scale() -> None:
    assert TARGET.scale == {"parameters": 1.07e9, "tokens": 1e11}
    assert nm.get_task("nb201/cifar10").scale is None
