"""The Gymnasium environment: Gymnasium's own check, a third party's agent, tasks, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import SettingError
from nasmeta.tasks import SourceTask
from nasmeta.testing import made_up_values

pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env

from nasmeta.meta.rl import CellSearchEnv, CellSearchEnvs

SPACE = nm.get_space("tnb101")
CELLS = np.arange(SPACE.n_cells, dtype=np.int32)
TASKS = [SourceTask(f"t{shift}", f"t{shift}", SPACE, CELLS, made_up_values(SPACE, shift)) for shift in (0.0, 0.2, 0.4)]


@pytest.mark.filterwarnings("ignore:.*spec:UserWarning")
@pytest.mark.parametrize("informed", [False, True])
def test_gymnasium_finds_no_fault(informed: bool) -> None:
    check_env(CellSearchEnv(TASKS, informed=informed, evaluations=10), skip_render_check=True)


def test_it_is_one_of_the_many() -> None:
    env = CellSearchEnv(TASKS[0], evaluations=30)
    observation, info = env.reset(seed=4)
    envs = CellSearchEnvs(SPACE, env._scores[0][None], evaluations=30)
    same = np.random.Generator(type(env.np_random.bit_generator)())
    env.reset(seed=4)
    same.bit_generator.state = np.random.Generator(np.random.PCG64(4)).bit_generator.state
    same.integers(1)  # the draw of the task
    envs.reset(same)
    rng = np.random.default_rng(0)
    for _ in range(40):
        action = int(rng.integers(env.action_space.n))
        observation, reward, terminated, truncated, info = env.step(action)
        rewards, ended = envs.step(np.array([action]))
        assert reward == rewards[0]
        assert (terminated or truncated) == ended[0]
        assert info["cell"] == envs.walks.here[0]
        np.testing.assert_array_equal(observation[24:40], envs.seen.walk[0])
        if ended[0]:
            break
    assert info["best"] == envs.walks.best[0]


def test_the_task_can_be_chosen_and_the_others_inform() -> None:
    env = CellSearchEnv(TASKS, informed=True)
    _, info = env.reset(seed=0, options={"task": "t0.2"})
    assert info["task"] == "t0.2"
    others = np.mean([env._scores[0], env._scores[2]], axis=0)
    assert info["cell"] == others.argmax()
    with pytest.raises(SettingError):
        env.reset(options={"task": "none"})
