"""The searcher: a recurrent policy that walks through the cells, meta-trained over tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_choice, check_int, check_number
from nasmeta.errors import SpaceExhaustedError, needing
from nasmeta.meta._falls_back import FallsBackSearch
from nasmeta.meta.rl._policy import Memory, Policy
from nasmeta.meta.rl._vector_env import complete_scores, prior_of
from nasmeta.meta.rl._walks import Walks
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_OF_TRAINING = (
    "iterations", "walks", "steps", "hidden", "learning_rate", "epochs", "discount", "std", "noise", "device",
)  # fmt: skip


@dataclass(frozen=True)
class LearntPolicy:
    """What sources teach: how to walk, and what to expect of each cell."""

    policy: Policy
    prior: NDArray[np.float32]  # (n_cells,): mean standardised score of each cell on the sources, itself standardised


class MetaRLSearch(FallsBackSearch):
    """A recurrent policy, trained by PPO on tasks sampled from the sources.

    The Markov decision process is that of `CellSearchEnvs`: from the current cell, set one edge to another operation,
    or jump to the best cell. The policy (a gated recurrent unit and one score for all actions alike) reads what the
    search has seen and what the sources know of the cells that its actions lead to. Its hidden state lasts over the
    whole search, as in RL² (Duan et al., 2016; Wang et al., "Learning to reinforcement learn", 2016). No report shows
    that the policy uses this memory. Training uses proximal policy optimisation (Schulman et al., 2017). In
    meta-training one source plays the target and the others its sources, with random deviations and noise, so nothing
    that the policy sees there is better than what it will see on a new task.

    Only the order of the target's values counts, so their unit does not matter. Meta-training needs torch, search does
    not.

    Parameters
    ----------
    iterations : int, default 40
        Updates of the policy in meta-training; each sees `walks` searches of up to `steps` steps.
    walks, steps : int, default 96 and 64
    hidden : int, default 64
        Size of the hidden state.
    learning_rate : float, default 0.001
    epochs : int, default 3
        How often each batch of searches is learnt from.
    discount : float, default 0.99
    std, noise : float, default 0.2 and 0.3
        Largest standard deviation of what a sampled task adds to its source: effects of operations, and of cells.
    training_seed : int, default 0
        Of the meta-training, which does not use `rng`.
    device : {"cpu", "cuda", "auto"}, default "cpu"
    temperature : float, default 1.0
        In the search, what the policy's scores are divided by; 0 takes the best action always.
    start : {"sources", "random"}, default "sources"
        First proposal: the cell that is best on the sources, or any.
    falls_back : bool, default True
        Whether the policy competes with `nasmeta.searchers.GPSearch`, which learns from the same values and takes over
        where the policy's cells turn out worse; ``notes`` say who proposed what. False is the policy alone.

    Examples
    --------
    >>> import nasmeta as nm
    >>> tiny = {"iterations": 1, "walks": 4, "steps": 4, "hidden": 8}
    >>> run = nm.search("meta-rl", "nb201/cifar100", evaluations=20, settings=tiny)
    >>> run.sources, len(run)
    (('nb201/cifar10', 'nb201/imagenet16-120'), 20)
    """

    search_settings: ClassVar[tuple[str, ...]] = ("temperature", "start", "device", "falls_back")

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        iterations: int = 40,
        walks: int = 96,
        steps: int = 64,
        hidden: int = 64,
        learning_rate: float = 1e-3,
        epochs: int = 3,
        discount: float = 0.99,
        std: float = 0.2,
        noise: float = 0.3,
        training_seed: int = 0,
        device: str = "cpu",
        temperature: float = 1.0,
        start: str = "sources",
        falls_back: bool = True,
    ) -> None:
        super().__init__(space, rng, falls_back=falls_back)
        self.iterations, self.walks, self.steps = iterations, check_int("walks", walks, 4), check_int("steps", steps, 2)
        self.hidden = check_int("hidden", hidden, 1, 4096)
        self.learning_rate, self.epochs, self.discount = learning_rate, epochs, discount
        self.std, self.noise, self.training_seed, self.device = std, noise, training_seed, device
        self.temperature = check_number("temperature", temperature)
        self.start = check_choice("start", start, ("sources", "random"))
        self._walk: Walks | None = None
        self._pending: set[int] = set()

    # -- meta-training --------------------------------------------------------------------------------------------
    def _learn(self, sources: list[SourceTask]) -> LearntPolicy:
        with needing("The meta-training of meta-rl", "torch"):
            from nasmeta.meta.rl._training import PolicyTraining, train_policy
        scores = [complete_scores(self.space, source) for source in sources]
        settings = PolicyTraining(**{name: getattr(self, name) for name in _OF_TRAINING})
        rng = np.random.default_rng(self.training_seed)
        policy = train_policy(self.space, scores, settings, rng, sources=sources, monitor=self.monitor)
        # Half precision is what a file holds, so that one read from a file searches alike.
        return LearntPolicy(policy, prior_of(scores).astype(np.float16).astype(np.float32))

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        learnt: LearntPolicy = self._require_meta_model()
        arrays: dict[str, NDArray[Any]] = dict(learnt.policy.weights)
        return {**arrays, "prior": learnt.prior.astype(np.float16)}, {"hidden": learnt.policy.hidden}

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> LearntPolicy:
        weights = {name: array for name, array in arrays.items() if name != "prior"}
        return LearntPolicy(Policy(weights), arrays["prior"].astype(np.float32))

    # -- search ---------------------------------------------------------------------------------------------------
    def _begin(self) -> tuple[LearntPolicy, Walks]:
        learnt: LearntPolicy = self._require_meta_model()
        if self._walk is None:
            self._walk = Walks(self.space, learnt.prior[None])
            self._memory = Memory.of(1, learnt.policy.hidden)
        return learnt, self._walk

    def _propose(self, n: int) -> NDArray[np.int32]:
        """Walk on to n cells that were not proposed yet; free moves over known cells lie between."""
        learnt, walk = self._begin()
        if int(walk.count[0]) + len(self._pending) + n > self.space.size:
            raise SpaceExhaustedError(f"Fewer than {n} cells of {self.space.name} have not been proposed.")
        proposals = np.empty(n, dtype=np.int32)
        for i in range(n):
            cell = self._next(learnt, walk)
            self._pending.add(cell)
            proposals[i] = cell
        return proposals

    def _next(self, learnt: LearntPolicy, walk: Walks) -> int:
        while walk.count[0]:
            view = walk.view().without(self._pending)
            if not view.possible.any():
                break
            scores = learnt.policy.logits(view, self._memory)[0]
            if self.temperature > 0:
                scores = scores / self.temperature + self.rng.gumbel(size=len(scores))
            action = int(scores.argmax())
            self._memory.last_action = view.actions[:, action]
            cell = view.targets[:, action]
            if walk.is_new(cell)[0]:
                return int(cell[0])
            walk.stand(cell, np.zeros(1, dtype=bool))
        if self.start == "random" and not walk.count[0]:
            others = np.setdiff1d(np.arange(self.space.size), list(self._pending))
            return int(self.rng.choice(others))
        # The first cell, or all that lies around is on its way: the best that the sources know.
        untried = walk.untried[0].copy()
        untried[list(self._pending)] = -np.inf
        return int(untried.argmax())

    def _observe(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Learn values; the walk goes on from the last of the cells."""
        _, walk = self._begin()
        for i in range(len(cells)):
            cell = cells[i : i + 1]
            self._pending.discard(int(cell[0]))
            new = walk.is_new(cell)
            if new[0]:
                walk.evaluated(np.zeros(1, dtype=np.int64), cell, values[i : i + 1])
                walk.stand(cell, new)
