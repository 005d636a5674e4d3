"""Sources at the scale of a target: a power law of the best choices is found and applied."""

from itertools import product

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.evaluators import FunctionEvaluator
from nasmeta.tasks import SourceTask, at_scale

SPACE = nm.SearchSpace("net", {"rate": [*range(12)], "batch": [*range(9)], "act": ["relu", "gelu"]})
EVERY = np.arange(SPACE.size)
LANGUAGE_MODEL = nm.get_task("step-law/1.07b-100b")
TARGET = FunctionEvaluator(lambda choices: 0.0, SPACE, name="mine")
TARGET.task.scale = {"parameters": 64.0, "tokens": 64.0}


def optimum(parameters: float, tokens: float) -> np.ndarray:
    """One level of the rate less per octave of parameters, half a level of the batch more per octave of tokens."""
    return np.array([9 - np.log2(parameters), 2 + np.log2(tokens) / 2])


def source(parameters: float, tokens: float, scale: dict[str, float] | None = None) -> SourceTask:
    distances = np.square(SPACE.codes[:, :2] - optimum(parameters, tokens)).sum(axis=1)
    utilities = (SPACE.codes[:, 2] == int(parameters > 2)) / 9 - distances
    scale = scale or {"tokens": tokens, "parameters": parameters}
    return SourceTask(f"{scale}", "own", SPACE, EVERY, utilities, scale=scale)


def test_labels_follow_the_power_law() -> None:
    given = [source(p, t) for p, t in product((1, 4, 16), (1, 4, 16))]
    for before, moved in zip(given, at_scale(TARGET.task, given), strict=True):
        steps = np.rint(optimum(64, 64) - optimum(**before.scale)).astype(int)
        codes = SPACE.codes + np.r_[steps, 0]
        inside = ((codes >= 0) & (codes < [12, 9, 2])).all(axis=1)
        assert moved.architectures.tolist() == sorted(SPACE.from_codes(codes[inside]).tolist())
        assert moved.utilities.tolist() == before.utilities[inside].tolist()
    run = nm.search("source-order", TARGET, evaluations=1, sources=given)
    assert run.config.identity["scale"] == TARGET.task.scale
    assert SPACE.codes[run.architectures[0]].tolist()[:2] == optimum(64, 64).tolist()


@pytest.mark.parametrize(
    "sources", [[source(4, 4)], [source(1, 1), source(4, 1, {"parameters": 1.01, "tokens": 1.0})]]
)
def test_without_a_trend_or_a_place_in_the_space_labels_stay(sources: list[SourceTask]) -> None:
    assert [len(one) for one in at_scale(TARGET.task, sources)] == [SPACE.size] * len(sources)


def test_sources_stay_if_one_has_another_space_or_the_target_lacks_a_scale() -> None:
    for sources in (
        [LANGUAGE_MODEL, source(4, 4)],
        [source(4, 4), source(1, 1, {"parameters": 1.0})],
    ):
        assert at_scale(TARGET.task, sources) == sources
    assert at_scale(nm.get_task("nb201/cifar10"), sources) == sources
    assert nm.search("random", TARGET, evaluations=1).values.tolist() == [0.0]


def test_inactive_positions_stay() -> None:
    choices = {"rate": [*range(8)], "warmup": [False, True], "steps": [*range(8)]}
    space = nm.SearchSpace("conditional", choices, conditions={"steps": {"warmup": [True]}})
    target = FunctionEvaluator(lambda choices: 0.0, space)
    target.task.scale = {"parameters": 8.0}
    rate, warmup, steps = space.codes.T
    given = [
        SourceTask(
            str(n),
            "own",
            space,
            range(space.size),
            -abs(rate - 3) - warmup * abs(steps - 6 + n),
            scale=scale,
        )
        for n, scale in (
            (0, {"parameters": 1.0}),
            (1, {"parameters": 2.0}),
            (2, {"parameters": 4.0}),
        )
    ]
    for n, moved in enumerate(at_scale(target.task, given)):
        _, warmup, steps = space.codes[moved.architectures].T
        assert (warmup == 0).sum() == 8
        assert steps[warmup == 1].max() == 7 - (3 - n)


def test_the_scale_identifies_a_source() -> None:
    assert source(1, 1).sha256 != source(1, 1, {"tokens": 2.0}).sha256


def test_language_models_state_their_scale() -> None:
    assert LANGUAGE_MODEL.scale == {"parameters": 1.07e9, "tokens": 1e11}
