"""Bayesian optimisation on the neural process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_number
from nasmeta.errors import SpaceExhaustedError
from nasmeta.meta._falls_back import FallsBackSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

if TYPE_CHECKING:
    from nasmeta.meta.neural_process._predictor import MetaNP

_LISTED = 512  # cells of the highest bounds: among them the highest is looked for, until all are asked again
_ALWAYS_BELOW, _GROWTH = 10, 1.2  # observations below which all are asked each time, and their growth until the next
_CONTEXT = 100  # latest observations that the process reads: as many as it was trained on


class MetaNPSearch(FallsBackSearch):
    """Bayesian optimisation whose model is a transformer neural process: each step is one forward pass.

    The upper confidence bound of the process is maximised over all cells each time that the observations have grown by
    a fifth, and in between over the 512 cells where it was highest. What it has learnt is a model of the
    meta-predictor ``meta-np``, so a file of the one serves the other. Observed values may be in any unit: they are put
    on the scale of what the sources expect by quantiles. Needs PyTorch.

    Parameters
    ----------
    beta : float, default 0.5
        Predicted standard deviations that are added to the predicted mean.
    width : int, default 48
    steps : int, optional
        Of the meta-training; by default 400.
    noise : float, default 0.1
        Deviation of the noise that is added to the sources' scores.
    device : str, default "cpu"
        Of the meta-training.
    seed : int, default 0
        Of the meta-training.
    falls_back : bool, default True
        Whether the process competes with `nasmeta.searchers.GPSearch`, which learns from the same values and takes over
        where its cells turn out worse; ``notes`` say who proposed what. False is the neural process alone.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("meta-np", "nb201/cifar100", evaluations=5, settings={"steps": 2})
    >>> len(run)
    5
    """

    search_settings = ("beta", "device", "falls_back")

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        beta: float = 0.5,
        width: int = 48,
        steps: int | None = None,
        noise: float = 0.1,
        device: str = "cpu",
        seed: int = 0,
        falls_back: bool = True,
    ) -> None:
        super().__init__(space, rng, falls_back=falls_back)
        self.beta = check_number("beta", beta)
        self.width, self.steps = width, steps
        self.noise, self.device, self.seed = noise, device, seed
        self._open = np.ones(space.size, dtype=bool)
        self._listed, self._listed_at = np.zeros(0, dtype=np.int32), 0

    @cached_property
    def _predictor(self) -> MetaNP:
        from nasmeta.meta._meta_predictor import META_PREDICTORS

        own = {name: getattr(self, name) for name in ("width", "steps", "noise", "device", "seed")}
        made: MetaNP = META_PREDICTORS["meta-np"](self.space, blends=False, **own)
        made.monitor = self.monitor
        return made

    def _learn(self, sources: list[SourceTask]) -> Any:
        return self._predictor.meta_fit(sources).meta_model_

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        self._predictor.meta_model_ = self._require_meta_model()
        return self._predictor._pack()

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> Any:
        return self._predictor._unpack(arrays, facts)

    def restrict(self, cells: NDArray[np.int32]) -> bool:
        """Treat the other cells as asked."""
        self._open[:] = False
        self._open[cells] = True
        super().restrict(cells)
        return True

    def _propose(self, n: int) -> NDArray[np.int32]:
        """Propose the cells of highest bound that have not been proposed."""
        if n > int(self._open.sum()):
            raise SpaceExhaustedError(f"All {self.space.size:,} cells of {self.space.name} have been proposed.")
        bound = self._bounds(n)
        shuffled = self.rng.permutation(self.space.size)  # so that ties are drawn from at random
        chosen = shuffled[np.argsort(-bound[shuffled], kind="stable")[:n]].astype(np.int32)
        self._open[chosen] = False
        return chosen

    def _bounds(self, n: int) -> NDArray[np.float64]:
        """Return the bounds of at least n open cells, (n_cells,), the highest among them; minus infinity elsewhere."""
        predictor, learnt, told = self._predictor, self._require_meta_model(), len(self._found)
        listed = self._listed[self._open[self._listed]]
        anew = told < _ALWAYS_BELOW or told >= self._listed_at * _GROWTH or len(listed) < n
        asked = np.flatnonzero(self._open).astype(np.int32) if anew else listed
        cells = np.fromiter(self._found, np.int32, told)[-_CONTEXT:]
        values = np.fromiter(self._found.values(), np.float64, told)[-_CONTEXT:]
        scores = predictor._scale(learnt, cells, values).scores if told else values
        mean, deviation = predictor._forecast(learnt, cells, scores, asked)
        bound = np.full(self.space.size, -np.inf)
        bound[asked] = mean + self.beta * deviation
        if anew:
            self._listed, self._listed_at = np.argsort(-bound, kind="stable")[:_LISTED].astype(np.int32), told
        return bound

    def _observe(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Propose none of them again; the context is what was found."""
        self._open[cells] = False
