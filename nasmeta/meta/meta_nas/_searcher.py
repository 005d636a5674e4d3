"""The searcher `meta-nas`: a search network proposes cells, a prediction network screens them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_choice, check_int
from nasmeta.errors import SettingError, SpaceExhaustedError, needing
from nasmeta.meta._falls_back import FallsBackSearch
from nasmeta.meta.meta_nas._tasks import GREED
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

if TYPE_CHECKING:
    from nasmeta.meta.meta_nas._model import MetaNASModel

_LARGEST_WIDTH = 1024
_LARGEST_CONTEXT = 128  # what the networks read of a long search


class MetaNASSearch(FallsBackSearch):
    """A search network that proposes cells and a prediction network that screens them, meta-trained together.

    The search network chooses a cell's operations edge by edge (elsewhere position by position), given the cells and
    values that the task has shown so far. The spaces are small enough that its probability of every cell is known
    exactly: candidates are drawn from it without replacement among the cells not yet asked. The prediction network, a
    neural process, predicts mean and deviation of the candidates given the same context, and the one with the highest
    upper confidence bound is proposed. Both read the cells and values observed so far; their weights stay as they were
    meta-trained. No report shows the contribution of this context.

    In meta-training both practise searches on tasks drawn from the sources (see ``PracticeTasks``). The search network
    learns to propose what is good in truth and passes the screen, the prediction network learns on the contexts and
    candidates that the search network brings about; so each is trained for the work of the other. The target of the
    search network is a policy improved by search (expert iteration: Anthony, Tian and Barber, NeurIPS 2017); the
    prediction network is an attentive neural process (Kim et al., ICLR 2019); proposals edge by edge follow Zoph and
    Le (ICLR 2017).

    Both networks' scores have the same weight. The searcher needs sources that agree with the target; if they
    disagree, it can be slower than a search without sources.

    Parameters
    ----------
    candidates : int, default 64
        Cells that are drawn and screened for a proposal.
    temperature : float, default 1.0
        Of the draw; 0 takes the most probable cells.
    beta : float, default 0.5
        Predicted deviations that are added to the predicted mean.
    prior_weight : float, default 1.0
        How much the search network's own opinion counts beside that bound: its log probability of the candidate times
        0.3, which is the score that it stands for by the way it was trained. 0 screens by the prediction alone.
    proposals : {"network", "uniform", "all"}, default "network"
        Where candidates come from. The other two are the ablation without a search network: drawn uniformly, or all
        cells of the space.
    screening : bool, default True
        False is the ablation without a prediction network: the first candidate drawn is proposed.
    steps : int, default 400
        Lessons of meta-training.
    tasks : int, default 8
        Tasks that are practised on at once.
    width : int, default 64
        Of both networks.
    learning_rate : float, default 2e-3
    screen : float, default 0.5
        Share of the prediction network in what the search network learns to propose; the rest is the truth.
    std : float, default 0.5
        Largest standard deviation of a practised task from its sources where these do not tell, as a single one does
        not; see ``PracticeTasks``.
    noise : float, default 0.3
        Largest standard deviation of the noise of a practised task's scores.
    device : {"cpu", "cuda", "auto"}, default "cpu"
        Of meta-training.
    falls_back : bool, default True
        Whether the networks compete with `nasmeta.searchers.GPSearch`, which learns from the same values and takes over
        where their cells turn out worse; ``notes`` say who proposed what. False is the networks on their own.

    Examples
    --------
    >>> import nasmeta as nm
    >>> quick = {"steps": 2, "tasks": 2, "width": 8}
    >>> run = nm.search("meta-nas", "nb201/cifar100", evaluations=5, settings=quick)
    >>> len(run), run.sources
    (5, ('nb201/cifar10', 'nb201/imagenet16-120'))
    """

    search_settings = (
        "candidates", "temperature", "beta", "prior_weight", "proposals", "screening", "device", "falls_back",
    )  # fmt: skip

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        candidates: int = 64,
        temperature: float = 1.0,
        beta: float = 0.5,
        prior_weight: float = 1.0,
        proposals: str = "network",
        screening: bool = True,
        steps: int = 400,
        tasks: int = 8,
        width: int = 64,
        learning_rate: float = 2e-3,
        screen: float = 0.5,
        std: float = 0.5,
        noise: float = 0.3,
        device: str = "cpu",
        falls_back: bool = True,
    ) -> None:
        super().__init__(space, rng, falls_back=falls_back)
        self.candidates = check_int("candidates", candidates, most=space.size)
        self.temperature, self.beta, self.prior_weight = temperature, beta, prior_weight
        self.proposals = check_choice("proposals", proposals, ("network", "uniform", "all"))
        self.screening, self.steps, self.tasks = screening, check_int("steps", steps), check_int("tasks", tasks)
        self.width = check_int("width", width, most=_LARGEST_WIDTH)
        if self.width % 4:
            raise SettingError("width", width, "a multiple of 4")
        self.learning_rate, self.screen, self.std, self.noise = learning_rate, screen, std, noise
        self.device = device
        self._asked = np.zeros(space.size, dtype=bool)

    def _learn(self, sources: list[SourceTask]) -> MetaNASModel:
        with needing("meta-nas", "torch"):
            import torch  # noqa: F401

            from nasmeta.meta.meta_nas._training import Recipe, train_networks

        recipe = Recipe(self.steps, self.tasks, self.width, self.learning_rate, self.screen, self.std, self.noise)
        return train_networks(self.space, sources, recipe, self.rng, self.device, self.monitor)

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        model: MetaNASModel = self._require_meta_model()
        facts = {"width": model.width, "sources": list(model.sources), "labels": model.labels}
        weights = {name: values.astype(np.float16) for name, values in model.weights.items()}  # as they were rounded
        return {**weights, "log": model.log}, facts

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> MetaNASModel:
        with needing("meta-nas", "torch"):
            from nasmeta.meta.meta_nas._model import MetaNASModel

        weights = {name: array.astype(np.float32) for name, array in arrays.items() if name != "log"}
        log = np.asarray(arrays["log"])
        return MetaNASModel(self.space, facts["width"], weights, tuple(facts["sources"]), facts["labels"], log)

    def _propose(self, n: int) -> NDArray[np.int32]:
        """Propose the candidates of highest upper confidence bound."""
        model: MetaNASModel = self._require_meta_model()
        free = np.flatnonzero(~self._asked)
        if len(free) < n:
            raise SpaceExhaustedError(f"All {self.space.size:,} cells of {self.space.name} have been proposed.")
        cells, values = self._context()
        candidates, own = self._candidates(model, free, max(n, self.candidates), cells, values)
        if self.screening:
            mean, deviation = model.predict(candidates, cells, values)
            bound = mean + self.beta * deviation + self.prior_weight * GREED * own
            candidates = candidates[np.argsort(-bound, kind="stable")]
        chosen = candidates[:n].astype(np.int32)
        self._asked[chosen] = True
        return chosen

    def _observe(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Propose none of them again; the context is what was found."""
        self._asked[cells] = True

    def _context(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the cells and values that the networks read: the best ones and the latest where there are many."""
        cells = np.fromiter(self._found, np.int32, len(self._found))
        values = np.fromiter(self._found.values(), np.float64, len(self._found))
        half = _LARGEST_CONTEXT // 2
        if len(cells) > _LARGEST_CONTEXT:
            best = np.argsort(-values[:-half], kind="stable")[:half]
            kept = np.r_[np.sort(best), len(cells) - half : len(cells)]
            cells, values = cells[kept], values[kept]
        return cells, values

    def _candidates(
        self,
        model: MetaNASModel,
        free: NDArray[np.intp],
        count: int,
        cells: NDArray[np.int32],
        values: NDArray[np.float64],
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return up to `count` of the free cells in the order in which they were drawn, and their log probabilities."""
        count = min(count, len(free))
        if self.proposals == "all":
            return free, np.zeros(len(free))
        if self.proposals == "uniform":
            return self.rng.choice(free, count, replace=False), np.zeros(count)
        log_p = model.log_probabilities(cells, values)[free]
        scores = log_p
        if self.temperature > 0:  # the largest of these are a draw without replacement (Gumbel top-k)
            scores = scores + self.temperature * self.rng.gumbel(size=len(free))
        first = np.argpartition(-scores, count - 1)[:count]
        first = first[np.argsort(-scores[first], kind="stable")]
        return free[first], log_p[first]
