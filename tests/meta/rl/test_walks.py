"""What walks see, against slow and plain computations of the same; many at once against each alone."""

from __future__ import annotations

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.meta.rl import NEW_COST, REST_COST, CellSearchEnvs
from nasmeta.meta.rl._policy import ACTION_FEATURES, WALK_FEATURES
from nasmeta.tasks import normal_scores

SPACES = ("nb201", "tnb101")


def tables(name: str, n: int = 3) -> tuple[nm.spaces.CellSpace, np.ndarray, np.ndarray]:
    space, rng = nm.get_space(name), np.random.default_rng(5)
    values = np.stack([normal_scores(rng.normal(size=space.n_cells)) for _ in range(n)])
    noise = rng.normal(size=values.shape)
    return (
        space,
        values,
        np.stack([normal_scores(v + e) for v, e in zip(values, noise, strict=True)]).astype(np.float32),
    )


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("informed", [True, False])
def test_many_walks_are_as_each_alone(name: str, informed: bool) -> None:
    space, values, priors = tables(name)
    start = "prior" if informed else "random"

    def made(rows: slice) -> CellSearchEnvs:
        return CellSearchEnvs(space, values[rows], priors[rows] if informed else None, start=start, evaluations=20)

    together = made(slice(None))
    together.reset(np.random.default_rng(1))
    if not informed:  # the same first cells
        cells = together.walks.here
    alone = [made(slice(i, i + 1)) for i in range(3)]
    for i, env in enumerate(alone):
        env.reset(np.random.default_rng(1) if informed else _Fixed(cells[i]))
    rng = np.random.default_rng(2)
    for _ in range(40):
        possible = together.seen.possible
        actions = np.array([rng.choice(np.flatnonzero(row)) if row.any() else 0 for row in possible])
        rewards, ended = together.step(actions)
        for i, env in enumerate(alone):
            reward, end = env.step(actions[i : i + 1])
            assert (reward[0], end[0]) == (rewards[i], ended[i])
            for part in ("walk", "actions"):
                np.testing.assert_allclose(
                    getattr(env.seen, part)[0], getattr(together.seen, part)[i], rtol=1e-4, atol=1e-5
                )
            np.testing.assert_array_equal(env.seen.possible[0], together.seen.possible[i])
            np.testing.assert_array_equal(env.seen.targets[0], together.seen.targets[i])


class _Fixed:
    """A generator that draws this cell."""

    def __init__(self, cell: int) -> None:
        self.cell = cell

    def integers(self, high: int, size: int) -> np.ndarray:
        return np.full(size, self.cell)


def test_an_episode_step_by_step() -> None:
    space, values, priors = tables("nb201", 1)
    priors[0, values[0].argmax()] = -1  # else it is the start
    envs = CellSearchEnvs(space, values, priors, start="prior", evaluations=30)
    envs.reset(np.random.default_rng(0))
    rng, table, prior = np.random.default_rng(3), values[0], priors[0]
    here = int(prior.argmax())
    seen, free, best = [here], 0, table[here]
    while not envs.ended[0]:
        view = envs.seen
        around = {(e, o): space.from_codes([*d[:e], o, *d[e + 1 :]])
                  for d in [space.digits[here].tolist()] for e in range(6) for o in range(5)}  # fmt: skip
        open_ones = [c for c in seen if not set(space.neighbours(c).tolist()) <= set(seen)]
        jump = max(open_ones, key=lambda c: table[c])
        targets = [*around.values(), jump]
        assert view.targets[0].tolist() == targets
        allowed = [c != here and (c not in seen or free < 4) for c in targets]
        if set(targets[:-1]) <= set(seen):
            allowed[-1] = jump != here
        assert view.possible[0].tolist() == allowed

        # Standardised values: the r-th smallest of them becomes the r-th smallest prior.
        order = sorted(seen, key=lambda c: table[c])
        matched = dict(zip(order, sorted(prior[seen]), strict=True))
        features = dict(zip(ACTION_FEATURES, view.actions[0].T, strict=True))
        untried = np.setdiff1d(np.arange(space.n_cells), seen)
        top = prior[untried].max()
        for i, cell in enumerate(targets):
            assert features["prior"][i] == prior[cell]
            assert features["is new"][i] == (cell not in seen)
            assert features["value"][i] == pytest.approx(matched.get(cell, 0.0))
            same = np.array([(space.digits[cell] == space.digits[c]).sum() for c in seen])
            weight = np.exp(-0.9 * (6 - same))
            surprise = (weight * [matched[c] - prior[c] for c in seen]).sum() / (weight.sum() + 0.3)
            assert features["local surprise"][i] == pytest.approx(surprise, abs=1e-4)
            assert features["evidence"][i] == pytest.approx(np.log1p(weight.sum()), abs=1e-4)
            beyond = [prior[c] for c in space.neighbours(cell) if c not in seen]
            if beyond:
                name = "best untried neighbour's prior below the best untried"
                assert features[name][i] == pytest.approx(max(max(beyond) - top, -4), abs=1e-5)
        walk = dict(zip(WALK_FEATURES, view.walk[0], strict=True))
        assert walk["value here"] == pytest.approx(matched[here])
        assert walk["best untried prior"] == top

        action = int(rng.choice(np.flatnonzero(allowed)))
        rewards, _ = envs.step(np.array([action]))
        here = targets[action]
        if here in seen:
            assert rewards[0] == -REST_COST
            free += 1
        else:
            assert rewards[0] == pytest.approx(max(table[here] - best, 0) - NEW_COST)
            seen.append(here)
            best, free = max(best, table[here]), 0
    assert envs.walks.count[0] == len(seen) == 30


def test_finding_the_optimum_ends_it_and_what_is_not_possible_changes_nothing() -> None:
    space, values, priors = tables("tnb101", 1)
    optimum = int(values[0].argmax())
    priors[0, space.neighbours(optimum)[0]] = 9.0
    envs = CellSearchEnvs(space, values, priors, start="prior")
    envs.reset(np.random.default_rng(0))
    before = envs.walks.here.copy()
    rewards, _ = envs.step(np.array([envs.seen.targets[0].tolist().index(int(before[0]))]))
    assert (rewards[0], envs.walks.count[0], envs.walks.here[0]) == (-REST_COST, 1, before[0])
    _, ended = envs.step(np.array([envs.seen.targets[0].tolist().index(optimum)]))
    assert ended[0]
    assert envs.found[0]
    assert envs.step(np.array([0]))[0][0] == 0.0
