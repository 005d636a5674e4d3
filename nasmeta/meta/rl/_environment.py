"""The same decision process as a Gymnasium environment, for agents of other libraries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_names
from nasmeta.errors import SettingError, needing
from nasmeta.meta.rl._policy import ACTION_FEATURES, WALK_FEATURES
from nasmeta.meta.rl._vector_env import CellSearchEnvs, complete_scores, prior_of
from nasmeta.meta.rl._walks import moves_of
from nasmeta.tasks import SourceTask, Task, as_tasks

with needing("CellSearchEnv", "rl"):
    import gymnasium
    from gymnasium.spaces import Box, Discrete

_BOUND = 10.0  # of observations: standardised values of tens of thousands of cells lie within ±5


class CellSearchEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """One search an episode, on a task drawn from those given; the process is that of `CellSearchEnvs`.

    An observation holds, one after the other: the current cell one-hot (edges times operations, or the choices of
    each position), features of the walk
    (``walk_features``), and for each action the features of the cell that it leads to (``action_features``). ``info``
    has the ``task``, the ``cell``, the ``evaluations`` so far, the ``best`` cell, and the ``action_mask`` of
    what is possible next.

    Parameters
    ----------
    tasks : Task, SourceTask, name of a task or family, or iterable of them
        All of one space. Cells without a label get a ridge regression's prediction.
    informed : bool, default False
        Tell of each cell what the other tasks know of it; needs two tasks or more, and searches begin at the best of
        these. Otherwise they begin at random, and nothing is known of a cell that was not evaluated.
    evaluations, steps : int, default 100 and 400
        Where an episode is cut off.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta.rl import CellSearchEnv
    >>> env = CellSearchEnv(nm.get_task("nb201/cifar10"))
    >>> observation, info = env.reset(seed=0)
    >>> observation.shape, int(env.action_space.n), info["evaluations"]
    ((418,), 31, 1)
    >>> observation, reward, terminated, truncated, info = env.step(7)
    >>> info["evaluations"] <= 2
    True
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  gymnasium's own form
    walk_features = WALK_FEATURES
    action_features = ACTION_FEATURES

    def __init__(
        self,
        tasks: str | Task | SourceTask | Iterable[str | Task | SourceTask],
        *,
        informed: bool = False,
        evaluations: int = 100,
        steps: int = 400,
    ) -> None:
        given = as_tasks(tasks, sources=True)
        sources = [task.as_source() if isinstance(task, Task) else task for task in given]
        if len(sources) < 1 + informed or len({source.space for source in sources}) > 1:
            raise SettingError("tasks", [source.name for source in sources], f"at least {1 + informed}, of one space")
        self.space = sources[0].space
        self.names = tuple(source.name for source in sources)
        self.informed, self.evaluations, self.steps = informed, evaluations, steps
        self._scores = [complete_scores(self.space, source) for source in sources]
        self._one_hot = moves_of(self.space)[1]
        n_codes = self._one_hot.shape[1]
        self._n_actions = n_codes + 1
        self.action_space = Discrete(self._n_actions)
        width = n_codes + len(WALK_FEATURES) + self._n_actions * len(ACTION_FEATURES)
        self.observation_space = Box(-_BOUND, _BOUND, (width,), np.float32)
        self._envs: CellSearchEnvs | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Draw a task and begin a search on it; ``options={"task": name}`` chooses the task."""
        super().reset(seed=seed)
        name = (options or {}).get("task")
        check_names("The environment", "task", [] if name is None else [name], self.names)
        drawn = int(self.np_random.integers(len(self.names))) if name is None else self.names.index(name)
        others = [scores for i, scores in enumerate(self._scores) if i != drawn]
        self._envs = CellSearchEnvs(
            self.space,
            self._scores[drawn][None],
            prior_of(others)[None] if self.informed else None,
            start="prior" if self.informed else "random",
            evaluations=self.evaluations,
            steps=self.steps,
        )
        self._task = self.names[drawn]
        self._envs.reset(self.np_random)
        return self._observation(), self._info()

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Take an action; one that is not possible leaves the cell as it is."""
        envs = self._episode()
        one = np.asarray(action).item()  # agents of other libraries pass an array of one element
        if one not in range(self._n_actions):
            raise SettingError("action", one, f"an integer from 0 to {self._n_actions - 1}")
        rewards, ended = envs.step(np.array([one], dtype=np.int64))
        found = bool(envs.found[0])
        return self._observation(), float(rewards[0]), found, bool(ended[0]) and not found, self._info()

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are possible, as the maskable agents of other libraries ask for it."""
        possible: NDArray[np.bool_] = self._episode().seen.possible[0]
        return possible

    def _episode(self) -> CellSearchEnvs:
        if self._envs is None:
            raise SettingError("No episode has begun: call reset() first.")
        return self._envs

    def _observation(self) -> NDArray[np.float32]:
        envs = self._episode()
        seen = envs.seen
        code = self._one_hot[envs.walks.here[0]]
        return np.concatenate([code, seen.walk[0], seen.actions[0].ravel()]).clip(-_BOUND, _BOUND)

    def _info(self) -> dict[str, Any]:
        walks = self._episode().walks
        return {
            "task": self._task,
            "cell": int(walks.here[0]),
            "evaluations": int(walks.count[0]),
            "best": int(walks.best[0]),
            "action_mask": self.action_masks(),
        }
